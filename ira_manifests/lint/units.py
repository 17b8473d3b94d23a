"""What is judged together: a built kustomization, the manifests of a folder, or a stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from ira_manifests.kustomizations.build import Built
from ira_manifests.kustomizations.documents import FIRST, Document, Path
from ira_manifests.kustomizations.places import Places
from ira_manifests.kustomizations.sources import STDIN, Sources, is_object

_LIST = "List"
"""The kind of a list, or its ending, as in DeploymentList."""


class Place(NamedTuple):
    """A place as findings show it."""

    file: str
    line: int
    column: int


@dataclass(frozen=True)
class Unit:
    """Objects that are applied together. `places`: where a field of the n-th object is decided.

    `keys`: a name for each object, which messages may show. `built`: the build with them, if any.
    """

    name: str
    bodies: tuple[Mapping[str, Any], ...]
    keys: tuple[str, ...]
    places: Callable[[int, Path], Place]
    built: Built | None = None
    files: tuple[str, ...] = ()
    """The file of each object, where they are those of a folder; applied together or not."""
    is_merged: bool = False
    """Whether a controller adds to the objects' Pods what other objects of the cluster say."""

    @property
    def is_part(self) -> bool:
        """Whether objects and fields are missing: a base is remote, or a controller adds them."""
        return self.is_merged or (self.built is not None and self.built.is_part)


class _Item(NamedTuple):
    """An object as its author wrote it: the document, and its path there."""

    file: str
    document: Document
    path: Path
    body: Mapping[str, Any]

    @property
    def key(self) -> str:
        """Its file and line."""
        return f"{self.file}:{(self.document.value_at(self.path) or FIRST).line}"

    @property
    def identity(self) -> tuple[str, ...]:
        """What makes it one object in a cluster, in whatever version of its API."""
        metadata = self.body.get("metadata")
        own = metadata if isinstance(metadata, dict) else {}
        named = (str(own.get("namespace", "")), str(own.get("name", "")))
        return (str(self.body.get("kind")), *named)

    def place(self, path: Path) -> Place:
        """Return the place of a field, or of the innermost part of its path that is there."""
        full = (*self.path, *path)
        spot, length = self.document.nearest(full)
        if length == len(full):
            spot = self.document.place_of(full) or spot
        return Place(self.file, *spot)


def units(sources: Sources, built: Sequence[Built]) -> Iterator[Unit]:
    """Yield the units of some sources and of what was built of them."""
    for unit in _units(sources, built):
        merged = [number for number, body in enumerate(unit.bodies) if _is_merged(body)]
        rest = [number for number in range(len(unit.bodies)) if number not in merged]
        if rest or not merged:
            yield _only(unit, rest)
        if merged:
            yield replace(_only(unit, merged), is_merged=True)


# KServe puts the Pods of these together from a runtime or a preset and the service's own fields:
# https://kserve.github.io/website/docs/concepts/resources/servingruntime and
# pkg/controller/v1alpha2/llmisvc/config_merge.go.
_MERGED = ("ClusterServingRuntime", "LLMInferenceService", "LLMInferenceServiceConfig",
           "ServingRuntime")  # fmt: skip
_TEMPLATE = "Template"


def _is_merged(body: Mapping[str, Any]) -> bool:
    """Return whether a controller adds to an object's Pods; an OpenShift Template holds objects."""
    kinds = [body.get("kind")]
    if kinds == [_TEMPLATE] and isinstance(body.get("objects"), list):
        kinds = [each.get("kind") for each in body["objects"] if isinstance(each, dict)]
    return any(kind in _MERGED for kind in kinds)


def _only(unit: Unit, numbers: Sequence[int]) -> Unit:
    """Return a unit with some of its objects."""
    if len(numbers) == len(unit.bodies):
        return unit
    return replace(
        unit,
        bodies=tuple(unit.bodies[number] for number in numbers),
        keys=tuple(unit.keys[number] for number in numbers),
        files=tuple(unit.files[number] for number in numbers if unit.files),
        places=lambda number, path: unit.places(numbers[number], path),
    )


def _units(sources: Sources, built: Sequence[Built]) -> Iterator[Unit]:
    for each in built:
        if each.objects:
            yield _of_build(sources, each)
    folders: dict[FilePath, list[FilePath]] = {}
    for file in sources.plain:
        folders.setdefault(file.parent, []).append(file)
    for folder, files in sorted(folders.items()):
        yield from _of_folder(sources, folder, files)
    if sources.stream is not None:
        yield _written(STDIN, list(_items(STDIN, sources.stream)))


def _of_build(sources: Sources, each: Built) -> Unit:
    places = Places(sources, each)

    def place(number: int, path: Path) -> Place:
        site = places.of(each.objects[number], path)
        return Place(sources.shown(site.file), *site.spot)

    bodies = tuple(item.body for item in each.objects)
    keys = tuple(f"object {number}" for number in range(len(bodies)))
    name = sources.shown(each.root.folder)
    return Unit(name, bodies, keys, place, each)


def _of_folder(sources: Sources, folder: FilePath, files: list[FilePath]) -> Iterator[Unit]:
    """Yield the manifests of a folder as one unit; as one for each file, if some are alternatives.

    Two files with one object are not applied together.
    """
    by_file = {
        file: list(_items(sources.shown(file), sources.documents_or_none(file))) for file in files
    }
    owners: dict[tuple[str, ...], FilePath] = {}
    alternatives = any(
        owners.setdefault(item.identity, file) != file
        for file, items in by_file.items()
        for item in items
    )
    if alternatives:
        yield from (_written(sources.shown(file), items) for file, items in by_file.items())
    else:
        every = [item for items in by_file.values() for item in items]
        named = tuple(item.file for item in every)
        yield replace(_written(sources.shown(folder), every), files=named)


def _written(name: str, items: Sequence[_Item]) -> Unit:
    def place(number: int, path: Path) -> Place:
        return items[number].place(path)

    keys = _distinct([item.key for item in items])
    return Unit(name, tuple(item.body for item in items), keys, place)


def _distinct(keys: Sequence[str]) -> tuple[str, ...]:
    seen: dict[str, int] = {}
    for key in keys:
        seen[key] = seen.get(key, 0) + 1
    return tuple(key if seen[key] == 1 else f"{key} #{n}" for n, key in enumerate(keys))


def _items(file: str, found: Sequence[Document]) -> Iterator[_Item]:
    for document in found:
        for path, body in _objects(document.data, ()):
            if not _is_made(body):
                yield _Item(file, document, path, body)


def _objects(data: Any, path: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """Yield the objects of a document, those of lists with their paths in it."""
    if not is_object(data):
        return
    kind, listed = data["kind"], data.get("items")
    if not (kind.endswith(_LIST) and isinstance(listed, list)):
        yield path, data
        return
    # What the API server lists under its own kind has no kind of its own.
    own = kind.removesuffix(_LIST)
    known = {"apiVersion": data["apiVersion"], "kind": own} if own else {}
    for index, body in enumerate(listed):
        if isinstance(body, dict):
            yield from _objects({**known, **body}, (*path, "items", index))


def _is_made(body: Mapping[str, Any]) -> bool:
    """Return whether a controller made an object of another one, as the Pods of a Deployment.

    A cluster shows both, and only the other one is its author's.
    """
    metadata = body.get("metadata")
    owners = metadata.get("ownerReferences") if isinstance(metadata, dict) else None
    return isinstance(owners, list) and any(
        isinstance(each, dict) and each.get("controller") is True for each in owners
    )
