"""`make bench`: measures, and writes docs/performance.md between its marks."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks import yardsticks
from benchmarks.matrix import ROOT
from benchmarks.measure import Figure
from benchmarks.rows import Row, Suite, exponent

PAGE = ROOT / "docs/performance.md"
_START, _END = "<!-- figures -->\n", "<!-- /figures -->\n"


def main() -> None:
    """Run the suite."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each command")
    parser.add_argument("--sample", type=int, default=100, help="directories for helm and kubectl")
    parser.add_argument("--sizes", type=int, nargs="+", default=[100, 1000, 10000])
    parser.add_argument("--in", dest="place", default=_place(), help="folder for temporary files")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.place) as folder:
        suite = Suite(
            Path(folder), rounds=options.rounds, sample=options.sample, sizes=options.sizes
        )
        rows = [*suite.shipped(), *suite.thousand(), suite.one_changed(), suite.fleet()]
        scaling = suite.scaling()
    text = "".join(f"{line}\n" for line in _lines(rows, scaling, options.sample, options.place))
    print(text)
    page = PAGE.read_text("utf-8")
    before, after = page.split(_START)[0], page.split(_END)[1]
    PAGE.write_text(f"{before}{_START}{text}{_END}{after}", "utf-8")


def _place() -> str | None:
    """Return the in-memory file system if there is one, else None for the default folder.

    On a disk, the time to create a file depends on recent deletions, so figures would show the disk
    more than the programs.
    """
    memory = Path("/dev/shm")  # noqa: S108  Linux'
    return str(memory) if os.access(memory, os.W_OK) else None


def _lines(
    rows: list[Row], scaling: dict[int, Figure], sample: int, place: str | None
) -> Iterator[str]:
    runs = min(len(row.figure.runs) for row in rows)
    yield f"{yardsticks.machine()}. Medians of {runs} interleaved runs and more, written to"
    yield f"{place or 'the disk'}; helm and kubectl ran on {sample} directories, scaled to all."
    yield ""
    yield "| | against | limit | goal | CPU time | wall time | seconds (wall) |"
    yield "|---|---|---|---|---|---|---|"
    for row in rows:
        cpu, wall = row.ratio(lambda f: f.cpu), row.ratio(lambda f: f.wall)
        seconds = f"{row.figure.wall:.2f} : {row.yardstick.wall:.2f}"
        yield (
            f"| {row.what} | {row.against} | {row.limit} | {row.goal} "
            f"| {cpu:.2f} | {wall:.2f} | {seconds} |"
        )
    yield ""
    repeats = min(len(figure.runs) for figure in scaling.values())
    yield f"Growing matrices, medians of {repeats} interleaved runs; the highest memory of all:"
    yield ""
    yield "| cells | CPU time | wall time | memory of Python and Node.js |"
    yield "|---|---|---|---|"
    for size, figure in sorted(scaling.items()):
        memory = f"{figure.peak / (1 << 20):.0f} MiB"
        yield f"| {size:,} | {figure.cpu:.1f} s | {figure.wall:.1f} s | {memory} |"
    yield ""
    by_cpu, by_wall = exponent(scaling, lambda f: f.cpu), exponent(scaling, lambda f: f.wall)
    yield f"Exponent of the last step: {by_cpu:.2f} by CPU time, {by_wall:.2f} by wall time."


if __name__ == "__main__":
    main()
