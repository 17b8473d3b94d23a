"""The matrix as a heat map: the headroom of each pair of GPU type and model, and its verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ira_manifests.analysis import matrix_summary
from ira_manifests.analysis.matrix_summary import NOT_JUDGED, WOULD_FIT, Row
from ira_manifests.memory import Verdict
from ira_manifests.profiles.matrix import Matrix
from tools.pictures import svg
from tools.pictures.palette import PAGE
from tools.pictures.svg import INNER, LINE_HEIGHT, MARGIN, Picture

_COLUMNS = 3
_LABEL, _GAP = 62.0, 4.0
_FIELD = (INNER - _LABEL) / _COLUMNS
_HEIGHT = 64.0
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
    """Draw fields: a row for each GPU type, and a column for each model, in blocks of a few."""
    gpus = list(dict.fromkeys(field.gpu for field in found))
    models = sorted({field.model for field in found})
    at = {(field.gpu, field.model): field for field in found}
    title = "Headroom in the matrix"
    shapes, y = svg.heading(title)
    for start in range(0, len(models), _COLUMNS):
        drawn, y = _block(gpus, models[start : start + _COLUMNS], at, y)
        shapes += drawn
    drawn, y = svg.legend(_LEGEND, y, columns=2)
    shapes += drawn
    caption = [_CAPTION] if all(field.measured for field in found) else [_CAPTION, _ESTIMATE]
    drawn, y = svg.paragraph(caption, y)
    said = "; ".join(map(_said, found))
    return Picture(title, said, f"{_CAPTION} {said}.", y, [*shapes, *drawn])


def _block(
    gpus: Sequence[str], models: Sequence[str], at: Mapping[tuple[str, str], Field], top: float
) -> tuple[list[str], float]:
    """Return the shapes of some columns, and where they end."""
    names = [svg.wrapped(model, _FIELD - _GAP, style="bold") for model in models]
    first = top + max(map(len, names)) * LINE_HEIGHT
    shapes = []
    for column, name in enumerate(names):
        base = first - (len(name) - 1) * LINE_HEIGHT - 6
        shapes += svg.lines(_x(column), base, name, on=PAGE, style="bold")
    for row, gpu in enumerate(gpus):
        y = first + row * _HEIGHT
        shapes += _label(gpu, y)
        for column, model in enumerate(models):
            if (gpu, model) in at:
                shapes += _field(at[gpu, model], _x(column), y)
    return shapes, first + len(gpus) * _HEIGHT + 8


def _label(gpu: str, y: float) -> list[str]:
    return svg.lines(
        MARGIN, y + 24, svg.wrapped(gpu, _LABEL - _GAP, style="bold"), on=PAGE, style="bold"
    )


def _x(column: int) -> float:
    return MARGIN + _LABEL + column * _FIELD


def _field(field: Field, x: float, y: float) -> list[str]:
    hatched = "hatched" if field.paint == "short" else ""
    box = svg.rect(
        x, y, _FIELD - _GAP, _HEIGHT - _GAP, field.paint,
        radius=4, title=_said(field), more=hatched,
    )  # fmt: skip
    first, *others = field.lines
    base = y + (_HEIGHT - _GAP - len(others) * LINE_HEIGHT) / 2 + 5
    ink = field.paint
    return [
        box,
        svg.text(x + 6, base, first, on=ink, style="bold"),
        *svg.lines(x + 6, base + LINE_HEIGHT, others, on=ink),
    ]


def _said(field: Field) -> str:
    name, said = f"{field.gpu} × {field.model}", ", ".join(field.lines)
    return f"{name} {said}".replace(" ~", " (estimate)")
