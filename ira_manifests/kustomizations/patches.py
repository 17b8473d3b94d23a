"""The patches, replacements and transformers of a kustomization, and the objects they are for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from ira_manifests.kustomizations import documents
from ira_manifests.kustomizations.documents import Document, Path, Spot, Unreadable
from ira_manifests.kustomizations.kustomization import Kustomization
from ira_manifests.kustomizations.sources import Sources

_NO_OFFSET = Spot(0, 0)


@dataclass(frozen=True)
class Text:
    """A document that is a file of its own, or a text inside a kustomization.

    `offset`: the lines and columns of the file before the text begins.
    """

    file: FilePath
    document: Document
    offset: Spot = _NO_OFFSET

    def spot(self, spot: Spot) -> Spot:
        """Return a place of the document as one of the file."""
        return Spot(spot.line + self.offset.line, spot.column + self.offset.column)


@dataclass(frozen=True)
class Patch:
    """One patch, and the place at which its kustomization names it.

    `target`: what selects its objects; None where the patch itself names one.
    """

    kustomization: Kustomization
    path: Path
    text: Text
    target: Mapping[str, Any] | None

    @property
    def is_json(self) -> bool:
        """Whether it is a list of operations: https://www.rfc-editor.org/rfc/rfc6902."""
        return isinstance(self.text.document.data, list)

    @property
    def deletes(self) -> bool:
        """Whether it deletes objects, or a part of one."""
        return "$patch" in str(self.text.document.data)

    @property
    def kind(self) -> str:
        """The kind of its objects, which may be a pattern; empty for any."""
        named = self.text.document.data if self.target is None else self.target
        return str(named.get("kind") or "") if isinstance(named, Mapping) else ""

    def is_for(self, body: Mapping[str, Any], names: frozenset[str]) -> bool:
        """Return whether it may change an object. `names`: those that the object has or had."""
        if self.target is not None:
            return selects(self.target, body, names)
        own = self.text.document.data
        metadata = own.get("metadata") if isinstance(own, dict) else None
        name = metadata.get("name") if isinstance(metadata, dict) else None
        return isinstance(own, dict) and own.get("kind") == body.get("kind") and name in names


@dataclass(frozen=True)
class Replacement:
    """One replacement, with the places of it in the file that holds it."""

    file: FilePath
    document: Document
    path: Path
    data: Mapping[str, Any]

    @property
    def source(self) -> Mapping[str, Any]:
        """What selects the value."""
        source = self.data.get("source")
        return source if isinstance(source, dict) else {}

    @property
    def targets(self) -> Iterator[tuple[Path, Mapping[str, Any]]]:
        """The targets, each with its path in the file."""
        listed = self.data.get("targets")
        for index, item in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(item, dict):
                yield (*self.path, "targets", index), item


def selects(target: Mapping[str, Any], body: Mapping[str, Any], names: frozenset[str]) -> bool:
    """Return whether a target selects an object by kind and name, which may be patterns.

    Labels and annotations are not compared: the value that a patch sets tells the rest.
    """
    kind, name = target.get("kind"), target.get("name")
    if kind and not _matches(str(kind), str(body.get("kind", ""))):
        return False
    return not name or any(_matches(str(name), each) for each in names)


def _matches(pattern: str, text: str) -> bool:
    try:
        return re.fullmatch(pattern, text) is not None
    except re.error:
        return pattern == text


def patches(sources: Sources, each: Kustomization) -> Iterator[Patch]:
    """Yield the patches of a kustomization in the order in which they are applied."""
    for path, item in each.items("patchesStrategicMerge"):
        for text in _texts(sources, each, path, item, item):
            yield Patch(each, path, text, None)
    for path, item in each.items("patchesJson6902", "patches"):
        if not isinstance(item, dict):
            continue
        target = item.get("target")
        key = "path" if "path" in item else "patch"
        file = item.get("path")
        for text in _texts(sources, each, (*path, key), file, item.get("patch")):
            yield Patch(each, path, text, target if isinstance(target, dict) else None)


def transformers(sources: Sources, each: Kustomization) -> Iterator[Text]:
    """Yield the transformers that a kustomization configures, in files or inline."""
    for path, item in each.items("transformers"):
        yield from _texts(sources, each, path, item, item)


def _texts(
    sources: Sources, each: Kustomization, path: Path, file: Any, inline: Any
) -> Iterator[Text]:
    if isinstance(file, str) and "\n" not in file:
        named = each.local_name(file)
        yield from (Text(named, document) for document in sources.documents_or_none(named))
    elif isinstance(inline, str):
        yield from inner(each, path, inline)


def inner(each: Kustomization, path: Path, text: str) -> Iterator[Text]:
    """Yield the documents of a text in a kustomization, at its lines there."""
    found = documents.read(text.encode())
    if isinstance(found, Unreadable):
        return
    offset = each.offset_of_text(path)
    yield from (Text(each.file, document, offset) for document in found)


def replacements(sources: Sources, each: Kustomization) -> Iterator[Replacement]:
    """Yield the replacements of a kustomization, those in files of their own included."""
    for path, item in each.items("replacements"):
        if not isinstance(item, dict):
            continue
        if not isinstance(item.get("path"), str):
            yield Replacement(each.file, each.document, path, item)
            continue
        file = each.local_name(item["path"])
        for document in sources.documents_or_none(file):
            listed = document.data if isinstance(document.data, list) else [document.data]
            for index, one in enumerate(listed):
                inside: Path = (index,) if isinstance(document.data, list) else ()
                if isinstance(one, dict):
                    yield Replacement(file, document, inside, one)
