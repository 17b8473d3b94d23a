"""What `list` and `explain` show people, in 80 columns."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from typing import Any

from ira_manifests import explain
from ira_manifests.listing import Absent, Row
from ira_manifests.memory import GIB, Budget, MemoryInputError
from ira_manifests.profiles.cell import Cell
from ira_manifests.provenance import Value
from ira_manifests.provenance_fields import Answer
from ira_manifests.terminal import console, print_table
from ira_manifests.words import count, visible

_WIDTH = 80
# How a verdict is shown in the narrow table, and its style.
_SHORT = {
    "fits": ("fits", "green"),
    "tight": ("tight", "yellow"),
    "not judged": ("unknown", "dim"),
}


def matrix(rows: Sequence[Row], others: Sequence[Absent]) -> None:
    """Print a row for each cell, and below them the pairs that have none."""
    screen = console()
    print_table(screen, _table(rows))
    screen.print("\nheadroom: KV cache beyond one longest request, GiB on each GPU.")
    screen.print("requests: of max model len at once. ~ rests on no measured start-up.")
    refused = [row for row in rows if row.why]
    if refused:
        screen.print("\nNo fit:", style="bold")
    for row in refused:
        said = row.why.removeprefix("does not fit: ")
        screen.print(_wrapped(f"{row.gpu} × {row.model}: {said}"), markup=False)
    if others:
        screen.print("\nNot in the matrix:", style="bold")
    for pair in others:
        screen.print(_wrapped(f"{pair.gpu} × {pair.model}: {pair.why}"), markup=False)


def absent(pair: Absent) -> None:
    """Print why a pair is not in the matrix."""
    text = f"{pair.gpu} × {pair.model} is not in the matrix: {pair.why}"
    console().print(_wrapped(text), markup=False)


def _table(rows: Sequence[Row]) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False)
    table.add_column("GPU × model, machine\ndirectory", overflow="fold")
    for name in ("GPUs", "max\nlen", "head-\nroom", "re-\nquests"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in rows:
        mark = "" if row.measured or row.concurrency is None else " ~"
        verdict, style = _SHORT.get(row.verdict, ("no fit", "bold red"))
        table.add_row(
            f"{row.gpu} × {row.model}, {row.machine}\n[dim]{row.directory}[/dim]",
            str(row.gpus),
            str(row.max_model_len),
            _number(row.kv_headroom_gib),
            _number(row.concurrency),
            f"[{style}]{verdict}[/]{mark}",
        )
    return table


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def value(item: Value) -> None:
    """Print one value: what it is, where it is in the manifest, where it comes from."""
    _field(item.name, item.value, item.manifest, item.source)


def answers(field: str, found: Sequence[Answer]) -> None:
    """Print what directories hold at a field; where sources differ, each inner field with its."""
    screen = console()
    for answer in found:
        begin = answer.path
        shown = {leaf.path[len(begin) :].lstrip(". "): leaf for leaf in answer.leaves}
        if len({leaf.source for leaf in answer.leaves}) == 1:
            text = ", ".join(f"{k}={leaf.value}" if k else leaf.value for k, leaf in shown.items())
            _field(field, text, begin, answer.leaves[0].source)
        else:
            screen.print(f"{visible(field)}:\n  {visible(begin)}", markup=False)
            for name, leaf in shown.items():
                screen.print(_wrapped(visible(f"  {name}: {leaf.value}")), markup=False)
                screen.print(f"    from {visible(leaf.source)}", markup=False, style="dim")
        for name in answer.directories:
            screen.print(f"  in {visible(name)}", markup=False)


def _field(name: str, text: str, manifest: str, source: str) -> None:
    screen = console()
    for line in (f"{name}: {text}", f"  {manifest}", f"  from {source}"):
        screen.print(_wrapped(visible(line)), markup=False)


def explained(cell: Cell, values: Sequence[Value]) -> None:
    """Print a cell's memory, its limit, its knobs, and the source of every value."""
    screen = console()
    screen.print(
        f"{cell.gpu_name} × {cell.model_name} on {cell.machine.machine_type}", style="bold"
    )
    try:
        answer = cell.budget
    except MemoryInputError as error:
        screen.print(_wrapped(f"memory: {error}"), markup=False)
    else:
        _memory(screen, cell, answer)
    screen.print("\nValues and where they come from:", style="bold")
    for item in values:
        screen.print(_wrapped(visible(f"{item.name}: {item.value}")), markup=False)
        screen.print(f"    {visible(item.source)}", markup=False, style="dim")


def _memory(screen: Any, cell: Cell, answer: Budget | None) -> None:
    if answer is None:
        screen.print("memory: not judged, the model's profile has no weights and geometry")
        return
    screen.print(f"\n{explain.bar(answer)}", markup=False)
    for part in explain.parts(answer):
        screen.print(f"  {part.letter} {part.size / GIB:7.2f} GiB  {part.name}", markup=False)
    gpus = count(cell.profile.tensor_parallel, "GPU")
    screen.print(f"  = {answer.total / GIB:7.2f} GiB  of each of {gpus}")
    screen.print(
        f"\n{answer.tokens} tokens in the pool, {answer.kv_bytes_per_token} bytes a token; "
        f"{float(answer.concurrency):.2f} requests of {answer.serving.max_model_len}.\n"
        f"Longest context that starts: {answer.longest_max_model_len}, "
        f"with a margin: {answer.safe_max_model_len}."
    )
    screen.print(_wrapped(explain.limit(cell, answer)), markup=False)
    for reason in answer.serving.unmeasured:
        screen.print(_wrapped(f"  ~ {reason}"), markup=False)
    screen.print("\nOne more step of each knob:", style="bold")
    for step in explain.steps(cell):
        requests = "" if step.concurrency is None else f"{step.concurrency:7.2f} requests, "
        longest = "" if step.longest is None else f"longest {step.longest}, "
        screen.print(_wrapped(f"  {step.knob:<30} {requests}{longest}{step.verdict}"), markup=False)


def _wrapped(text: str) -> str:
    wrapper = textwrap.TextWrapper(
        _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    # A line may end behind a comma as well: lists of options have no spaces.
    wrapper.wordsep_simple_re = re.compile(r"(\s+)|(?<=,)(?=\S)")
    return wrapper.fill(text)
