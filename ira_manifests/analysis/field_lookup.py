"""One field of a cell's manifests: what each directory has there, and where that comes from. Pure.

A field is written "Kind path", such as "Deployment spec.replicas". A path without its kind, the
last part of a path and a kind alone name a field too, where they name one alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ira_manifests.analysis.provenance import Value
from ira_manifests.analysis.provenance_reasons import REASONS
from ira_manifests.errors import InputError, did_you_mean, one_of

_POD, _TEMPLATE_POD = "Deployment spec.template.", "PodTemplate template."
_MOST_CANDIDATES = 12


@dataclass(frozen=True)
class Held:
    """A rendered directory: its name, its objects, and the values that profiles decide in it."""

    name: str
    objects: Sequence[Mapping[str, Any]]
    known: Sequence[Value]


@dataclass(frozen=True)
class Leaf:
    """A field that holds no other: where it is, its value, its source."""

    path: str
    value: str
    source: str


@dataclass(frozen=True)
class Answer:
    """What directories hold at a field; `directories` is empty where all of the cell's do."""

    path: str
    leaves: tuple[Leaf, ...]
    directories: tuple[str, ...] = ()


def find(directories: Sequence[Held], field: str) -> list[Answer]:
    """Return what directories hold at a field: one answer, or one for each that differs.

    Raises `InputError` for a field that there is not, and for a name of several fields.
    """
    path = _path(directories, field)
    by_leaves: dict[tuple[Leaf, ...], list[str]] = {}
    for each in directories:
        by_leaves.setdefault(_below(each, path), []).append(each.name)
    by_leaves.pop((), None)
    if list(map(len, by_leaves.values())) == [len(directories)]:
        return [Answer(path, tuple(*by_leaves))]
    return [Answer(path, found, tuple(names)) for found, names in by_leaves.items()]


def source_of(known: Sequence[Value], field: str) -> str:
    """Return the source of a field: of the longest beginning of it that has one."""
    sources = dict(REASONS)
    for value in known:
        sources |= dict.fromkeys(value.fields, value.source) | dict(value.parts)
    if field.startswith(_TEMPLATE_POD):
        copied = _longest(sources, _POD + field.removeprefix(_TEMPLATE_POD))
        if copied is not None:
            return copied
    return _longest(sources, field) or "unknown"


def _longest(sources: Mapping[str, str], path: str) -> str | None:
    while path and path not in sources:
        path = path[: max(path.rfind("."), path.rfind("["), path.rfind(" "), 0)]
    return sources.get(path)


def leaves(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every field of an object that holds no other, with its value as text."""
    for path, value in _nodes(item, ""):
        if not (value and isinstance(value, Mapping | list)):
            text = str(value).lower() if isinstance(value, bool) else str(value)
            yield f"{item['kind']} {path}", text


def _path(directories: Sequence[Held], field: str) -> str:
    """Return the one field that a name means."""
    paths = dict.fromkeys(
        f"{item['kind']} {path}".rstrip()
        for each in directories
        for item in each.objects
        for path, _ in _nodes(item, "")
    )
    if field in paths:
        return field
    found = [path for path in paths if path.partition(" ")[2] == field]
    found = found or [path for path in paths if path.endswith(f".{field}")]
    copies = {_TEMPLATE_POD + path.removeprefix(_POD) for path in found if path.startswith(_POD)}
    found = [path for path in found if path not in copies]
    if len(found) == 1:
        return found[0]
    if found:
        more = ", …" if len(found) > _MOST_CANDIDATES else ""
        shown = ", ".join(repr(path) for path in found[:_MOST_CANDIDATES])
        raise InputError(f"{field!r} is in several places; write one of {shown}{more}")
    names = list(dict.fromkeys(value.name for each in directories for value in each.known))
    guess = did_you_mean(field, [*names, *(path.partition(" ")[2] for path in paths)])
    raise InputError(f"{field!r} is no field; it is one of {one_of(names)}{guess}")


def _below(held: Held, path: str) -> tuple[Leaf, ...]:
    begins = (f"{path}.", f"{path}[", f"{path} ")
    return tuple(
        Leaf(each, text, source_of(held.known, each))
        for item in held.objects
        for each, text in leaves(item)
        if each == path or each.startswith(begins)
    )


def _nodes(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every field of a value, itself first, with what it holds."""
    yield path, value
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _nodes(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _nodes(inner, f"{path}[{index}]")
