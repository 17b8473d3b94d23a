"""The file, line and column that decide a field of what a kustomization builds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from ira_manifests import files
from ira_manifests.kustomizations import env_files, patches
from ira_manifests.kustomizations.build import Built, BuiltObject
from ira_manifests.kustomizations.documents import FIRST, Document, Path, Spot
from ira_manifests.kustomizations.field_paths import (
    path_in,
    reached,
    scalars,
    under_pointer,
    value_at,
)
from ira_manifests.kustomizations.kustomization import Kustomization
from ira_manifests.kustomizations.patches import Patch, Replacement
from ira_manifests.kustomizations.sources import Sources


class Site(NamedTuple):
    """A place in a file."""

    file: FilePath
    spot: Spot


class _Candidate(NamedTuple):
    """A place that may decide a field: the value that it sets, and how much of the path it has."""

    site: Site
    value: Any
    depth: int
    is_whole: bool


@dataclass(frozen=True)
class Places:
    """The places of one build. Layers are asked from the outermost to the object's own file."""

    sources: Sources
    built: Built

    def of(self, item: BuiltObject, path: Path) -> Site:
        """Return the place that decides a field of an object of the build.

        Of a field that is not there, or holds others: the innermost part that its author wrote.
        """
        value = value_at(item.body, path)
        found = list(self._candidates(item, path))
        if value is not None and not isinstance(value, dict | list):
            decides = _that_sets(found, str(value))
            if decides is not None:
                return decides.site
        if not found:
            return self._start(item)
        nearest: _Candidate = max(reversed(found), key=lambda each: each.depth)
        return nearest.site

    def _start(self, item: BuiltObject) -> Site:
        root = self.built.root
        file = item.origin.file if item.origin is not None else root.file
        if file in self.sources.kustomizations or files.is_file(file):
            return Site(file, FIRST)
        return Site(root.file, FIRST)

    @cached_property
    def _closure(self) -> list[Kustomization]:
        return self.sources.closure(self.built.root)

    def _candidates(self, item: BuiltObject, path: Path) -> Iterator[_Candidate]:
        names = self.names(item)
        for each in self._closure:
            yield from self._of_transformers(each, item, path)
            yield from self._of_replacements(each, item, names, path)
            yield from _of_fields(each, item, path)
            for patch in reversed(list(patches.patches(self.sources, each))):
                if patch.is_for(item.body, names):
                    yield from _of_patch(patch, item.body, path, self._as_written(item, path))
        yield from self._of_generators(item, path)
        yield from self._of_origin(item, path)

    # --- the object's own file --------------------------------------------------------------------

    def names(self, item: BuiltObject) -> frozenset[str]:
        """Return the names that an object has or may have had before prefixes and suffixes."""
        name = str(value_at(item.body, ("metadata", "name")) or "")
        document = self._document(item)
        if document is None:  # of a generator, or of a remote base
            return frozenset(self._without_affixes(name))
        own = value_at(document.data, ("metadata", "name"))
        return frozenset({name, str(own)} if own else {name})

    def _without_affixes(self, name: str) -> Iterator[str]:
        yield name
        for each in self._closure:
            name = name.removesuffix(str(each.data.get("nameSuffix") or ""))
            name = name.removeprefix(str(each.data.get("namePrefix") or ""))
            yield name

    def _as_written(self, item: BuiltObject, path: Path) -> Path:
        """Return a field's path with the indices that its object's own file has.

        Operations of a patch name items by their index, and other patches may change the order.
        """
        document = self._document(item)
        if document is None:
            return path
        at, _ = path_in(document.data, item.body, path)
        return (*at, *path[len(at) :])

    def written(self, item: BuiltObject, path: Path) -> Any:
        """Return what an object's own file has at a field of the build; None if nothing."""
        document = self._document(item)
        if document is None:
            return None
        at, whole = path_in(document.data, item.body, path)
        return value_at(document.data, at) if whole else None

    def written_site(self, item: BuiltObject, path: Path) -> Site:
        """Return the place of a field in an object's own file, whatever changes it later."""
        found = list(self._of_origin(item, path))
        return found[0].site if found else self._start(item)

    def _document(self, item: BuiltObject) -> Document | None:
        """Return the document that an object was written as."""
        if item.origin is None or item.origin.generator:
            return None
        found = self.sources.documents_or_none(item.origin.file)
        name = str(value_at(item.body, ("metadata", "name")) or "")
        same = [each for each in found if _kind(each.data) == _kind(item.body)]
        named = [each for each in same if _name(each.data) and _name(each.data) in name]
        exact = [each for each in named if _name(each.data) == name]
        return next(iter([*exact, *named, *same]), None)

    def _of_origin(self, item: BuiltObject, path: Path) -> Iterator[_Candidate]:
        document = self._document(item)
        if document is not None and item.origin is not None:
            at, whole = path_in(document.data, item.body, path)
            spot, _ = document.nearest(at)
            if whole:
                spot = document.place_of(at) or spot
            yield _Candidate(
                Site(item.origin.file, spot), value_at(document.data, at), len(at), whole
            )

    # --- what kustomizations change ---------------------------------------------------------------

    def _of_replacements(
        self, each: Kustomization, item: BuiltObject, names: frozenset[str], path: Path
    ) -> Iterator[_Candidate]:
        for replacement in reversed(list(patches.replacements(self.sources, each))):
            for place, target in replacement.targets:
                select = target.get("select")
                if not isinstance(select, dict) or not patches.selects(select, item.body, names):
                    continue
                for number, text in enumerate(_texts(target.get("fieldPaths"))):
                    if path in reached(item.body, text):
                        where = (*place, "fieldPaths", number)
                        yield self._of_source(replacement, where, len(path))

    def _of_transformers(
        self, each: Kustomization, item: BuiltObject, path: Path
    ) -> Iterator[_Candidate]:
        """Yield the texts of the transformers of a kustomization that a value is, or has in it."""
        value = value_at(item.body, path)
        if value is None or isinstance(value, dict | list):
            return
        for text in patches.transformers(self.sources, each):
            for at, found in scalars(text.document.data):
                is_value = at[0] not in _OF_TRANSFORMERS and at[-1] != "name"
                if is_value and str(found) in str(value):
                    site = Site(text.file, text.spot(text.document.value_at(at) or FIRST))
                    yield _Candidate(site, found, len(path), is_whole=True)

    def _of_source(self, replacement: Replacement, where: Path, depth: int) -> _Candidate:
        """Return the place of a replacement's value: of a generated key, the line of its file."""
        source = replacement.source
        field, _, key = str(source.get("fieldPath", "")).partition(".")
        if field == "data" and key:
            found = self._key(str(source.get("name", "")), key)
            if found is not None:
                return _Candidate(found[0], found[1], depth, is_whole=True)
        spot = replacement.document.value_at(where) or FIRST
        return _Candidate(Site(replacement.file, spot), None, depth, is_whole=True)

    def _of_generators(self, item: BuiltObject, path: Path) -> Iterator[_Candidate]:
        if item.origin is None or not item.origin.generator or path[:1] != ("data",):
            return
        name = str(value_at(item.body, ("metadata", "name")) or "")
        for each in self._closure:
            for generator in env_files.generators(each):
                if generator.name and generator.name in name and len(path) > 1:
                    found = env_files.find(generator, str(path[1]))
                    if found is not None:
                        site = Site(found.file, found.spot)
                        yield _Candidate(site, found.value, len(path), is_whole=True)

    def _key(self, name: str, key: str) -> tuple[Site, str] | None:
        for each in self._closure:
            for generator in env_files.generators(each):
                if generator.name == name:
                    found = env_files.find(generator, key)
                    if found is not None:
                        return Site(found.file, found.spot), found.value
        return None


# What a transformer itself is, and where it writes.
_OF_TRANSFORMERS = ("apiVersion", "kind", "metadata", "fieldSpecs", "target", "options")


def _that_sets(found: list[_Candidate], value: str) -> _Candidate | None:
    """Return the outermost candidate with a value, else one with a part of it, else with any."""
    whole = [each for each in found if each.is_whole]
    equal = [each for each in whole if str(each.value) == value]
    part = [each for each in whole if each.value and str(each.value) in value]
    return next(iter([*equal, *part, *whole]), None)


def _of_patch(
    patch: Patch, body: Mapping[str, Any], path: Path, written: Path
) -> Iterator[_Candidate]:
    document, file = patch.text.document, patch.text.file
    if not patch.is_json:
        at, whole = path_in(document.data, body, path)
        if at and at[0] not in ("kind", "apiVersion") and at[:2] != ("metadata", "name"):
            spot = (document.place_of(at) if whole else None) or document.nearest(at)[0]
            site = Site(file, patch.text.spot(spot))
            yield _Candidate(site, value_at(document.data, at), len(at), whole)
        return
    for index in reversed(range(len(document.data))):
        operation = document.data[index]
        if isinstance(operation, dict) and operation.get("op") in ("add", "replace"):
            pointer = str(operation.get("path", ""))
            found = (under_pointer(each, pointer) for each in (path, written))
            rest = next((each for each in found if each is not None), None)
            if rest is None:
                continue
            at, whole = path_in(
                operation.get("value"), value_at(body, path[: -len(rest) or None]), rest
            )
            inside = (index, "value", *at)
            spot = document.place_of(inside) or document.nearest(inside)[0]
            depth = len(path) - len(rest) + len(at)
            value = value_at(operation.get("value"), at)
            yield _Candidate(Site(file, patch.text.spot(spot)), value, depth, whole)


def _of_fields(each: Kustomization, item: BuiltObject, path: Path) -> Iterator[_Candidate]:
    """Yield the fields of a kustomization that set one of an object: images, labels and others."""
    value = value_at(item.body, path)
    for at, found in _fields(each, path, value):
        spot = each.document.value_at(at)
        if spot is not None:
            yield _Candidate(Site(each.file, spot), found, len(path), is_whole=True)


# The fields of a kustomization that set one field of every object.
_OF_METADATA: dict[Path, tuple[str, ...]] = {
    ("metadata", "name"): ("nameSuffix", "namePrefix"),
    ("metadata", "namespace"): ("namespace",),
}


def _fields(each: Kustomization, path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    last = path[-1] if path else ""
    yield from (((key,), each.data.get(key)) for key in _OF_METADATA.get(path, ()))
    if last == "image":
        yield from _of_images(each, str(value))
    elif path == ("spec", "replicas"):
        for at, entry in each.items("replicas"):
            yield (*at, "count"), value_at(entry, ("count",))
    elif {"labels", "matchLabels", "selector"} & {*map(str, path)}:
        yield ("commonLabels", last), value_at(each.data, ("commonLabels", last))
        for at, entry in each.items("labels"):
            yield (*at, "pairs", last), value_at(entry, ("pairs", last))
    elif "annotations" in path:
        yield ("commonAnnotations", last), value_at(each.data, ("commonAnnotations", last))


def _of_images(each: Kustomization, image: str) -> Iterator[tuple[Path, Any]]:
    for at, entry in each.items("images"):
        if not isinstance(entry, dict):
            continue
        name = str(entry.get("newName") or entry.get("name"))
        if image == name or image.startswith((f"{name}:", f"{name}@")):
            for key in ("digest", "newTag", "newName"):
                if entry.get(key) is not None:
                    yield (*at, key), image
                    break


def _texts(value: Any) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _kind(data: Any) -> tuple[Any, Any]:
    return (data.get("apiVersion"), data.get("kind")) if isinstance(data, dict) else (None, None)


def _name(data: Any) -> str:
    return str(value_at(data, ("metadata", "name")) or "")
