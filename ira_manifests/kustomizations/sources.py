"""What there is below some paths: kustomizations, manifests and streams of other authors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path as FilePath

from ira_manifests import files
from ira_manifests.kustomizations import documents
from ira_manifests.kustomizations.documents import FIRST, Document, Spot, Unreadable
from ira_manifests.kustomizations.kustomization import Kustomization, Role

STDIN = "<stdin>"
"""The name of standard input in findings."""

TEMPLATE_WORDS = frozenset(("tpl", "tmpl", "template", "tftpl", "example", "sample", "dist"))
"""Parts of the names of files from which others are made, such as x.tpl.env."""


@dataclass(frozen=True, order=True)
class Trouble:
    """Something that can't be judged, or that fails. `fails`: whether it is a fault of the tree."""

    file: str
    spot: Spot
    message: str
    hint: str
    fails: bool = True


@dataclass
class Sources:
    """What was found, with every file that was read.

    `kustomizations`: by folder, those that others name included. `plain`: manifests that no
    kustomization names. `named`: the folders and the files that the user named. `stream`: the
    documents of standard input.
    """

    here: FilePath
    kustomizations: dict[FilePath, Kustomization] = field(default_factory=dict)
    plain: list[FilePath] = field(default_factory=list)
    named: set[FilePath] = field(default_factory=set)
    troubles: list[Trouble] = field(default_factory=list)
    stream: list[Document] | None = None
    _read: dict[FilePath, list[Document] | Unreadable] = field(default_factory=dict)

    def documents(self, file: FilePath) -> list[Document] | Unreadable:
        """Return the documents of a file, else why it can't be read."""
        if file not in self._read:
            self._read[file] = _documents(file)
        return self._read[file]

    def documents_or_none(self, file: FilePath) -> list[Document]:
        """Return the documents of a file; none of one that can't be read."""
        found = self.documents(file)
        return [] if isinstance(found, Unreadable) else found

    def shown(self, path: FilePath) -> str:
        """Return a path as the user sees it: relative where it is below the current folder."""
        return os.path.relpath(path, self.here) if path.is_relative_to(self.here) else str(path)

    def children(self, kustomization: Kustomization) -> Iterator[Kustomization]:
        """Yield the kustomizations whose objects one takes, or that change its objects."""
        for entry in kustomization.entries:
            if entry.role in (Role.RESOURCE, Role.COMPONENT):
                child = self.kustomizations.get(kustomization.local(entry))
                if child is not None:
                    yield child

    def closure(self, root: Kustomization) -> list[Kustomization]:
        """Return a kustomization and all that it is built from, the outermost first."""
        found = {root.folder: root}
        waiting = [root]
        while waiting:
            for child in self.children(waiting.pop(0)):
                if child.folder not in found:
                    found[child.folder] = child
                    waiting.append(child)
        return list(found.values())

    @cached_property
    def roots(self) -> list[Kustomization]:
        """The kustomizations that are applied: those that no other one is built from."""
        parts = {
            child.folder
            for each in self.kustomizations.values()
            for child in self.children(each)
            if child is not each
        }
        wanted = [
            each
            for folder, each in sorted(self.kustomizations.items())
            if not each.is_component and (folder not in parts or folder in self.named)
        ]
        return wanted or [each for _, each in sorted(self.kustomizations.items())]


def is_object(data: object) -> bool:
    """Return whether a document is an object of Kubernetes."""
    return (
        isinstance(data, dict)
        and isinstance(data.get("kind"), str)
        and isinstance(data.get("apiVersion"), str)
    )


def _documents(file: FilePath) -> list[Document] | Unreadable:
    try:
        return documents.read(files.read_regular(file, documents.MAX_BYTES + 1))
    except OSError as error:
        return Unreadable(FIRST, f"can't be read: {files.reason(error)}")
