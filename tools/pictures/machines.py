"""The smallest machine on which each model works, of GPU types with and without cells."""

from __future__ import annotations

from collections.abc import Sequence

from ira_manifests.analysis import new_cells
from ira_manifests.analysis.new_cells import Wanted
from ira_manifests.profiles.matrix import Matrix
from tools.pictures import svg
from tools.pictures.grid import Tile, grid
from tools.pictures.svg import Picture

_STEPS = ((8, "fits-4"), (4, "fits-3"), (2, "fits-2"), (1, "fits-1"))
"""GPUs of a server from which a paint is used."""
_LEGEND = (
    ("fits-1", "", "1 GPU"),
    ("fits-2", "", "2 or 3 GPUs"),
    ("fits-3", "", "4 to 7 GPUs"),
    ("fits-4", "", "8 GPUs or more"),
    ("short", "", "no cell"),
)
_CAPTION = (
    "What ira-manifests add writes: GPUs of the smallest machine on which the model works, and the "
    "longest max_model_len there."
)


def tiles(matrix: Matrix) -> list[Tile]:
    """Return a field for each GPU type and model of the profiles of a matrix."""
    profiles = matrix.profiles
    return [_tile(matrix, gpu, model) for gpu in sorted(profiles.gpus) for model in profiles.models]


def _tile(matrix: Matrix, gpu: str, model: str) -> Tile:
    wanted = Wanted(model, matrix.profiles.models[model], matrix.platform)
    cell = new_cells.propose(wanted, gpu, matrix.profiles.gpus[gpu])
    if isinstance(cell, str):
        return Tile(gpu, model, ("no cell",), "short")
    count = cell.all_gpus
    paint = next(paint for least, paint in _STEPS if count >= least)
    said = "1 GPU" if count == 1 else f"{count} GPUs"
    return Tile(gpu, model, (said, str(cell.max_model_len)), paint)


def machines(found: Sequence[Tile]) -> Picture:
    """Draw the fields as a grid."""
    title = "Smallest machine for each model"
    shapes, y = svg.heading(title)
    drawn, y = grid(found, y)
    key, y = svg.legend(_LEGEND, y, columns=2)
    notes, y = svg.paragraph([_CAPTION], y)
    said = "; ".join(tile.words for tile in found)
    return Picture(title, said, f"{_CAPTION} {said}.", y, [*shapes, *drawn, *key, *notes])
