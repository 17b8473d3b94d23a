"""The fields of Kubernetes objects: their names and types, and the keys by which lists are merged.

`fields.json` has them by type, such as {"Container": {"name": "text!", "env": "[EnvVar]by name"}}.
`tools/kubernetes_fields.py` makes it from the published schemas. A field's type is another type, or
text, number, truth, quantity, number-or-text, any; "[T]" is a list and "{T}" a mapping; "!" marks a
required field. "by name" says that a strategic merge patch merges the list's items by that key, or
by several with a comma; "by" alone, that it merges plain items.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from ira_manifests.errors import did_you_mean, one_of

TABLE = Path(__file__).with_name("fields.json")

_TYPE = re.compile(
    r"(?:\[(?P<items>.+)\](?:by ?(?P<key>[^!]*))?|\{(?P<values>.+)\}|(?P<one>[\w-]+))!?"
)
_MOST_LISTED = 15


class Wrong(NamedTuple):
    """A field that is wrong: its path, what is wrong, and whether the key itself is."""

    path: tuple[str | int, ...]
    message: str
    is_key: bool = False


@cache
def table() -> Mapping[str, Mapping[str, str]]:
    """Return the fields of each type."""
    found: dict[str, dict[str, str]] = json.loads(TABLE.read_text("utf-8"))
    return found


def wrong(kind: str, value: Any) -> Iterator[Wrong]:
    """Yield what is wrong in a value of a type: unknown keys, missing ones, values of other types.

    `value`: plain values, as JSON has them. A type that is not in the table is not judged.
    """
    yield from _wrong(kind, value, ())


def field_type(kind: str | None, name: str) -> str | None:
    """Return the type of a field of a type; None if it is not known."""
    if kind is None:
        return None
    parts = _TYPE.fullmatch(kind)
    if parts and parts["values"]:
        return parts["values"]
    return table().get(kind, {}).get(name, "").removesuffix("!") or None


def items_type(kind: str | None) -> str | None:
    """Return the type of the items of a list's type; None if it is not known."""
    parts = _TYPE.fullmatch(kind or "")
    return parts["items"] if parts else None


def merge_keys(kind: str | None) -> tuple[str, ...] | None:
    """Return the keys by which a list's items are merged: empty for plain items, None for none."""
    parts = _TYPE.fullmatch(kind or "")
    if parts is None or parts["key"] is None:
        return None
    return tuple(filter(None, parts["key"].split(",")))


_PLAIN: dict[str, tuple[Callable[[Any], bool], str]] = {
    "text": (lambda value: isinstance(value, str), "text in quotes"),
    "number": (lambda value: type(value) is int, "a whole number"),
    "truth": (lambda value: isinstance(value, bool), "true or false"),
    "quantity": (
        lambda value: isinstance(value, str | int | float) and not isinstance(value, bool),
        "an amount such as 500m or 1Gi",
    ),
    "number-or-text": (
        lambda value: isinstance(value, str) or type(value) is int,
        "a whole number or text",
    ),
    "any": (lambda _: True, "anything"),
}


def _wrong(kind: str, value: Any, path: tuple[str | int, ...]) -> Iterator[Wrong]:
    parts = _TYPE.fullmatch(kind)
    assert parts, kind  # noqa: S101  the table's own notation
    if parts["items"]:
        yield from _wrong_in_list(parts["items"], value, path)
    elif parts["values"]:
        yield from _wrong_in_mapping(parts["values"], value, path)
    elif parts["one"] in _PLAIN:
        holds, allowed = _PLAIN[parts["one"]]
        if not holds(value):
            yield Wrong(path, f"is {_shown(value)}; it must be {allowed}")
    elif not isinstance(value, dict):
        yield Wrong(path, f"is {_shown(value)}; it must be a mapping (key: value)")
    elif parts["one"] in table():
        yield from _wrong_in_fields(table()[parts["one"]], value, path)


def _wrong_in_list(kind: str, value: Any, path: tuple[str | int, ...]) -> Iterator[Wrong]:
    if not isinstance(value, list):
        yield Wrong(path, f"is {_shown(value)}; it must be a list (- item)")
        return
    for index, item in enumerate(value):
        yield from _wrong(kind, item, (*path, index))


def _wrong_in_mapping(kind: str, value: Any, path: tuple[str | int, ...]) -> Iterator[Wrong]:
    if not isinstance(value, dict):
        yield Wrong(path, f"is {_shown(value)}; it must be a mapping (key: value)")
        return
    for key, item in value.items():
        yield from _wrong(kind, item, (*path, key))


def _wrong_in_fields(
    fields: Mapping[str, str], value: Mapping[str, Any], path: tuple[str | int, ...]
) -> Iterator[Wrong]:
    for key, item in value.items():
        if key in fields:
            yield from _wrong(fields[key], item, (*path, key))
            continue
        meant = did_you_mean(str(key), fields)  # an app can give keys of any type
        many = len(fields) > _MOST_LISTED
        allowed = "" if meant and many else f"; allowed: {one_of(fields)}"
        yield Wrong((*path, key), f"is an unknown key{allowed}{meant}", is_key=True)
    for key, kind in fields.items():
        if kind.endswith("!") and key not in value:
            yield Wrong((*path, key), "is missing")


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"the number {value}"
    return "empty" if value is None else f"a {'mapping' if isinstance(value, dict) else 'list'}"
