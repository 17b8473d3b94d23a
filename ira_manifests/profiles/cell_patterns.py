"""Patterns of cells, such as h100/* and */llama3, by which options and environments choose them."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

from ira_manifests.errors import did_you_mean, one_of


def match(name: str, patterns: Collection[str]) -> bool:
    """Return whether one of the patterns matches a cell's name; without patterns all match."""
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def unmatched(patterns: Iterable[str], names: Collection[str]) -> list[str]:
    """Return the patterns that match none of the cells' names."""
    return [each for each in patterns if not any(fnmatchcase(name, each) for name in names)]


def names_no_cell(pattern: str, names: Collection[str]) -> str:
    """Return what is wrong with a pattern that matches none of the cells' names."""
    parts = [name.partition("/") for name in names]
    known = [*names, *(f"{gpu}/*" for gpu, _, _ in parts), *(f"*/{model}" for *_, model in parts)]
    return (
        f"{pattern!r} names no cell of the matrix; it has {one_of(names)}"
        f"{did_you_mean(pattern, known)}"
    )
