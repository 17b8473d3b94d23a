"""What `list` and `explain` show people, in 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from ira_manifests import explain, terminal
from ira_manifests.listing import Absent, Row
from ira_manifests.memory import GIB, Budget, MemoryInputError
from ira_manifests.profiles.cell import Cell
from ira_manifests.provenance import Value
from ira_manifests.provenance_fields import Answer
from ira_manifests.terminal import BOLD, BOLD_RED, DIM, GREEN, YELLOW, Fields, Text
from ira_manifests.words import count, visible

_WIDTH = 80
# How a verdict is shown in the narrow table, and its style.
_SHORT = {
    "fits": ("fits", GREEN),
    "tight": ("tight", YELLOW),
    "not judged": ("unknown", DIM),
}
_HEAD = (
    ("GPU × model, machine", "", "max", "head-", "re-", ""),
    ("directory", "GPUs", "len", "room", "quests", "verdict"),
)
_ALIGN = "<>>>><"


def matrix(rows: Sequence[Row], others: Sequence[Absent]) -> None:
    """Print a row for each cell, and below them the pairs that have none."""
    head = [[Text(title, BOLD) for title in titles] for titles in _HEAD]
    terminal.say_table(head, [line for row in rows for line in _lines(row)], _ALIGN)
    terminal.say("\nheadroom: KV cache beyond one longest request, GiB on each GPU.")
    terminal.say("requests: of max model len at once. ~ rests on no measured start-up.")
    refused = [row for row in rows if row.why]
    if refused:
        terminal.say_heading("No fit:")
    for row in refused:
        said = row.why.removeprefix("does not fit: ")
        _say(f"{row.gpu} × {row.model}: {said}")
    if others:
        terminal.say_heading("Not in the matrix:")
    for pair in others:
        _say(f"{pair.gpu} × {pair.model}: {pair.why}")


def absent(pair: Absent) -> None:
    """Print why a pair is not in the matrix."""
    _say(f"{pair.gpu} × {pair.model} is not in the matrix: {pair.why}")


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
        [Text(row.directory, DIM), *(Text("") for _ in _ALIGN[1:])],
    )


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def value(item: Value) -> None:
    """Print one value: what it is, where it is in the manifest, where it comes from."""
    _field(item.name, item.value, item.manifest, item.source)


def answers(field: str, found: Sequence[Answer]) -> None:
    """Print what directories hold at a field; where sources differ, each inner field with its."""
    for answer in found:
        begin = answer.path
        shown = {leaf.path[len(begin) :].lstrip(". "): leaf for leaf in answer.leaves}
        if len({leaf.source for leaf in answer.leaves}) == 1:
            text = ", ".join(f"{k}={leaf.value}" if k else leaf.value for k, leaf in shown.items())
            _field(field, text, begin, answer.leaves[0].source)
        else:
            terminal.say(f"{visible(field)}:\n  {visible(begin)}")
            for name, leaf in shown.items():
                _say(f"  {name}: {leaf.value}")
                _say_source(f"from {leaf.source}")
        for name in answer.directories:
            terminal.say(f"  in {visible(name)}")


def _field(name: str, text: str, manifest: str, source: str) -> None:
    for line in (f"{name}: {text}", f"  {manifest}", f"  from {source}"):
        _say(line)


def explained(cell: Cell, values: Sequence[Value]) -> None:
    """Print a cell's memory, its limit, its knobs, and the source of every value."""
    title = f"{cell.gpu_name} × {cell.model_name} on {cell.machine.machine_type}"
    terminal.say(terminal.styled(title, BOLD))
    try:
        answer = cell.budget
    except MemoryInputError as error:
        _say(f"memory: {error}")
    else:
        _memory(cell, answer)
    terminal.say_heading("Values and where they come from:")
    for item in values:
        _say(f"{item.name}: {item.value}")
        _say_source(item.source)


def _memory(cell: Cell, answer: Budget | None) -> None:
    if answer is None:
        terminal.say("memory: not judged, the model's profile has no weights and geometry")
        return
    terminal.say(f"\n{explain.bar(answer)}")
    for part in explain.parts(answer):
        terminal.say(f"  {part.letter} {part.size / GIB:7.2f} GiB  {part.name}")
    gpus = count(cell.profile.tensor_parallel, "GPU")
    terminal.say(f"  = {answer.total / GIB:7.2f} GiB  of each of {gpus}")
    terminal.say(
        f"\n{answer.tokens} tokens in the pool, {answer.kv_bytes_per_token} bytes a token; "
        f"{float(answer.concurrency):.2f} requests of {answer.serving.max_model_len}.\n"
        f"Longest context that starts: {answer.longest_max_model_len}, "
        f"with a margin: {answer.safe_max_model_len}."
    )
    _say(explain.limit(cell, answer))
    for reason in answer.serving.unmeasured:
        _say(f"  ~ {reason}")
    terminal.say_heading("One more step of each knob:")
    for step in explain.steps(cell):
        requests = "" if step.concurrency is None else f"{step.concurrency:7.2f} requests, "
        longest = "" if step.longest is None else f"longest {step.longest}, "
        _say(f"  {step.knob:<30} {requests}{longest}{step.verdict}")


def _say_source(source: str) -> None:
    terminal.say(terminal.styled(f"    {visible(source)}", DIM))


def _say(text: str) -> None:
    """Print a line, and what does not fit in it below."""
    shown = visible(text)
    terminal.say(shown if len(shown) <= _WIDTH else _wrapped(shown))


def _wrapped(text: str) -> str:
    import re
    import textwrap

    wrapper = textwrap.TextWrapper(
        _WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )
    # A line may end behind a comma as well: lists of options have no spaces.
    wrapper.wordsep_simple_re = re.compile(r"(\s+)|(?<=,)(?=\S)")
    return wrapper.fill(text)
