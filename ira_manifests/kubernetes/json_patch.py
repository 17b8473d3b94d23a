"""JSON patches (RFC 6902) of plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from ira_manifests.errors import PatchError, one_of

OPERATIONS: Mapping[str, tuple[str, ...]] = {
    "add": ("path", "value"),
    "copy": ("from", "path"),
    "move": ("from", "path"),
    "remove": ("path",),
    "replace": ("path", "value"),
    "test": ("path", "value"),
}
"""The operations, and the keys that each has beside `op`."""

_END = "-"
_DIGITS = 9  # more than any index has


def patched(document: Any, operations: Sequence[Mapping[str, Any]]) -> Any:
    """Return a value after some operations, which have the form that `OPERATIONS` describes.

    Raises `PatchError` for a path that is not there, and for a test that fails.
    """
    found = deepcopy(document)
    for number, operation in enumerate(operations):
        try:
            found = _applied(found, operation)
        except _MissingError as error:
            raise PatchError((number, error.key), error.message) from None
    return found


class _MissingError(Exception):
    """A path that is not there; `key`: the operation's key that has it."""

    def __init__(self, key: str, message: str) -> None:
        self.key = key
        self.message = message
        super().__init__(message)


def _applied(document: Any, operation: Mapping[str, Any]) -> Any:
    op, path = operation["op"], operation["path"]
    match op:
        case "add":
            return _added(document, path, deepcopy(operation["value"]))
        case "remove":
            return _removed(document, path)
        case "replace":
            _value(document, path)
            return _set(document, path, deepcopy(operation["value"]))
        case "copy":
            return _added(document, path, deepcopy(_value(document, operation["from"], "from")))
        case "move":
            value = _value(document, operation["from"], "from")
            if f"{path}/".startswith(f"{operation['from']}/") and path != operation["from"]:
                raise _MissingError("path", "is inside of what is moved; write another path")
            return _added(_removed(document, operation["from"], "from"), path, value)
        case _:
            value = _value(document, path)
            if not _equal(value, operation["value"]):
                raise _MissingError("value", f"is not what is there: {_shown(value)}")
            return document


def _value(document: Any, pointer: str, key: str = "path") -> Any:
    for place, word in enumerate(words := _words(pointer)):
        document = _inside(document, word, words[:place], key)
    return document


def _inside(holder: Any, word: str, before: Sequence[str], key: str) -> Any:
    if isinstance(holder, dict) and word in holder:
        return holder[word]
    if isinstance(holder, list):
        return holder[_index(holder, word, len(holder) - 1, before, key)]
    at = "/" + "/".join(map(_escaped, before)) if before else "the object"
    if isinstance(holder, dict):
        raise _MissingError(key, f"leads to {word!r}, and {at} has {one_of(map(str, holder))}")
    raise _MissingError(key, f"leads to {word!r}, and {at} is {_shown(holder)}")


def _index(holder: Sequence[Any], word: str, most: int, before: Sequence[str], key: str) -> int:
    at = "/" + "/".join(map(_escaped, before))
    number = int(word) if word.isascii() and word.isdecimal() and len(word) <= _DIGITS else -1
    if number > most or str(number) != word:
        count = len(holder)
        raise _MissingError(
            key, f"leads to {word!r}, and {at} is a list of {count} items from 0 on"
        )
    return number


def _added(document: Any, pointer: str, value: Any) -> Any:
    words = _words(pointer)
    if not words:
        return value
    holder = _holder(document, words, "path")
    if isinstance(holder, list):
        last = words[-1]
        most = len(holder)
        at = most if last == _END else _index(holder, last, most, words[:-1], "path")
        holder.insert(at, value)
    else:
        holder[words[-1]] = value
    return document


def _set(document: Any, pointer: str, value: Any) -> Any:
    words = _words(pointer)
    if not words:
        return value
    holder = _holder(document, words, "path")
    holder[int(words[-1]) if isinstance(holder, list) else words[-1]] = value
    return document


def _removed(document: Any, pointer: str, key: str = "path") -> Any:
    _value(document, pointer, key)
    words = _words(pointer)
    if not words:
        raise _MissingError(key, "is the whole object; name a field of it")
    holder = _holder(document, words, key)
    del holder[int(words[-1]) if isinstance(holder, list) else words[-1]]
    return document


def _holder(document: Any, words: Sequence[str], key: str) -> Any:
    """Return the list or mapping that holds what a pointer names."""
    for place, word in enumerate(words[:-1]):
        document = _inside(document, word, words[:place], key)
    if not isinstance(document, dict | list):
        at = "/" + "/".join(map(_escaped, words[:-1]))
        raise _MissingError(key, f"leads to {words[-1]!r}, and {at} is {_shown(document)}")
    return document


def _words(pointer: str) -> list[str]:
    return [word.replace("~1", "/").replace("~0", "~") for word in pointer.split("/")[1:]]


def _escaped(word: str) -> str:
    return word.replace("~", "~0").replace("/", "~1")


def _equal(one: Any, other: Any) -> bool:
    # To Python True is 1; to JSON it is not.
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return repr(value)[:60]
