"""The user's `base/ira-model-config.env`: the bucket and the model to download.

Kustomize takes a value to the end of its line, blanks, quotes and comments included
(https://github.com/kubernetes-sigs/kustomize, api/kv).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ira_manifests import names
from ira_manifests.env_file import KEYS, entries
from ira_manifests.errors import did_you_mean, one_of
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.known_ids import other_spelling

_QUOTED = re.compile(r"""(["']).*\1""")


def check(file: str, content: bytes, served: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what is wrong in the file; placeholders are a file that nobody has filled in yet.

    `served`: the model ids that cells serve, or that are known, each with who says so.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        yield Finding(file, 1, 1, "IRA025", "", "the file is not UTF-8 text", "save it as UTF-8")
        return
    seen: set[str] = set()
    for number, key, equals, value in entries(text.split("\n")):
        if not key:
            continue
        for rule_id, message, hint in _line(key, equals, value, seen, served):
            yield Finding(file, number, 1, rule_id, key.strip(), message, hint)
        seen.add(key)
    for key in KEYS:
        if key not in seen:
            yield Finding(file, 1, 1, "IRA025", key, f"no line sets {key}", f"write {key}=<{key}>")


_Hit = tuple[str, str, str]


def _line(
    key: str, equals: str, value: str, seen: set[str], served: Mapping[str, str]
) -> Iterator[_Hit]:
    if not equals or key not in KEYS:
        message = f"{key.strip()[:60]!r} is none of the file's keys: {one_of(KEYS)}"
        hint = f"write KEY=value{did_you_mean(key, KEYS)}"
        yield "IRA025", message, hint
    elif key in seen:
        yield "IRA025", f"{key} is set a second time", "keep one of the lines"
    elif value.strip() == f"<{key}>":
        return
    elif re.search(r"\s#|\s$|^\s|^$", value) or _QUOTED.fullmatch(value):
        message = "blanks, quotes or a comment around the value become part of it"
        yield "IRA025", message if value else "the value is empty", "write the bare value alone"
    elif key == "MODEL_ID":
        yield from _model_id(value, served)
    else:
        problem = names.check_bucket(value)
        if problem:
            yield "IRA021", f"{value!r} {problem}", "write the bucket's bare name"


def _model_id(value: str, served: Mapping[str, str]) -> Iterator[_Hit]:
    problem = names.check_hub_id(value)
    if problem:
        yield "IRA021", f"{value!r} {problem}", "write the id as the model's page shows it"
        return
    other = other_spelling(value, served)
    if other is not None:
        message = f"{value!r} differs from {other!r} in organisation or case"
        hint = f"write {other}, which {served[other]}: its folder in the bucket has that name"
        yield "IRA009", message, hint
