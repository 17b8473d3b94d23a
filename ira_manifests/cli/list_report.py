"""What `list` prints, in 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from ira_manifests.analysis.matrix_summary import NOT_JUDGED, Absent, Row
from ira_manifests.cli import terminal
from ira_manifests.cli.terminal import BOLD, BOLD_RED, DIM, GREEN, YELLOW, Fields, Text
from ira_manifests.layout import placed

# Verdicts as shown in the table, and their styles.
_SHORT = {
    "fits": ("fits", GREEN),
    "tight": ("tight", YELLOW),
    NOT_JUDGED: (NOT_JUDGED, DIM),
}
_HEAD = (
    ("GPU × model, machine", "", "max", "head-", "re-", ""),
    ("directory", "GPUs", "len", "room", "quests", "verdict"),
)
_ALIGN = "<>>>><"


def matrix(rows: Sequence[Row], others: Sequence[Absent]) -> None:
    """Print a row for each cell, then the pairs without one."""
    environments = dict.fromkeys(row.environment for row in rows)
    for place, environment in enumerate(environments):
        if place:
            terminal.say("")
        if any(environments):
            terminal.say(terminal.styled(_title(environment), BOLD))
        _table([row for row in rows if row.environment == environment])
    if rows:
        terminal.say("\nheadroom: KV cache left after one request of max len, in GiB on each GPU.")
        terminal.say(
            "requests: of max len at the same time. ~ estimate without measured start-ups."
        )
    reasons = [row for row in rows if row.why]
    _reasons("No fit:", [row for row in reasons if row.verdict != NOT_JUDGED])
    _reasons("Not judged:", [row for row in reasons if row.verdict == NOT_JUDGED])
    if others:
        terminal.say_heading("Not in the matrix:")
    for pair in others:
        terminal.say_wrapped(f"{pair.gpu} × {pair.model}: {pair.why}")


def _table(rows: Sequence[Row]) -> None:
    head = [[Text(title, BOLD) for title in titles] for titles in _HEAD]
    terminal.say_table(head, [line for row in rows for line in _lines(row)], _ALIGN)


def _title(environment: str | None) -> str:
    return f"Environment {environment}" if environment else "Without an environment"


def _reasons(heading: str, rows: Sequence[Row]) -> None:
    if rows:
        terminal.say_heading(heading)
    for row in rows:
        said = row.why.removeprefix("does not fit: ")
        where = f"{row.environment}: " if row.environment else ""
        terminal.say_wrapped(f"{where}{row.gpu} × {row.model}: {said}")


def _lines(row: Row) -> tuple[Fields, Fields]:
    mark = "" if row.measured or row.concurrency is None else " ~"
    verdict, style = _SHORT.get(row.verdict, ("no fit", BOLD_RED))
    numbers = (
        str(row.gpus),
        str(row.max_model_len),
        _number(row.kv_headroom_gib),
        _number(row.concurrency),
    )
    name = Text(f"{row.gpu} × {row.model}, {row.machine}")
    return (
        [name, *map(Text, numbers), Text(verdict + mark, style)],
        [Text(placed(row.environment or "", row.directory), DIM), *(Text("") for _ in _ALIGN[1:])],
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
