"""Plain values as lines of YAML, in block style; lists of numbers are one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any


def of_mapping(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    """Yield the lines of a mapping whose keys begin behind `indent`."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from of_mapping(value, f"{indent}  ")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            if is_numbers(value):
                yield f"{indent}{key}: {numbers(value)}"
                continue
            yield f"{indent}{key}:"
            for item in value:
                yield from of_item(item, f"{indent}  ")
        else:
            yield f"{indent}{key}: {scalar(value)}"


def of_item(item: Any, indent: str) -> Iterator[str]:
    """Yield the lines of an item of a list, whose dash is behind `indent`."""
    if not isinstance(item, Mapping):
        yield f"{indent}- {scalar(item)}"
        return
    first, *rest = of_mapping(item, f"{indent}  ")
    yield f"{indent}- {first.strip()}"
    yield from rest


def scalar(value: object) -> str:
    """Return a value that is neither a mapping nor a list, and text that needs no quotes."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_numbers(value: Sequence[Any]) -> bool:
    """Return whether a list is one of whole numbers alone."""
    return all(isinstance(item, int) for item in value)


def numbers(value: Sequence[int]) -> str:
    """Return a list of whole numbers in brackets."""
    return f"[{', '.join(map(str, value))}]"
