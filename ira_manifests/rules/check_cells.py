"""Runs the rules of the platform and of cells over a matrix, without rendering."""

from __future__ import annotations

from collections.abc import Iterable

from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix, matrix_of
from ira_manifests.rules import waivers
from ira_manifests.rules.cells.subjects import CELL, PLATFORM, CellOf, Chosen
from ira_manifests.rules.finding import Finding


def check_cells(matrix: Matrix, chosen: Iterable[Cell]) -> list[Finding]:
    """Return the findings of the platform and of cells, before waivers."""
    cells = tuple(chosen)
    return [
        *PLATFORM.run(Chosen(matrix, cells)),
        *(item for cell in cells for item in CELL.run(CellOf(matrix, cell))),
    ]


def check_cell(cell: Cell, file: str) -> list[Finding]:
    """Return the findings of one cell and of its platform, without those that it waives.

    `file`: where they are reported, such as the path of a construct.
    """
    return waivers.waived([cell], check_cells(matrix_of(cell, file), [cell]))
