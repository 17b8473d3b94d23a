"""What the rules of profiles look at, and the groups that they join."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.finding import Finding, found
from ira_manifests.rules.registry import Group

_PACKAGE = "ira_manifests.rules.cells"


class Chosen(NamedTuple):
    """The platform, and the cells that are to be applied on it."""

    matrix: Matrix
    cells: Sequence[Cell]

    def finding(self, path: Path, message: str, hint: str, cell: str = "") -> Finding:
        """Return a finding at a field of platform.yaml."""
        source = self.matrix.profiles.sources["platform", "platform"]
        return found(source, path, message, hint, cell=cell)


class CellOf(NamedTuple):
    """A cell, and the matrix that it is of."""

    matrix: Matrix
    cell: Cell

    def finding(self, path: Path, message: str, hint: str) -> Finding:
        """Return a finding at a field of the cell, or of its model where the cell has no such."""
        source = self.matrix.profiles.sources["models", self.cell.model_name]
        of_cell: Path = ("cells", self.cell.gpu_name, *path)
        place = of_cell if of_cell in source.document.values else path
        # A mapping begins below its key.
        return found(
            source, place, message, hint, cell=self.cell.name, at_key=path in ((), ("geometry",))
        )

    def finding_of_gpu(self, path: Path, message: str, hint: str) -> Finding:
        """Return a finding at a field of the GPU type's profile."""
        source = self.matrix.profiles.sources["gpus", self.cell.gpu_name]
        return found(source, path, message, hint, cell=self.cell.name)


PLATFORM: Group[Chosen] = Group(_PACKAGE)
"""Checks of what all cells share; each finding is reported once."""

CELL: Group[CellOf] = Group(_PACKAGE)
"""Checks of one resolved cell."""
