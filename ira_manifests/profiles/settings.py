"""Which value of a serving field applies to a cell: the platform's, the model's or its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from typing import Any

from ira_manifests.profiles.serving_fields import ServingFields

LEVELS = ("platform", "model", "cell")
"""From the defaults of all cells to a cell's own values."""


def settings(levels: Sequence[ServingFields]) -> ServingFields:
    """Return the fields of a cell. `levels`: those of the platform, its model and its own.

    Mappings are merged by key, lists are joined, and of any other field the last value applies.
    """
    found = {
        name: reduce(_merged, (getattr(level, name) for level in levels))
        for name in ServingFields.model_fields
    }
    return ServingFields.model_construct(**found)


def _merged(outer: Any, inner: Any) -> Any:
    if isinstance(outer, Mapping):
        return {**outer, **inner}
    if isinstance(outer, tuple):
        return (*outer, *inner)
    return outer if inner is None else inner


def level_of(levels: Sequence[ServingFields], path: Sequence[str | int]) -> tuple[int, list[Any]]:
    """Return the index of the level that decides a field, and the field's path there.

    `path`: a field of `settings`, the key or index of an entry in it, and a path in that.
    """
    name, *inner = path
    values = [getattr(level, str(name)) for level in levels]
    given = [number for number, value in enumerate(values) if value not in (None, {}, ())]
    last = given[-1] if given else len(levels) - 1
    if not inner:
        return last, [name]
    if isinstance(values[last], tuple):
        level, index = _level_of_item(values, str(name), int(inner[0]))
        return level, [name, index, *inner[1:]]
    having = [number for number in given if inner[0] in values[number]]
    return (having or [last])[-1], [name, *inner]


def _level_of_item(lists: Sequence[Sequence[Any]], name: str, index: int) -> tuple[int, int]:
    for number, items in enumerate(lists):
        if index < len(items):
            return number, index
        index -= len(items)
    raise IndexError(f"{name} has no item {index}")
