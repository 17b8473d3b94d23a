"""What `explain` shows people."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from ira_manifests.analysis import limits, memory_breakdown, node_usage
from ira_manifests.cli import terminal
from ira_manifests.cli.terminal import BOLD, DIM
from ira_manifests.errors import one_of
from ira_manifests.memory import GIB, Budget, MemoryInputError
from ira_manifests.messages import count, visible
from ira_manifests.profiles import model_text
from ira_manifests.profiles.cell import Cell
from ira_manifests.provenance.explained import ExplainedDirectory, Value

if TYPE_CHECKING:
    from ira_manifests.analysis.matrix_summary import Absent
    from ira_manifests.analysis.memory_breakdown import Part
    from ira_manifests.provenance.field_lookup import Answer
    from ira_manifests.rules.catalogue import Rule


class Report(Protocol):
    """Where explanations go: to people, as by this module, or into a JSON document."""

    def gap(self) -> None:
        """Leave an empty line."""

    def environment(self, *names: str, first: bool) -> None:
        """Say of which environments what follows is; an empty name is the walkthrough's."""

    def absent(self, pair: Absent) -> None:
        """Say why a pair is not in the matrix."""

    def left_out(self, pair: Absent) -> None:
        """Say why a GPU type gets no cell of a new model."""

    def rule(self, found: Rule) -> None:
        """Say the page of a rule."""

    def value(self, item: Value) -> None:
        """Say one value."""

    def answers(self, field: str, found: Sequence[Answer]) -> None:
        """Say what directories hold at a field."""

    def directory(self, found: ExplainedDirectory) -> None:
        """Say the values of a directory that is no cell's."""

    def explained(self, cell: Cell, values: Sequence[Value]) -> None:
        """Say a cell's memory and values."""

    def proposed(self, cell: Cell, weights_from: str) -> None:
        """Say a cell that no profile has."""


def gap() -> None:
    """Print an empty line."""
    terminal.say("")


def absent(pair: Absent) -> None:
    """Print why a pair is not in the matrix."""
    terminal.say_wrapped(f"{pair.gpu} × {pair.model} is not in the matrix: {pair.why}")


def environment(*names: str, first: bool) -> None:
    """Print of which environments what follows is; an empty name is the walkthrough's."""
    if not first:
        terminal.say("")
    said = [name or "without an environment" for name in names]
    terminal.say(terminal.styled(f"{one_of(said)}:", BOLD))


def left_out(pair: Absent) -> None:
    """Print why a GPU type gets no cell of a new model."""
    terminal.say_wrapped(f"{pair.gpu} gets no cell of {pair.model}: {pair.why}")


def rule(found: Rule) -> None:
    """Print the page of a rule."""
    terminal.say(terminal.styled(found.heading, BOLD))
    for paragraph in found.page.split("\n\n"):
        terminal.say("")
        if paragraph.startswith("```"):
            terminal.say("\n".join(paragraph.splitlines()[1:-1]))
        else:
            terminal.say_wrapped(" ".join(paragraph.split()), indent="")


def value(item: Value) -> None:
    """Print one value: what it is, where it is in the manifest, where it comes from."""
    _field(item.name, _shown(item), item.manifest, item.source)


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
                terminal.say_wrapped(f"  {name}: {leaf.value}")
                _say_source(f"from {leaf.source}")
        for name in answer.directories:
            terminal.say(f"  in {visible(name)}")


def _field(name: str, text: str, manifest: str, source: str) -> None:
    for line in (f"{name}: {text}", f"  {manifest}", f"  from {source}"):
        terminal.say_wrapped(line)


def explained(cell: Cell, values: Sequence[Value]) -> None:
    """Print a cell's memory, its limit, its settings, and the source of every value."""
    _title_and_memory(cell)
    _values(values)


def proposed(cell: Cell, weights_from: str) -> None:
    """Print the same of a cell that no profile has, and its lines in the profile to be."""
    _title_and_memory(cell)
    terminal.say("")
    terminal.say_wrapped(f"The weights are computed from {weights_from}.")
    terminal.say_heading("The cell as `add` writes it:")
    terminal.say(model_text.cell_text(cell.gpu_name, cell.profile))


def _title_and_memory(cell: Cell) -> None:
    title = f"{' × '.join(cell.key)} on {cell.machine.machine_type}"
    terminal.say(terminal.styled(title, BOLD))
    try:
        estimate = cell.budget
    except MemoryInputError as error:
        terminal.say_wrapped(f"memory: {error}")
    else:
        _memory(cell, estimate)
    _node(cell)


def directory(found: ExplainedDirectory) -> None:
    """Print the source of every value of a directory that is no cell's."""
    terminal.say(terminal.styled(found.name, BOLD))
    _values(found.values)


def _values(values: Sequence[Value]) -> None:
    terminal.say_heading("Values and where they come from:")
    for item in values:
        terminal.say_wrapped(f"{item.name}: {_shown(item)}")
        _say_source(item.source)


def _memory(cell: Cell, estimate: Budget | None) -> None:
    if estimate is None:
        terminal.say_wrapped(f"memory: not judged, {cell.unjudged}")
        return
    _bar(memory_breakdown.bar(estimate), memory_breakdown.parts(estimate))
    _end(memory_breakdown.bar(estimate), estimate.requested, "the share of each GPU")
    gpus = count(cell.profile.all_gpus, "GPU")
    terminal.say(f"  = {estimate.total / GIB:7.2f} GiB  of each of {gpus}")
    states = estimate.layout.state_bytes
    kept = f"{estimate.kv_bytes_per_token} bytes a token"
    kept += f" and {states} a sequence" if states else ""
    terminal.say(
        f"\n{estimate.tokens} tokens in the pool, {kept}; "
        f"{float(estimate.concurrency):.2f} requests of {estimate.serving.max_model_len}.\n"
        f"Longest context that starts: {estimate.longest_max_model_len}, "
        f"with a margin: {estimate.safe_max_model_len}."
    )
    terminal.say_wrapped(limits.limit(cell, estimate))
    for reason in estimate.serving.unmeasured:
        terminal.say_wrapped(f"  ~ {reason}")
    terminal.say_heading("Effect of one step of each setting:")
    for step in memory_breakdown.steps(cell):
        requests = "" if step.concurrency is None else f"{step.concurrency:7.2f} requests, "
        longest = "" if step.longest is None else f"longest {step.longest}, "
        terminal.say_wrapped(f"  {step.knob:<30} {requests}{longest}{step.verdict}")


def _node(cell: Cell) -> None:
    machine, usage = cell.machine.machine_type, node_usage.memory(cell)
    terminal.say_heading("Memory of the node, at most:")
    _bar(node_usage.bar(usage), node_usage.parts(usage))
    _end(node_usage.bar(usage), usage.allocatable, "what the machine allocates")
    terminal.say(f"  = {usage.allocatable / GIB:7.2f} GiB  that {machine} allocates to Pods")
    if cell.model.weights is None:
        terminal.say_wrapped("The file cache is not counted: the model's weights are not known.")
    for name in node_usage.unlimited_volumes(cell):
        terminal.say_wrapped(f"The volume {name} in memory is not counted: it has no sizeLimit.")
    cores = node_usage.cpu(cell)
    terminal.say_wrapped(
        f"CPU: {cores.requests / 1000:.2f} cores asked for of {cores.allocatable / 1000:.2f}; "
        f"the server has {cell.profile.cpu}, and wants {node_usage.least_cpus(cell)} or more."
    )


def _bar(bar: str, parts: Sequence[Part]) -> None:
    terminal.say(f"\n{bar}")
    for part in parts:
        terminal.say(f"  {part.letter} {part.size / GIB:7.2f} GiB  {part.name}")


def _end(bar: str, size: int, what: str) -> None:
    """Print what the line in a bar is, where it has one."""
    if "|" in bar:
        terminal.say(f"  | at {size / GIB:.2f} GiB: the end of {what}")


def _shown(item: Value) -> str:
    """Return a value without the name of its option, and with spaces in a list of options."""
    if item.value == item.name:
        return "true"
    text = item.value.removeprefix(f"{item.name}=")
    return text if "{" in text else re.sub(r",(?=\S)", ", ", text)


def _say_source(source: str) -> None:
    terminal.say_wrapped(f"    {source}", DIM)
