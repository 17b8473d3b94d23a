"""Overlays of one base that can be applied side by side, in one namespace."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from pathlib import PurePath
from typing import NamedTuple

from ira_manifests.kustomizations.build import Built
from ira_manifests.kustomizations.sources import Sources
from ira_manifests.lint.view import ForeignView
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.view.namespace import Namespace
from ira_manifests.rules.view.selector_index import SelectorIndex

# Overlays with such names are for clusters or namespaces of their own, or to choose from.
_STAGES = re.compile(
    r"(?:^|[-_/])(?:dev|develop\w*|test\w*|qa|stag\w*|pre-?prod|prod\w*|local|ci"
    r"|demos?|examples?|samples?)(?:$|[-_/])"
)
_WORDS = re.compile(r"[a-z0-9]+")


def is_stage(text: str) -> bool:
    """Return whether the name of an overlay or of a namespace is that of a stage, or an example."""
    return bool(_STAGES.search(text))


class Member(NamedTuple):
    """An overlay, and its objects as the rules see them."""

    name: str
    built: Built
    view: ForeignView


class Family(Namespace):
    """Overlays by name, with their selectors."""

    own = False

    def __init__(self, members: Sequence[Member]) -> None:
        super().__init__((), FilePath())
        self._views = {each.name: each.view for each in members}

    @property
    def indexes(self) -> dict[str, SelectorIndex]:
        """The selector index of each overlay."""
        return {name: view.selector_index for name, view in self._views.items()}

    def file_of(self, name: str, workload: str) -> str:
        """Return the key of an overlay's object that is a workload."""
        named = (each for each in self._views[name].workloads if each.name == workload)
        return next(named).file

    def are_variants(self, one: str, other: str) -> bool:
        """Return whether a folder is named after another one, as x86-large is after x86."""
        words = [{*_WORDS.findall(PurePath(name).name.lower())} for name in (one, other)]
        return words[0] != words[1] and (words[0] <= words[1] or words[1] <= words[0])

    def finding(self, name: str, file: str, path: Path, message: str, hint: str) -> Finding:
        """Return a finding at a field of an overlay's object."""
        return self._views[name].finding(file, path, message, hint)


def families(sources: Sources, members: Sequence[Member]) -> Iterator[Family]:
    """Yield the overlays of each base that give their objects names and namespaces of one kind.

    Only overlays with a prefix or suffix can be applied side by side, and those of a namespace.
    """
    by_base: dict[tuple[object, ...], list[Member]] = defaultdict(list)
    for each in members:
        root = each.built.root
        named = str(root.data.get("nameSuffix") or root.data.get("namePrefix") or "")
        if not named or is_stage(f"{named}/{root.folder.name}"):
            continue
        bases = tuple(sorted(str(child.folder) for child in sources.children(root)))
        if bases:
            by_base[(*bases, _namespaces(each))].append(each)
    yield from (Family(same) for same in by_base.values() if len(same) > 1)


def _namespaces(member: Member) -> tuple[str, ...]:
    found = {str(item.metadata.get("namespace", "")) for item in member.view.objects}
    return tuple(sorted(found))
