"""`Namespace`: all directories of a tree, which share a Kubernetes namespace."""

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
    """A checked directory: its files, its `SelectorIndex` and its findings."""

    name: str
    cell: str
    """Its cell, as "gpu/model"; empty if it belongs to no cell."""
    files: Mapping[str, bytes]
    selector_index: str
    """Its `SelectorIndex` as JSON, which is small enough to keep for thousands of directories."""
    objects: Sequence[str] = ()
    """The namespace, the kind and the name of each object, such as "llm/Deployment vllm-h100"; no
    namespace is that of the kubectl context."""
    findings: Sequence[Finding] = ()
    """Findings that are not already reported for the cell."""


class Namespace:
    """The directories of a tree by name, with their selectors. `out`: the output folder."""

    own = True
    """Whether this project wrote them: then a workload of one replaces its namesake on purpose."""

    def __init__(self, seen: Iterable[Seen], out: FilePath) -> None:
        self._out = out
        self._seen = {each.name: each for each in seen}

    @cached_property
    def indexes(self) -> dict[str, SelectorIndex]:
        """The selector index of each directory."""
        return {
            name: SelectorIndex.from_json(each.selector_index) for name, each in self._seen.items()
        }

    def file_of(self, name: str, workload: str) -> str:
        """Return the file of a directory that holds a workload; empty if that is not known."""
        del name, workload
        return ""

    def are_variants(self, one: str, other: str) -> bool:
        """Return whether two directories are variants of each other, to choose from."""
        del one, other
        return False

    def finding(self, name: str, file: str, path: Path, message: str, hint: str) -> Finding:
        """Return a finding at a field of a directory's file."""
        of = self._seen[name]
        content = of.files.get(file, b"")
        return found_at(self._out / name / file, content, path, message, hint, of.cell)
