"""Reads values of objects whose shape is not validated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


def mapping(value: Any) -> Json:
    """Return a mapping unchanged, and an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def texts(value: Any) -> dict[str, str]:
    """Return a mapping of labels with its values converted to text, as Kubernetes requires."""
    return {key: str(text) for key, text in mapping(value).items()}


def mappings(value: Any) -> list[Json]:
    """Return the items of a list; an item that is no mapping becomes an empty one."""
    return [mapping(item) for item in sequence(value)]


def sequence(value: Any) -> Sequence[Any]:
    """Return a list unchanged, and an empty one for anything else."""
    return value if isinstance(value, list | tuple) else ()


def at(value: Any, *path: str) -> Any:
    """Return the value at a path of keys, or None."""
    for key in path:
        value = mapping(value).get(key)
    return value
