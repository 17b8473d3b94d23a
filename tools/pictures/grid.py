"""A grid of fields: a row for each GPU type, and a column for each model, in blocks of a few."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tools.pictures import svg
from tools.pictures.palette import PAGE
from tools.pictures.svg import INNER, LINE_HEIGHT, MARGIN

_COLUMNS = 3
_LABEL, _GAP = 62.0, 4.0
_WIDTH = (INNER - _LABEL) / _COLUMNS


@dataclass(frozen=True)
class Tile:
    """A pair of GPU type and model as it is drawn."""

    gpu: str
    model: str
    lines: tuple[str, ...]
    paint: str

    @property
    def words(self) -> str:
        """The field in one line."""
        said = ", ".join(self.lines).replace(" ~", " (estimate)")
        return f"{self.gpu} × {self.model} {said}"


def grid(tiles: Sequence[Tile], y: float) -> tuple[list[str], float]:
    """Return the shapes of a grid, and where it ends."""
    gpus = list(dict.fromkeys(tile.gpu for tile in tiles))
    models = sorted({tile.model for tile in tiles})
    at = {(tile.gpu, tile.model): tile for tile in tiles}
    height = max(len(tile.lines) for tile in tiles) * LINE_HEIGHT + 13.0
    shapes = []
    for start in range(0, len(models), _COLUMNS):
        drawn, y = _block(gpus, models[start : start + _COLUMNS], at, y, height)
        shapes += drawn
    return shapes, y


def _block(
    gpus: Sequence[str],
    models: Sequence[str],
    at: Mapping[tuple[str, str], Tile],
    top: float,
    height: float,
) -> tuple[list[str], float]:
    """Return the shapes of some columns, and where they end."""
    names = [svg.wrapped(model, _WIDTH - _GAP, style="bold") for model in models]
    first = top + max(map(len, names)) * LINE_HEIGHT
    shapes = []
    for column, name in enumerate(names):
        base = first - (len(name) - 1) * LINE_HEIGHT - 6
        shapes += svg.lines(_x(column), base, name, on=PAGE, style="bold")
    for row, gpu in enumerate(gpus):
        y = first + row * height
        label = svg.wrapped(gpu, _LABEL - 2, style="bold")
        shapes += svg.lines(MARGIN, y + LINE_HEIGHT, label, on=PAGE, style="bold")
        for column, model in enumerate(models):
            if (gpu, model) in at:
                shapes += _field(at[gpu, model], _x(column), y, height)
    return shapes, first + len(gpus) * height + 8


def _x(column: int) -> float:
    return MARGIN + _LABEL + column * _WIDTH


def _field(tile: Tile, x: float, y: float, height: float) -> list[str]:
    box = svg.rect(
        x, y, _WIDTH - _GAP, height - _GAP, tile.paint,
        radius=4, title=tile.words, more="hatched" if tile.paint == "short" else "",
    )  # fmt: skip
    first, *others = tile.lines
    base = y + (height - _GAP - len(others) * LINE_HEIGHT) / 2 + 5
    return [
        box,
        svg.text(x + 6, base, first, on=tile.paint, style="bold"),
        *svg.lines(x + 6, base + LINE_HEIGHT, others, on=tile.paint),
    ]
