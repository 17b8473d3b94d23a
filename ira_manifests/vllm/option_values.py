"""The values of options, as vLLM reads them.

Facts: vllm/utils/argparse_utils.py of release 0.26.0, and vllm/engine/arg_utils.py before 0.20.
"""

import json
import re
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from ira_manifests.errors import did_you_mean
from ira_manifests.vllm.options import Kind

_WITH_SUFFIX = re.compile(r"(\d+(?:\.\d+)?)([kKmMgGtT])")
# A number with a suffix, outside of strings; vLLM expands it before it parses JSON.
_STRINGS = re.compile(r'("(?:[^"\\]|\\.)*")')
_SUFFIXED = re.compile(r"\b\d+(?:\.\d+)?[kKmMgGtT]\b")
# Kubernetes expands $(NAME) when the container starts: its value is not known here.
_EXPANDED_LATER = re.compile(r"\$\([^()]+\)")
_POWERS = {"k": 1, "m": 2, "g": 3, "t": 4}


class Reason(StrEnum):
    """What is wrong with an argument."""

    UNKNOWN = "unknown"
    AMBIGUOUS = "ambiguous"
    NO_VALUE = "no value"
    NOT_APART = "not apart from its value"
    NEEDLESS_VALUE = "needless value"
    NOT_A_NUMBER = "not a number"
    NOT_JSON = "not JSON"
    NOT_ALLOWED = "not allowed"
    NEEDS_ANOTHER = "needs another"
    NOT_AN_OPTION = "not an option"


def refused(
    text: str, kind: Kind, choices: Sequence[str] = (), bounds: str = ""
) -> tuple[Reason, str] | None:
    """Return why a release refuses an option's value, or None.

    `bounds` has the form `>0 <=1`. An empty value or None unsets an option that may be unset. A
    value that contains `$(NAME)` counts as valid.
    """
    if text in {"", "None"} or _EXPANDED_LATER.search(text):
        return None
    if kind in _NUMBERS:
        return _bad_number(text, kind, bounds) or _bad_choice(text, choices)
    if kind in {Kind.JSON, Kind.JSON_OR_TEXT}:
        return _bad_json(text, kind)
    return _bad_choice(text, choices)


_NUMBERS = {Kind.INT, Kind.FLOAT, Kind.SIZE, Kind.SIZE_OR_AUTO}


def _bad_number(text: str, kind: Kind, bounds: str) -> tuple[Reason, str] | None:
    if kind is Kind.SIZE_OR_AUTO and text.strip().lower() == "auto":
        return None
    read = {Kind.INT: int, Kind.FLOAT: float}.get(kind, human_readable_int)
    try:
        number = read(text)
    except ValueError:
        return Reason.NOT_A_NUMBER, f"{text!r} is no {_CALLED.get(kind, 'number')}"
    if all(_keeps(number, bound) for bound in bounds.split()):
        return None
    return Reason.NOT_ALLOWED, f"{text} is not {bounds.replace(' ', ' and ')}"


_CALLED = {Kind.INT: "integer", Kind.SIZE: "integer such as 8192 or 8k"}


def _keeps(number: float, bound: str) -> bool:
    limit = float(bound.lstrip("<>="))
    match bound.rstrip("-.0123456789e"):
        case ">=":
            return number >= limit
        case ">":
            return number > limit
        case "<=":
            return number <= limit
    return number < limit


def _bad_choice(text: str, choices: Sequence[str]) -> tuple[Reason, str] | None:
    if not choices or text in choices:
        return None
    if all(choice.isdecimal() for choice in choices):
        listed = ", ".join(sorted(choices, key=int))
        return Reason.NOT_ALLOWED, f"{text[:60]} is not one of {listed}"
    message = f"{text[:60]!r} is not one of {', '.join(choices)}"
    return Reason.NOT_ALLOWED, f"{message}{did_you_mean(text, choices)}"


def _bad_json(text: str, kind: Kind) -> tuple[Reason, str] | None:
    if kind is Kind.JSON_OR_TEXT and not text.lstrip().startswith("{"):
        return None
    parts = _STRINGS.split(text)
    parts[::2] = [_SUFFIXED.sub("0", part) for part in parts[::2]]
    try:
        json.loads("".join(parts))
    except json.JSONDecodeError as error:
        return Reason.NOT_JSON, f"{error.msg} at character {error.pos + 1} of {text[:60]!r}"
    except RecursionError:
        return Reason.NOT_JSON, "it is nested too deeply"
    return None


def json_keys(text: str) -> dict[str, Any]:
    """Return the keys of a JSON option's text; empty for any other text."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def human_readable_int(text: str) -> int:
    """Return the number that vLLM reads in options of tokens and bytes.

    Small letters multiply by powers of 1000, capitals by powers of 1024: 128k is 128,000, 1.5m
    1,500,000 and 128K 131,072. Raises ValueError for any other text, such as 1.5K.
    Options of this kind are --max-model-len (which also takes auto and -1),
    --max-num-batched-tokens, --kv-cache-memory-bytes and a few more; others, such as
    --max-num-seqs, take only plain integers.
    """
    text = text.strip()
    match = _WITH_SUFFIX.fullmatch(text)
    if match is None:
        return int(text)
    number, suffix = match.groups()
    power: int = _POWERS[suffix.lower()]
    if suffix.islower():
        return int(float(number) * float(1000**power))
    return int(number) << 10 * power


def merge(into: dict[str, Any], keys: Sequence[str], text: str) -> None:
    """Add the value of `--option.key.key=text` to an option's keys; `key+` appends to a list."""
    *parents, last = keys
    for key in parents:
        inner = into.get(key)
        into = into.setdefault(key, {}) if inner is None or isinstance(inner, dict) else {}
    if last.endswith("+"):
        last, value = last.removesuffix("+"), list[Any](text.split(","))
        known = into.get(last)
        into[last] = [*known, *value] if isinstance(known, list) else value
    else:
        into[last] = _loaded(text)


def _loaded(text: str) -> Any:
    for read in (json.loads, human_readable_int):
        try:
            value: Any = read(text)
        except (ValueError, RecursionError):
            continue
        return dict(value) if isinstance(value, Mapping) else value
    return text
