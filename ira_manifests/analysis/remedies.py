"""Finds the cheapest changes that make a cell fit with its margin. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial

from ira_manifests.analysis.limits import lacking, lacks
from ira_manifests.memory import Budget, Limit, MemoryInputError, Serving, Verdict, budget
from ira_manifests.profiles.cell import LEAST_AUTO, Cell

_STEP = Decimal("0.01")


@dataclass(frozen=True)
class Change:
    """A new value for a field of the cell."""

    field: str
    value: str

    def __str__(self) -> str:
        return f"{self.field}: {self.value}"


@dataclass(frozen=True)
class Remedy:
    """Changes that together make the cell fit."""

    changes: tuple[Change, ...]

    @property
    def field(self) -> str:
        """The first field to change."""
        return self.changes[0].field

    def also(self, other: Remedy) -> Remedy:
        """Return the changes of both."""
        return Remedy((*self.changes, *other.changes))

    def __str__(self) -> str:
        return " and ".join(map(str, self.changes))


def sizes(cell: Cell) -> list[int]:
    """Return the tensor parallel sizes with which the cell fits on some machine of its GPU type."""
    most = max(machine.gpus for machine in cell.gpu.machines) * cell.profile.nodes
    return [
        serving.tensor_parallel
        for serving in _splits(cell, range(1, most + 1))
        if budget(serving).verdict is not Verdict.DOES_NOT_FIT
    ]


def remedies(cell: Cell, estimate: Budget) -> list[Remedy]:
    """Return changes that make the cell fit with its margin, the cheapest first.

    Changes that keep the machine come before more GPUs. Remedies with several changes are returned
    only if no single change is enough.
    """
    serving = _as_judged(cell, estimate.serving)
    larger = _larger(cell, serving.tensor_parallel)
    alone = [
        *_fewer_requests(serving, estimate),
        *other_share(serving),
        *_context(cell, serving),
        *_more_gpus(larger),
    ]
    return alone or [*_several(cell, serving, larger)]


def remedies_of_split(cell: Cell) -> list[Remedy]:
    """Return remedies for a model that can't be split over the cell's GPUs."""
    larger = _larger(cell, cell.profile.tensor_parallel)
    return [*_several(cell, None, larger)]


def _several(cell: Cell, serving: Serving | None, larger: Sequence[Serving]) -> Iterator[Remedy]:
    """Yield remedies with several changes, those with the fewest first."""
    if serving is not None:
        yield from _share_and_context(cell, serving)
    for change in (other_share, partial(_context, cell), partial(_share_and_context, cell)):
        for split in larger:
            found = [_gpus(split).also(more) for more in change(split)]
            if found:
                yield found[0]
                break


def _fits(serving: Serving) -> bool:
    return budget(serving).verdict is Verdict.FITS


def _fewer_requests(serving: Serving, estimate: Budget) -> Iterator[Remedy]:
    """Yield the largest max_num_seqs whose states fit, if states decide the verdict."""
    requests = estimate.most_states
    if requests < 1 or all(check.limit is not Limit.STATES for check in lacking(estimate)):
        return
    if _fits(replace(serving, batch=replace(serving.batch_limits, requests=requests))):
        yield _remedy("args", f"--max-num-seqs={requests}")


def other_share(serving: Serving) -> Iterator[Remedy]:
    """Yield the utilization closest to the serving's with which it fits."""
    estimate = budget(serving)
    # A larger share leaves less memory outside it.
    lower = lacks(estimate, outside=True)
    if lower and lacks(estimate, outside=False):
        return
    value = serving.utilization + (-_STEP if lower else _STEP)
    while 0 < value < 1:
        found = budget(replace(serving, utilization=value))
        if found.verdict is Verdict.FITS:
            yield _remedy("gpu_memory_utilization", format(value, "f"))
            return
        if lacks(found, outside=not lower):  # and more so at the next value
            return
        value += -_STEP if lower else _STEP


def _context(cell: Cell, serving: Serving) -> Iterator[Remedy]:
    """Yield the longest context that keeps the margin, if a shorter context is enough."""
    longest = budget(serving).safe_max_model_len
    if cell.profile.max_model_len == "auto" or not 0 < longest < serving.max_model_len:
        return
    if _fits(replace(serving, max_model_len=longest)):
        yield _remedy("max_model_len", str(longest))


def _share_and_context(cell: Cell, serving: Serving) -> Iterator[Remedy]:
    """Yield the largest share that leaves enough memory outside it, with the longest context."""
    value = 1 - _STEP
    while value > 0 and lacks(budget(replace(serving, utilization=value)), outside=True):
        value -= _STEP
    if value > 0:
        share = _remedy("gpu_memory_utilization", format(value, "f"))
        for context in _context(cell, replace(serving, utilization=value)):
            yield share.also(context)


def _more_gpus(larger: Iterable[Serving]) -> Iterator[Remedy]:
    """Yield the smallest number of GPUs above the cell's with which it fits."""
    for split in larger:
        if _fits(split):
            yield _gpus(split)
            return


def _gpus(serving: Serving) -> Remedy:
    return _remedy("tensor_parallel", str(serving.tensor_parallel))


def _remedy(field: str, value: str) -> Remedy:
    return Remedy((Change(field, value),))


def _larger(cell: Cell, size: int) -> list[Serving]:
    """Return the cell on each larger number of GPUs that machines have and the model supports."""
    stages, nodes = cell.profile.pipeline_parallel, cell.profile.nodes
    sizes = {machine.gpus * nodes // stages for machine in cell.gpu.machines}
    return list(_splits(cell, sorted(each for each in sizes if each > size)))


def _splits(cell: Cell, candidates: Iterable[int]) -> Iterator[Serving]:
    """Yield the cell with each tensor parallel size that has an estimate."""
    asked, stages = cell.profile.max_model_len, cell.profile.pipeline_parallel
    nodes = cell.profile.nodes
    most = max(machine.gpus for machine in cell.gpu.machines) * nodes
    able = (each for each in candidates if each * stages <= most and each * stages % nodes == 0)
    for size in able:
        profile = cell.profile.model_copy(update={"tensor_parallel": size, "compute_class": None})
        length = LEAST_AUTO if asked == "auto" else asked
        try:
            serving = replace(cell, profile=profile).serving_with(max_model_len=length)
            if serving is not None:
                budget(serving)
        except MemoryInputError:
            continue
        if serving is not None:
            yield _as_judged(cell, serving)


def _as_judged(cell: Cell, serving: Serving) -> Serving:
    """Return the configuration that must fit; with `auto`, its context is `LEAST_AUTO` at most."""
    if cell.profile.max_model_len != "auto":
        return serving
    least = min(LEAST_AUTO, serving.geometry.max_position_embeddings)
    return replace(serving, max_model_len=least)
