"""`Namespace`: what rules see of all directories of a tree, which share a namespace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path as FilePath
from typing import NamedTuple

from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.view.places import found_at
from ira_manifests.rules.view.selector_index import SelectorIndex


class Seen(NamedTuple):
    """A directory as text, and what the rules of objects say of it."""

    name: str
    cell: str
    """The cell that it is of, as "gpu/model"; empty for those that are of none."""
    files: Mapping[str, bytes]
    selector_index: str
    """Its `SelectorIndex`, as JSON: those of a fleet are many."""
    findings: Sequence[Finding] = ()
    """Those that are not already reported for the cell."""


class Namespace:
    """The directories of a tree by name, with what they select. `out`: the output folder."""

    def __init__(self, seen: Iterable[Seen], out: FilePath) -> None:
        self._out = out
        self._seen = {each.name: each for each in seen}

    @cached_property
    def indexes(self) -> dict[str, SelectorIndex]:
        """The selector index of each directory."""
        return {
            name: SelectorIndex.from_json(each.selector_index) for name, each in self._seen.items()
        }

    def finding(self, name: str, file: str, path: Path, message: str, hint: str) -> Finding:
        """Return a finding at a field of a directory's file."""
        of = self._seen[name]
        content = of.files.get(file, b"")
        return found_at(self._out / name / file, content, path, message, hint, of.cell)
