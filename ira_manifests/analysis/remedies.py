"""Whether a cell works, what decides it, and the cheapest changes that would make it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from ira_manifests.memory import Budget, Limit, MemoryInputError, Serving, Verdict, budget
from ira_manifests.messages import gib
from ira_manifests.profiles.cell import LEAST_AUTO, Cell

_STEP = Decimal("0.01")


@dataclass(frozen=True)
class Remedy:
    """A value of a field of the cell, with which the cell fits."""

    field: str
    value: str

    def __str__(self) -> str:
        return f"{self.field}: {self.value}"


def verdict(cell: Cell, estimate: Budget) -> Verdict:
    """Return the verdict of a cell; `auto` that finds no context worth serving does not fit."""
    return Verdict.DOES_NOT_FIT if auto_fails(cell, estimate) else estimate.verdict


def auto_fails(cell: Cell, estimate: Budget) -> bool:
    """Tell whether `max_model_len: auto` finds less than anybody would serve."""
    least = min(LEAST_AUTO, estimate.serving.geometry.max_position_embeddings)
    return cell.profile.max_model_len == "auto" and estimate.safe_max_model_len < least


def limit(cell: Cell, estimate: Budget) -> str:
    """Return what decides the verdict, in a sentence."""
    check = estimate.decisive
    if auto_fails(cell, estimate):
        least = estimate.serving.max_model_len
        return (
            f"does not fit: auto finds no context of {least} tokens or more that keeps the margin"
        )
    if check.spare >= 0:
        return (
            f"{estimate.verdict}: {check.limit} has {gib(check.spare)} to spare on each GPU, "
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
        for size, serving in _splits(cell, range(1, most + 1))
        if budget(replace(serving, max_model_len=length)).verdict is not Verdict.DOES_NOT_FIT
    ]


def remedies(cell: Cell, estimate: Budget) -> list[Remedy]:
    """Return single changes that make the cell fit with its margin, the cheapest first."""
    return [
        *_fewer_requests(estimate),
        *_utilization(estimate),
        *_context(cell, estimate),
        *_more_gpus(cell, estimate),
    ]


def _fewer_requests(estimate: Budget) -> Iterator[Remedy]:
    """Yield the most requests of a batch whose states fit, where those decide."""
    serving, requests = estimate.serving, estimate.most_states
    if estimate.decisive.limit is not Limit.STATES or requests < 1:
        return
    batch = replace(serving.batch_limits, requests=requests)
    if budget(replace(serving, batch=batch)).verdict is Verdict.FITS:
        yield Remedy("flags", f"--max-num-seqs={requests}")


def _utilization(estimate: Budget) -> Iterator[Remedy]:
    """Yield the utilization nearest to the cell's that fits."""
    serving = estimate.serving
    lower = estimate.decisive.limit in (Limit.START, Limit.WARM_UP)
    value = serving.utilization + (-_STEP if lower else _STEP)
    while 0 < value < 1:
        if budget(replace(serving, utilization=value)).verdict is Verdict.FITS:
            yield Remedy("gpu_memory_utilization", format(value, "f"))
            return
        value += -_STEP if lower else _STEP


def _context(cell: Cell, estimate: Budget) -> Iterator[Remedy]:
    longest = estimate.safe_max_model_len
    fixed = cell.profile.max_model_len != "auto" and longest < estimate.serving.max_model_len
    if estimate.decisive.limit is Limit.KV_CACHE and longest and fixed:
        yield Remedy("max_model_len", str(longest))


def _more_gpus(cell: Cell, estimate: Budget) -> Iterator[Remedy]:
    """Yield the fewest GPUs, more than the cell's, with which it fits."""
    length = estimate.serving.max_model_len
    machines = sorted({machine.gpus for machine in cell.gpu.machines})
    for size, serving in _splits(cell, machines):
        larger = size > estimate.serving.tensor_parallel
        if larger and budget(replace(serving, max_model_len=length)).verdict is Verdict.FITS:
            yield Remedy("tensor_parallel", str(size))
            return


def _splits(cell: Cell, candidates: Iterable[int]) -> Iterator[tuple[int, Serving]]:
    """Yield those of the tensor parallel sizes that the model allows."""
    for size in candidates:
        profile = cell.profile.model_copy(update={"tensor_parallel": size, "compute_class": None})
        try:
            serving = replace(cell, profile=profile).serving_with(max_model_len=LEAST_AUTO)
        except MemoryInputError:
            continue
        if serving is not None:
            yield size, serving
