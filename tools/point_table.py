"""Lays out the reported start-ups and their estimates as text, at most 80 columns wide."""

import textwrap
from collections.abc import Iterator, Sequence

from testing.points import Point

_WIDTH = 80
_HEADER = f"{'start-up':<26}{'engine':>7}  {'what':<21}{'figure':>7}{'estimate':>9}{'error':>7}"
_FOOTER = """\
Points judged by their verdict have none but that: "ok" is the right side of a
failure or a start. A point is ok within 3 % of its figure."""


def lines(points: Sequence[Point]) -> Iterator[str]:
    """Yield the table: two or more lines for each point, and how many are judged."""
    yield _HEADER
    for point in points:
        yield _line(point)
        yield from _detail(point)
    judged = [point for point in points if point.judgement.holds is not None]
    right = sum(bool(point.judgement.holds) for point in judged)
    yield f"{right} of {len(judged)} points hold, {len(points) - len(judged)} not judged"
    yield _FOOTER


def _line(point: Point) -> str:
    row = point.row
    name = row["model"].split("/")[-1]
    what = row["what"].split("(")[0].strip()
    estimate, error = _estimate(point)
    start = f"{name[:25]:<26}{row['engine']:>7}  {what[:20]:<21}"
    return f"{start}{row['value']:>7}{estimate:>9}{error:>7}"


def _estimate(point: Point) -> tuple[str, str]:
    judged = point.judgement
    if judged.holds is None:
        return "not", "judged"
    if point.error is not None and judged.estimate is not None:
        return f"{judged.estimate:.7g}"[:7], f"{point.error:+.1%}"
    return "", "ok" if judged.holds else "WRONG"


def _detail(point: Point) -> Iterator[str]:
    row, judged = point.row, point.judgement
    parts = [
        row["source"],
        f"{row['tensor_parallel']} x {row['gpu']}" if row["tensor_parallel"] else row["gpu"],
        f"share {row['gpu_memory_utilization']}" if row["gpu_memory_utilization"] else "",
        f"{row['max_model_len']} tokens" if row["max_model_len"] else "",
        f"kv {row['kv_cache_dtype']}" if row["kv_cache_dtype"] not in ("", "auto") else "",
        row["settings"],
        f"verdict: {judged.verdict}" if judged.verdict else "",
        judged.note,
    ]
    text = "; ".join(filter(None, parts))
    yield from textwrap.wrap(
        text, _WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
    )
