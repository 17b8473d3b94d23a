"""Whether a cell works, what decides it, and the cheapest changes that would make it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from ira_manifests.memory import Budget, Limit, MemoryInputError, Serving, Verdict, budget
from ira_manifests.messages import gib
from ira_manifests.profiles import memory_inputs
from ira_manifests.profiles.cell import LEAST_AUTO, Cell

_STEP = Decimal("0.01")


@dataclass(frozen=True)
class Remedy:
    """A value of a field of the cell, with which the cell fits."""

    field: str
    value: str

    def __str__(self) -> str:
        return f"{self.field}: {self.value}"


def verdict(cell: Cell, answer: Budget) -> Verdict:
    """Return the verdict of a cell; `auto` that finds no context worth serving does not fit."""
    return Verdict.DOES_NOT_FIT if auto_fails(cell, answer) else answer.verdict


def auto_fails(cell: Cell, answer: Budget) -> bool:
    """Tell whether `max_model_len: auto` finds less than anybody would serve."""
    least = min(LEAST_AUTO, answer.serving.geometry.max_position)
    return cell.profile.max_model_len == "auto" and answer.safe_max_model_len < least


def limit(cell: Cell, answer: Budget) -> str:
    """Return what decides the verdict, in a sentence."""
    check = answer.decisive
    if auto_fails(cell, answer):
        return (
            f"does not fit: auto finds no context of {answer.serving.max_model_len} tokens or more "
            "that keeps the margin"
        )
    if check.spare >= 0:
        return (
            f"{answer.verdict}: {check.limit} has {gib(check.spare)} to spare on each GPU, "
            f"{gib(check.margin)} wanted"
        )
    if check.limit is Limit.WEIGHTS:
        what = "weights and start-up exceed the share"
        return f"does not fit: {what} of each GPU by {gib(-check.spare)}, before any KV cache"
    return f"does not fit: {gib(-check.spare)} are missing for {check.limit} on each GPU"


def sizes(cell: Cell) -> list[int]:
    """Return the tensor parallel sizes with which the cell would fit, on any machine of its GPU."""
    asked = cell.profile.max_model_len
    length = LEAST_AUTO if asked == "auto" else asked
    most = max(machine.gpus for machine in cell.gpu.machines)
    return [
        size
        for size, question in _splits(cell, range(1, most + 1))
        if budget(replace(question, max_model_len=length)).verdict is not Verdict.DOES_NOT_FIT
    ]


def remedies(cell: Cell, answer: Budget) -> list[Remedy]:
    """Return single changes that make the cell fit with its margin, the cheapest first."""
    return [*_utilization(answer), *_context(cell, answer), *_more_gpus(cell, answer)]


def _utilization(answer: Budget) -> Iterator[Remedy]:
    """Yield the utilization nearest to the cell's that fits."""
    question = answer.serving
    lower = answer.decisive.limit in (Limit.START, Limit.WARM_UP)
    value = question.utilization + (-_STEP if lower else _STEP)
    while 0 < value < 1:
        if budget(replace(question, utilization=value)).verdict is Verdict.FITS:
            yield Remedy("gpu_memory_utilization", format(value, "f"))
            return
        value += -_STEP if lower else _STEP


def _context(cell: Cell, answer: Budget) -> Iterator[Remedy]:
    longest = answer.safe_max_model_len
    fixed = cell.profile.max_model_len != "auto" and longest < answer.serving.max_model_len
    if answer.decisive.limit is Limit.KV_CACHE and longest and fixed:
        yield Remedy("max_model_len", str(longest))


def _more_gpus(cell: Cell, answer: Budget) -> Iterator[Remedy]:
    """Yield the fewest GPUs, more than the cell's, with which it fits."""
    length = answer.serving.max_model_len
    machines = sorted({machine.gpus for machine in cell.gpu.machines})
    for size, question in _splits(cell, machines):
        larger = size > answer.serving.tensor_parallel
        if larger and budget(replace(question, max_model_len=length)).verdict is Verdict.FITS:
            yield Remedy("tensor_parallel", str(size))
            return


def _splits(cell: Cell, candidates: Iterable[int]) -> Iterator[tuple[int, Serving]]:
    """Yield those of the tensor parallel sizes that the model allows."""
    for size in candidates:
        profile = cell.profile.model_copy(update={"tensor_parallel": size, "compute_class": None})
        try:
            question = memory_inputs.serving(
                replace(cell, profile=profile), max_model_len=LEAST_AUTO
            )
        except MemoryInputError:
            continue
        if question is not None:
            yield size, question
