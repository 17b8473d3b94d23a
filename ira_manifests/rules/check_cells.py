"""Runs the rules of the platform and of cells over a matrix, without rendering."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix, matrix_of
from ira_manifests.rules import waivers
from ira_manifests.rules.cells.subjects import CELL, ENGINE, PLATFORM, CellOf, Chosen, EngineOf
from ira_manifests.rules.finding import Finding


def check_cells(matrix: Matrix, chosen: Iterable[Cell]) -> list[Finding]:
    """Return the findings of the platform and of cells, before waivers."""
    cells = tuple(chosen)
    return [
        *PLATFORM.run(Chosen(matrix, cells)),
        *_of_engines(Chosen(matrix, cells)),
        *(item for cell in cells for item in CELL.run(CellOf(matrix, cell))),
    ]


def _of_engines(chosen: Chosen) -> Iterator[Finding]:
    """Yield the findings of the platform's engine, and of cells' own that are not the same."""
    of_platform = list(ENGINE.run(EngineOf(chosen.matrix.platform.engine, chosen)))
    yield from of_platform
    told = {(item.rule_id, item.message) for item in of_platform}
    for cell in chosen.cells:
        if any(level is not None for level in cell.own_engine):
            found = ENGINE.run(EngineOf(cell.engine, CellOf(chosen.matrix, cell)))
            yield from (item for item in found if (item.rule_id, item.message) not in told)


def check_cell(cell: Cell, file: str) -> list[Finding]:
    """Return the findings of one cell and of its platform, without those that it waives.

    `file`: where they are reported, such as the path of a construct.
    """
    return waivers.waived([cell], check_cells(matrix_of(cell, file), [cell]))
