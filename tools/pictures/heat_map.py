"""The matrix as a heat map: the headroom of each pair of GPU type and model, and its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ira_manifests.analysis import matrix_summary
from ira_manifests.analysis.matrix_summary import NOT_JUDGED, WOULD_FIT, Row
from ira_manifests.memory import Verdict
from ira_manifests.profiles.matrix import Matrix
from tools.pictures import svg
from tools.pictures.grid import Tile, grid
from tools.pictures.svg import Picture

_STEPS = ((0.50, "fits-4"), (0.25, "fits-3"), (0.10, "fits-2"))
"""The share of a GPU's memory that is left from which a paint is used."""
_LEGEND = (
    ("short", "", "does not fit"),
    ("tight", "", "tight"),
    ("fits-1", "", "fits, below 10 %"),
    ("fits-2", "", "fits, 10 to 25 %"),
    ("fits-3", "", "fits, 25 to 50 %"),
    ("fits-4", "", "fits, 50 % or more"),
)
_CAPTION = (
    "Headroom: KV cache left after one request of the cell's max_model_len, in GiB on each GPU "
    "and in % of its memory."
)
_ESTIMATE = "~ estimate without measured start-ups."


@dataclass(frozen=True)
class Field:
    """A pair of GPU type and model as it is drawn."""

    gpu: str
    model: str
    memory_gib: float
    """Of one GPU."""
    verdict: str
    headroom_gib: float | None = None
    """On each GPU; None if there is no cell, or its memory can't be computed."""
    measured: bool = True
    """False where no start-up was measured, which `list` marks with ~."""
    has_cell: bool = True

    @property
    def share(self) -> float:
        """The headroom as a part of the GPU's memory."""
        return (self.headroom_gib or 0) / self.memory_gib

    @property
    def tile(self) -> Tile:
        """The field's text and paint."""
        return Tile(self.gpu, self.model, self.lines, self.paint)

    @property
    def lines(self) -> tuple[str, ...]:
        """The text in the field: headroom, its share, and the verdict."""
        verdict = self.verdict if self.measured else f"{self.verdict} ~"
        if self.headroom_gib is None:
            return (verdict,) if self.has_cell else ("no cell", verdict)
        return (f"{self.headroom_gib:.2f} GiB", svg.percent(self.share), verdict)

    @property
    def paint(self) -> str:
        """The name of the field's swatch."""
        fixed = {str(Verdict.TIGHT): "tight", NOT_JUDGED: "unjudged", WOULD_FIT: "unjudged"}
        if self.verdict in fixed:
            return fixed[self.verdict]
        if self.verdict != str(Verdict.FITS):
            return "short"
        return next((name for least, name in _STEPS if self.share >= least), "fits-1")


def fields(matrix: Matrix) -> list[Field]:
    """Return a field for each cell, and for each pair without one, of GPU types that have cells."""
    memory = {name: float(gpu.memory_gib) for name, gpu in matrix.profiles.gpus.items()}
    of_cells = [_of_row(row, memory[row.gpu]) for row in matrix_summary.rows(matrix)]
    others = [
        _without_cell(matrix, pair.gpu, pair.model, memory[pair.gpu])
        for pair in matrix_summary.absent(matrix)
    ]
    return sorted([*of_cells, *others], key=lambda field: (field.gpu, field.model))


def _of_row(row: Row, memory_gib: float) -> Field:
    verdict = row.verdict.partition(":")[0]
    judged = row.kv_headroom_gib is not None
    measured = row.measured or not judged
    return Field(row.gpu, row.model, memory_gib, verdict, row.kv_headroom_gib, measured)


def _without_cell(matrix: Matrix, gpu: str, model: str, memory_gib: float) -> Field:
    verdict = matrix_summary.pairing(matrix, gpu, model).verdict
    return Field(gpu, model, memory_gib, verdict, has_cell=False)


def heat_map(found: Sequence[Field]) -> Picture:
    """Draw fields as a heat map."""
    title = "Headroom in the matrix"
    tiles = [field.tile for field in found]
    shapes, y = svg.heading(title)
    drawn, y = grid(tiles, y)
    key, y = svg.legend(_LEGEND, y, columns=2)
    caption = [_CAPTION] if all(field.measured for field in found) else [_CAPTION, _ESTIMATE]
    notes, y = svg.paragraph(caption, y)
    said = "; ".join(tile.words for tile in tiles)
    return Picture(title, said, f"{_CAPTION} {said}.", y, [*shapes, *drawn, *key, *notes])
