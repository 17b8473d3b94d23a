"""One GPU's memory as a bar: of one cell with all figures, or of many cells below each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ira_manifests.analysis import limits, matrix_summary, memory_breakdown
from ira_manifests.analysis.memory_breakdown import Part
from ira_manifests.memory import GIB, Budget, MemoryInputError
from ira_manifests.profiles.cell import Cell
from tools.pictures import svg
from tools.pictures.palette import LINE, PAGE, QUIET
from tools.pictures.svg import INNER, LINE_HEIGHT, MARGIN, WIDTH, Picture

# Letters of parts that can't be names of classes.
_PAINTS = {"+": "part-spare", ".": "part-outside", "-": "short"}
_TALL, _LOW = 40.0, 22.0
_NAMES, _FIGURES = MARGIN + 27, WIDTH - MARGIN - 50
"""Where names of parts begin, and where their figures end."""
_SHARE = "gpu_memory_utilization"
_CAPTION = (
    f"The line is where the share of {_SHARE} ends. Letters are those that ira-manifests explain "
    "prints."
)


def memory_bar(cell: Cell, estimate: Budget) -> Picture:
    """Draw the memory of one of a cell's GPUs, with a figure for each part."""
    title = f"One GPU of {_name(cell)}"
    shapes, below = svg.heading(title)
    top = below + LINE_HEIGHT + 8
    shapes += [*_share_label(estimate, top), *_bar(estimate, top, _TALL)]
    y = top + _TALL + 14
    for part in memory_breakdown.parts(estimate):
        drawn, y = _figure(part, estimate.total, y)
        shapes += drawn
    shapes += _total(estimate, y)
    drawn, y = svg.paragraph([limits.limit(cell, estimate)], y + LINE_HEIGHT + 6)
    said = _said(cell, estimate)
    return Picture(title, said, said, y, [*shapes, *drawn])


def memory_bars(cells: Iterable[Cell]) -> Picture:
    """Draw the bars of all cells whose memory can be computed, each as wide as all of its GPU."""
    shown = [(cell, estimate) for cell in cells if (estimate := _estimate(cell)) is not None]
    title = "One GPU of each cell"
    shapes, y = svg.heading(title)
    drawn, y = svg.legend(list(_legend(estimate for _, estimate in shown)), y, columns=1)
    shapes += drawn
    for cell, estimate in shown:
        shapes += _row(cell, estimate, y)
        y += LINE_HEIGHT + _LOW + 14
    drawn, y = svg.paragraph([_CAPTION], y)
    said = ". ".join(f"{_name(cell)}: {_said(cell, estimate)}" for cell, estimate in shown)
    summary = "; ".join(_summary(cell, estimate) for cell, estimate in shown)
    return Picture(title, summary, said, y, [*shapes, *drawn])


def _estimate(cell: Cell) -> Budget | None:
    try:
        return cell.budget
    except MemoryInputError:
        return None  # `check` says why


def _name(cell: Cell) -> str:
    return f"{cell.gpu_name} × {cell.short_name}"


def _paint(part: Part) -> str:
    return _PAINTS.get(part.letter, f"part-{part.letter}")


def _scale(estimate: Budget) -> int:
    """Return the bytes of the whole width: those of the GPU, or more if more are needed."""
    return max(estimate.total, sum(part.size for part in memory_breakdown.drawn(estimate)))


def _bar(estimate: Budget, y: float, height: float) -> list[str]:
    """Return the parts, and the line where the share ends."""
    unit = INNER / _scale(estimate)
    shapes, x = [], float(MARGIN)
    for part in memory_breakdown.drawn(estimate):
        width = part.size * unit
        said = f"{part.name}: {_gib(part.size)}"
        shapes.append(svg.rect(x, y, width, height, _paint(part), title=said, more="part"))
        if svg.measured(part.letter, style="bold") + 3 < width:
            middle, base = x + width / 2, y + height / 2 + 5
            shapes.append(
                svg.text(middle, base, part.letter, on=_paint(part), style="bold", anchor="middle")
            )
        x += width
    end = MARGIN + estimate.requested * unit
    return [*shapes, svg.rect(end - 1, y - 5, 2, height + 10, f"on-{LINE}", more="share")]


def _share_label(estimate: Budget, top: float) -> list[str]:
    """Return the text at the line, on the side that has room."""
    end = MARGIN + INNER * estimate.requested / _scale(estimate)
    said = f"{_SHARE} {estimate.serving.utilization:f}"
    anchor = "end" if svg.measured(said) < end - MARGIN else "start"
    return [svg.text(end, top - 9, said, on=QUIET, anchor=anchor)]


def _figure(part: Part, total: int, y: float) -> tuple[list[str], float]:
    """Return a row of the table (letter, name, GiB, share of the GPU), and where it ends."""
    hatched = "hatched" if part.letter == "-" else ""
    base, size, share = y + 13, _gib(part.size), svg.percent(part.size / total)
    name = svg.wrapped(part.name, _FIGURES - _NAMES - svg.measured(size) - 4)
    shapes = [
        svg.key(_paint(part), part.letter, MARGIN, y, more=hatched),
        *svg.lines(_NAMES, base, name, on=PAGE),
        svg.text(_FIGURES, base, size, anchor="end"),
        svg.text(WIDTH - MARGIN, base, share, anchor="end"),
    ]
    return shapes, y + len(name) * LINE_HEIGHT + 4


def _total(estimate: Budget, y: float) -> list[str]:
    gpus = estimate.serving.gpus
    of = "one GPU" if gpus == 1 else f"each of {gpus} GPUs"
    base = y + 14
    return [
        svg.rect(MARGIN, y - 1, INNER, 1, LINE),
        svg.text(_NAMES, base, of, style="bold"),
        svg.text(_FIGURES, base, _gib(estimate.total), style="bold", anchor="end"),
    ]


def _row(cell: Cell, estimate: Budget, y: float) -> list[str]:
    """Return the bar of one of many cells, below its name, verdict and GPU."""
    row = matrix_summary.row(cell)
    mark = "" if row.measured else " ~"
    gpus = f"{row.gpus} × {_gib(estimate.total)}"
    return [
        svg.text(MARGIN, y + 12, _name(cell), style="bold"),
        svg.text(WIDTH - MARGIN, y + 12, f"{row.verdict}{mark}, {gpus}", on=QUIET, anchor="end"),
        *_bar(estimate, y + LINE_HEIGHT + 4, _LOW),
    ]


def _legend(estimates: Iterable[Budget]) -> Iterator[tuple[str, str, str]]:
    """Yield paint, letter and name of each part that the bars have."""
    every = [part for estimate in estimates for part in memory_breakdown.drawn(estimate)]
    for letter in sorted({part.letter for part in every}, key="WLAOGK+.".index):
        of_letter = [part for part in every if part.letter == letter]
        # Of CUDA graphs in the share and outside of it, the shorter name is true of both.
        name = min((part.name for part in of_letter), key=len)
        yield _paint(of_letter[0]), letter, name


def _gib(size: int) -> str:
    return f"{size / GIB:.2f} GiB"


def _summary(cell: Cell, estimate: Budget) -> str:
    parts = ", ".join(
        f"{part.name} {svg.percent(part.size / estimate.total)}"
        for part in memory_breakdown.parts(estimate)
        if part.letter in "WK+-"
    )
    return f"{_name(cell)} {parts}"


def _said(cell: Cell, estimate: Budget) -> str:
    parts = memory_breakdown.parts(estimate)
    figures = ", ".join(f"{part.name} {_gib(part.size)}" for part in parts)
    return f"{figures}, of {_gib(estimate.total)}; {limits.limit(cell, estimate)}"
