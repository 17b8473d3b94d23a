"""Subjects of the rules of profiles, and their groups."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.engine import Engine
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.finding import Finding, found
from ira_manifests.rules.registry import Group

_PACKAGE = "ira_manifests.rules.cells"


class Chosen(NamedTuple):
    """The platform, and the chosen cells."""

    matrix: Matrix
    cells: Sequence[Cell]

    def finding(self, path: Path, message: str, hint: str, cell: str = "") -> Finding:
        """Return a finding at a field of platform.yaml."""
        source = self.matrix.profiles.sources["platform", "platform"]
        return found(source, path, message, hint, cell=cell)


class CellOf(NamedTuple):
    """A cell and its matrix."""

    matrix: Matrix
    cell: Cell

    def finding(self, path: Path, message: str, hint: str) -> Finding:
        """Return a finding at a field of the cell, or of its model if the cell does not set it."""
        source = self.matrix.profiles.sources["models", self.cell.model_name]
        of_cell: Path = (*self.cell.path, *path)
        place = of_cell if of_cell in source.document.values else path
        # The place of a mapping is the line below its key.
        return found(
            source, place, message, hint, cell=self.cell.name, at_key=path in ((), ("geometry",))
        )

    def finding_of_setting(self, path: Path, message: str, hint: str) -> Finding:
        """Return a finding at a serving field, in the profile that decides it."""
        key, place = self.cell.source_of_setting(path)
        source = self.matrix.profiles.sources[key]
        at_key = key == ("platform", "platform")
        if not at_key and place not in source.document.values:  # a cell of no file
            place = path
        return found(source, place, message, hint, cell=self.cell.name, at_key=at_key)

    def finding_of_gpu(self, path: Path, message: str, hint: str) -> Finding:
        """Return a finding at a field of the GPU type's profile."""
        source = self.matrix.profiles.sources["gpus", self.cell.gpu_name]
        return found(source, path, message, hint, cell=self.cell.name)


class EngineOf(NamedTuple):
    """An engine: the platform's, or a cell's where its model or the cell itself changes it."""

    engine: Engine
    subject: Chosen | CellOf

    def finding(self, field: str, message: str, hint: str) -> Finding:
        """Return a finding at a field of the innermost engine that gives it, else that engine."""
        if isinstance(self.subject, Chosen):
            return self.subject.finding(("engine", field), message, hint)
        own = [level for level in self.subject.cell.own_engine if level is not None]
        place: Path = ("engine", field) if getattr(own[-1], field) is not None else ("engine",)
        return self.subject.finding(place, message, hint)


PLATFORM: Group[Chosen] = Group(_PACKAGE)
"""Checks of the platform; each finding is reported once, not for each cell."""

CELL: Group[CellOf] = Group(_PACKAGE)
"""Checks of one resolved cell."""

ENGINE: Group[EngineOf] = Group(_PACKAGE)
"""Checks of one engine; those of a cell's own engine say what they say of the platform's."""
