"""Plain values of objects, whose shape nobody has checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Json = Mapping[str, Any]


def mapping(value: Any) -> Json:
    """Return a mapping as it is, and an empty one for anything else."""
    return value if isinstance(value, dict) else {}


def texts(value: Any) -> dict[str, str]:
    """Return a mapping of labels with its values as text, which all of them must be."""
    return {key: str(text) for key, text in mapping(value).items()}


def mappings(value: Any) -> list[Json]:
    """Return the items of a list as mappings; an item that is none is an empty one."""
    return [mapping(item) for item in sequence(value)]


def sequence(value: Any) -> Sequence[Any]:
    """Return a list as it is, and an empty one for anything else."""
    return value if isinstance(value, list | tuple) else ()


def at(value: Any, *path: str) -> Any:
    """Return what a path of keys leads to, or None."""
    for key in path:
        value = mapping(value).get(key)
    return value
