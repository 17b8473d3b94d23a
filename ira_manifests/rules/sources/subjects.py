"""Subjects of the rules of other authors' trees, and their groups.

A rule reports at a `Site`, which `places` finds. `lint` shortens paths and joins the findings that
one place has in several kustomizations.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path as FilePath

from ira_manifests.kustomizations import patches
from ira_manifests.kustomizations.build import Built, BuiltObject
from ira_manifests.kustomizations.documents import Document, Path
from ira_manifests.kustomizations.kustomization import Kustomization
from ira_manifests.kustomizations.places import Places, Site
from ira_manifests.kustomizations.sources import Sources, Trouble
from ira_manifests.profiles.yaml_source import dotted
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import Group

_PACKAGE = "ira_manifests.rules.sources"


@dataclass(frozen=True)
class Overlay:
    """One kustomization that is applied, what it is built from, and what it builds."""

    sources: Sources
    built: Built
    every: Sequence[Overlay] = ()
    """All that are applied, this one included."""

    def sharing(self, layer: Kustomization) -> list[Overlay]:
        """Return the overlays that were built, this one included, and are made from a layer."""
        others = (each for each in self.every if each is not self and layer in each.layers)
        return [self, *(each for each in others if each.objects)]

    @cached_property
    def deleted(self) -> frozenset[str]:
        """The kinds of objects that patches of the layers delete, as patterns."""
        found = (each for layer in self.layers for each in patches.patches(self.sources, layer))
        return frozenset(each.kind for each in found if each.deletes)

    @cached_property
    def layers(self) -> list[Kustomization]:
        """It and all that it is built from, the outermost first."""
        return self.sources.closure(self.built.root)

    @property
    def objects(self) -> Sequence[BuiltObject]:
        """The objects that it builds."""
        return self.built.objects

    @cached_property
    def places(self) -> Places:
        """Where the values of its objects are decided."""
        return Places(self.sources, self.built)

    def finding_in(self, each: Kustomization, path: Path, message: str, hint: str) -> Finding:
        """Return a finding at a field of one of the layers; the registry fills in its rule."""
        return self.finding_in_document(each.file, each.document, path, message, hint)

    def finding_in_document(
        self, file: FilePath, document: Document, path: Path, message: str, hint: str
    ) -> Finding:
        """Return a finding at a field of a file of one of the layers."""
        spot = document.place_of(path) or document.nearest(path)[0]
        return self.finding_at(Site(file, spot), path, message, hint)

    def finding_at(self, site: Site, path: Path, message: str, hint: str) -> Finding:
        """Return a finding at a place of a file. `path`: its field, for the message."""
        file = self.sources.shown(site.file)
        return Finding(file, site.spot.line, site.spot.column, "", dotted(path), message, hint)


@dataclass(frozen=True)
class Workload:
    """A server that is judged as far as it is known. `unknown`: what is not, in words."""

    file: str
    line: int
    column: int
    field: str
    name: str
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class Folder:
    """The folder of a server's model, ORG/NAME, and how most servers of the tree spell it."""

    file: str
    line: int
    column: int
    text: str
    usual: str


@dataclass(frozen=True)
class WrittenNamespace:
    """A namespace that is written out. `others`: those that leave it open, in words."""

    file: str
    line: int
    column: int
    text: str
    others: str


OVERLAY: Group[Overlay] = Group(_PACKAGE)
"""Checks of one kustomization's sources beside what it builds."""

TROUBLE: Group[Trouble] = Group(_PACKAGE)
"""Checks of what could not be read or built."""

WORKLOAD: Group[Workload] = Group(_PACKAGE)
"""Checks of what is not known of a server."""

FOLDER: Group[Folder] = Group(_PACKAGE)
"""Checks of the folders of models."""

WRITTEN: Group[WrittenNamespace] = Group(_PACKAGE)
"""Checks of namespaces that are written out."""
