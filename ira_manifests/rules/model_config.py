"""The user's `base/ira-model-config.env`: the bucket and the model to download.

Kustomize takes a value to the end of its line, blanks, quotes and comments included
(https://github.com/kubernetes-sigs/kustomize, api/kv).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from ira_manifests.errors import did_you_mean, one_of
from ira_manifests.kubernetes import names
from ira_manifests.messages import shortened
from ira_manifests.output.env_file import KEYS, MAX_BYTES, MAX_LINE, Entry, entries, too_long
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.rules.finding import MOST_TOLD, Finding, condensed, unreadable
from ira_manifests.rules.known_ids import other_spelling
from ira_manifests.rules.registry import BAD_INPUT

_MOST_SHOWN = 60  # letters of a key
_QUOTED = re.compile(r"""(["']).*\1""")


class Ids(NamedTuple):
    """The model ids that a value is compared with."""

    served: Mapping[str, str]
    """Those that cells serve, each with the directory of the first that does."""
    known: Iterable[str] = ()
    """Further ones, as their owners write them."""


_MEANT = {"IRA_BUCKET_NAME": "the bucket's name", "MODEL_ID": "the id of the model"}
_FILL_IN = {
    "IRA_BUCKET_NAME": "write the bucket's name, or run synth with --bucket or --terraform-output",
    "MODEL_ID": "write the id of the model to download, or run synth with --model-id",
}


def ids_of(matrix: Matrix) -> Ids:
    """Return what the cells of a matrix serve, and what its profiles know."""
    served = {cell.model.model_id: cell.directory for cell in reversed(list(matrix.values()))}
    return Ids(served, matrix.profiles.known_model_ids)


def check(file: str, content: bytes, ids: Ids) -> Iterator[Finding]:
    """Yield what is wrong in the file, and what nobody has filled in yet.

    More than a few findings of one rule are told as one.
    """
    yield from condensed(_every(file, content, ids))


def unserved(file: str, content: bytes, ids: Ids) -> list[Finding]:
    """Return the finding of a model that is downloaded and not served, where there is one."""
    return [item for item in check(file, content, ids) if item.rule_id == "IRA040"]


def _every(file: str, content: bytes, ids: Ids) -> Iterator[Finding]:
    if len(content) > MAX_BYTES:
        yield unreadable(file, f"the file has more than {MAX_BYTES} bytes", "keep its two lines")
        return
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        yield unreadable(file, "the file is not UTF-8 text", "save it as UTF-8")
        return
    seen: set[str] = set()
    guess = _Guess()
    for number, key, equals, value in entries(text):
        if not key:
            continue  # kustomize skips the line as well
        for rule_id, message, hint in _line(Entry(number, key, equals, value), seen, ids, guess):
            yield Finding(file, number, 1, rule_id, key.strip()[:_MOST_SHOWN], message, hint)
        seen.add(key)
    cut = too_long(text)
    if cut is not None:
        message = f"the line has more than {MAX_LINE} bytes: kustomize reads nothing from it on"
        yield Finding(file, cut, 1, "IRA033", "", message, "make it shorter")
    for key in KEYS:
        if key not in seen:
            yield Finding(
                file, 1, 1, "IRA033", key, f"no line sets {key}", f"write {key}=<{_MEANT[key]}>"
            )


class _Guess:
    """Names the key that was probably meant, for the first lines only: a guess takes time."""

    def __init__(self) -> None:
        self._left = MOST_TOLD

    def __call__(self, key: str) -> str:
        self._left -= 1
        return did_you_mean(key[:_MOST_SHOWN], KEYS) if self._left >= 0 else ""


_Hit = tuple[str, str, str]


def _line(entry: Entry, seen: set[str], ids: Ids, guess: Callable[[str], str]) -> Iterator[_Hit]:
    key, value = entry.key, entry.value
    if key not in KEYS:
        yield _unknown_key(entry, guess)
    elif key in seen:
        yield BAD_INPUT, f"{key} is set a second time", "keep one of the lines"
    elif not entry.equals:
        # Kustomize takes the value from kubectl's own environment.
        yield "IRA033", f"no '=' follows {key}", f"write {key}=<{_MEANT[key]}>"
    elif not value:
        yield "IRA033", "the value is empty", f"write {key}=<{_MEANT[key]}>"
    elif value.strip() == f"<{key}>":
        yield "IRA039", "the placeholder is still there", _FILL_IN[key]
    elif re.search(r"\s#|\s$|^\s", value) or _QUOTED.fullmatch(value):
        message = "blanks, quotes or a comment around the value become part of it"
        yield "IRA025", message, "write the bare value alone"
    elif "\r" in value:
        message = "the CR inside the line becomes part of the value"
        yield "IRA025", message, "end each line with LF or CR LF"
    elif key == "MODEL_ID":
        yield from _model_id(value, ids)
    else:
        problem = names.check_bucket(value)
        if problem:
            yield "IRA021", f"{shortened(value)!r} {problem}", "write the bucket's bare name"


def _unknown_key(entry: Entry, guess: Callable[[str], str]) -> _Hit:
    bare = entry.key.strip()
    if bare in KEYS:
        return "IRA025", "blanks before the '=' become part of the key", "remove them"
    shown = shortened(bare)
    message = f"{shown!r} is none of the file's keys: {one_of(KEYS)}"
    return "IRA013", message, f"write KEY=value{guess(bare)}"


def _model_id(value: str, ids: Ids) -> Iterator[_Hit]:
    problem = names.check_hub_id(value)
    if problem:
        yield (
            "IRA021",
            f"{shortened(value)!r} {problem}",
            "write the id as the model's page shows it",
        )
        return
    reasons = dict.fromkeys(ids.known, "is the known id")
    reasons |= {served: f"{directory} serves" for served, directory in ids.served.items()}
    other = other_spelling(value, reasons)
    if other is not None:
        message = f"{value!r} differs from {other!r} in organisation or case"
        hint = f"write {other}, which {reasons[other]}: its folder in the bucket has that name"
        yield "IRA009", message, hint
    elif value not in ids.served:
        meant = did_you_mean(value, ids.served) or f"; cells serve {one_of(ids.served)}"
        hint = "write the id of a model that is served, or add a cell that serves this one"
        yield "IRA040", f"no cell serves {value!r}{meant}", hint
