"""Looks up the value and the source of one manifest field in each directory. Pure.

A field is written "Kind path", such as "Deployment spec.replicas". A path without its kind, the
last part of a path, and a kind alone are also accepted if they match exactly one field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ira_manifests.errors import InputError, did_you_mean, one_of
from ira_manifests.provenance.explained import ExplainedDirectory, Manifest, Node, below, nodes

_POD, _TEMPLATE_POD = "Deployment spec.template.", "PodTemplate template."
_MOST_CANDIDATES = 12


@dataclass(frozen=True)
class Leaf:
    """A field without inner fields: its path, its value, its source."""

    path: str
    value: str
    source: str


@dataclass(frozen=True)
class Answer:
    """The leaves at a field. `directories`: those with these leaves; empty if it is all of them."""

    path: str
    leaves: tuple[Leaf, ...]
    directories: tuple[str, ...] = ()


def find(directories: Sequence[ExplainedDirectory], field: str) -> list[Answer]:
    """Return the leaves at a field: one answer for each distinct result among the directories.

    Raises `InputError` for an unknown field, and for a name that matches several fields.
    """
    path = _path(directories, field)
    by_leaves: dict[tuple[Leaf, ...], list[str]] = {}
    for each in directories:
        by_leaves.setdefault(_below(each, path), []).append(each.name)
    by_leaves.pop((), None)
    if list(map(len, by_leaves.values())) == [len(directories)]:
        return [Answer(path, tuple(*by_leaves))]
    return [Answer(path, found, tuple(names)) for found, names in by_leaves.items()]


def leaves(item: Manifest) -> Iterator[Node]:
    """Return every field of an object without inner fields."""
    return filter(_is_leaf, nodes(item))


def _is_leaf(node: Node) -> bool:
    return not (node.value and isinstance(node.value, Mapping | list))


def _path(directories: Sequence[ExplainedDirectory], field: str) -> str:
    """Return the path of the only field that a name matches."""
    paths = dict.fromkeys(
        node.path for each in directories for item in each.objects for node in nodes(item)
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
        shown_paths = ", ".join(repr(path) for path in found[:_MOST_CANDIDATES])
        raise InputError(f"{field!r} is in several places; write one of {shown_paths}{more}")
    names = list(dict.fromkeys(value.name for each in directories for value in each.values))
    inside = [path.partition(" ")[2] for path in paths]
    last = [path.rpartition(".")[2] for path in inside]
    # Of names that are as close, the shorter one.
    guess = did_you_mean(field, [*names, *last, *inside])
    raise InputError(
        f"unknown field {field!r}; expected a field of the manifests by its name or path, such as "
        f"replicas or spec.replicas, or one of {one_of(names)}{guess}"
    )


def _below(directory: ExplainedDirectory, path: str) -> tuple[Leaf, ...]:
    # Not by a prefix of the path: "app.kubernetes.io/name" is not inside the label "app".
    return tuple(
        Leaf(leaf.path, directory.text_of(leaf), directory.source_of(leaf))
        for item in directory.objects
        for node in nodes(item)
        if node.path == path
        for leaf in filter(_is_leaf, below(node))
    )
