"""Summarises the matrix: a row for each cell, and why other pairs have no cell. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

from ira_manifests.analysis.limits import in_share, limit, verdict
from ira_manifests.analysis.remedies import other_share
from ira_manifests.memory import GIB, Budget, MemoryInputError, Verdict, budget
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.schema import CellProfile

NOT_JUDGED = "not judged"
"""Verdict for a cell whose memory can't be computed."""

WOULD_FIT = "would fit"
"""Verdict for a pair without a cell for which one can be written."""

# Settings with which a pair without a cell is estimated. The utilization is a fallback for GPU
# types without cells.
_UTILIZATION = Decimal("0.90")
_CONTEXT = 8192


@dataclass(frozen=True)
class Row:
    """A cell and its verdict. Sizes are GiB on each GPU, None if its memory can't be computed."""

    gpu: str
    model: str
    directory: str
    machine: str
    compute_class: str
    gpus: int
    max_model_len: int
    kv_headroom_gib: float | None
    concurrency: float | None
    longest_max_model_len: int | None
    verdict: str
    why: str
    measured: bool
    reasons: tuple[str, ...]
    environment: str | None = None
    """The environment of the cell; None for the walkthrough's."""

    def to_json(self) -> dict[str, Any]:
        """Return the row as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Absent:
    """A GPU type and model without a cell, and why."""

    gpu: str
    model: str
    why: str


@dataclass(frozen=True)
class Pairing:
    """The memory estimate for a GPU type and model without a cell."""

    verdict: str
    """A verdict as that of a row, or `WOULD_FIT`."""
    why: str


def rows(matrix: Matrix) -> list[Row]:
    """Return a row for each cell, in the order of the matrix."""
    environment = matrix.environment or None
    return [replace(row(cell), environment=environment) for cell in matrix.values()]


def row(cell: Cell) -> Row:
    """Return the row of a cell."""
    estimate, judged, reason = _judged(cell)
    return Row(
        gpu=cell.gpu_name,
        model=cell.short_name,
        directory=cell.directory,
        machine=cell.machine.machine_type,
        compute_class=cell.machine.compute_class,
        gpus=cell.profile.all_gpus,
        max_model_len=cell.max_model_len,
        kv_headroom_gib=_headroom_gib(estimate) if estimate else None,
        concurrency=_round(float(estimate.concurrency)) if estimate else None,
        longest_max_model_len=estimate.longest_max_model_len if estimate else None,
        verdict=judged,
        why=reason,
        measured=bool(estimate and estimate.is_measured),
        reasons=estimate.serving.unmeasured if estimate else (),
    )


def _judged(cell: Cell) -> tuple[Budget | None, str, str]:
    """Return a cell's budget and verdict, and why it does not fit or is not judged."""
    try:
        estimate = cell.budget
    except MemoryInputError as error:
        return None, f"impossible: {error}", str(error)
    if estimate is None:
        return None, NOT_JUDGED, cell.unjudged
    found = verdict(cell, estimate)
    return estimate, str(found), limit(cell, estimate) if found is Verdict.DOES_NOT_FIT else ""


def _headroom_gib(estimate: Budget) -> float:
    return _round((estimate.kv_pool - estimate.kv_request) / GIB)


def _round(value: float) -> float:
    return round(value, 2)


def absent(matrix: Matrix) -> Iterator[Absent]:
    """Yield the pairs without a cell, each with the result of its memory estimate.

    GPU types without any cell are left out; `explain` reports them.
    """
    for gpu in sorted({gpu for gpu, _ in matrix}):
        utilization = _utilization(matrix, gpu)
        for model in sorted(matrix.profiles.models):
            if gpu not in matrix.profiles.models[model].cells:
                yield Absent(gpu, model, _pairing(matrix, gpu, model, utilization).why)


def why(matrix: Matrix, gpu: str, model: str) -> str:
    """Return the result of the memory estimate for a GPU type and model without a cell."""
    return pairing(matrix, gpu, model).why


def pairing(matrix: Matrix, gpu: str, model: str) -> Pairing:
    """Return whether a cell of the GPU type and model would fit, on any of its machines."""
    return _pairing(matrix, gpu, model, _utilization(matrix, gpu))


def _pairing(matrix: Matrix, gpu: str, model: str, utilization: Decimal) -> Pairing:
    best = Pairing(NOT_JUDGED, "its memory can't be judged: the model has no geometry")
    for size in sorted({machine.gpus for machine in matrix.profiles.gpus[gpu].machines}):
        try:
            cell = _imagined(matrix, gpu, model, size, utilization)
            serving = cell.serving_with(max_model_len=_CONTEXT)
            if serving is None:
                return best
            estimate = budget(serving)
        except MemoryInputError as error:
            best = Pairing(str(Verdict.DOES_NOT_FIT), str(error))
            continue
        summary = _summary(estimate)
        if estimate.verdict is Verdict.FITS:
            return Pairing(WOULD_FIT, f"would fit: {summary}")
        for share in other_share(serving):
            return Pairing(WOULD_FIT, f"would fit with {share}; at {utilization} {summary}")
        best = Pairing(str(estimate.verdict), summary)
    return best


def _utilization(matrix: Matrix, gpu: str) -> Decimal:
    """Return the lowest utilization of the cells of a GPU type."""
    asked = (cell.profile.gpu_memory_utilization for key, cell in matrix.items() if key[0] == gpu)
    return min(asked, default=_UTILIZATION)


def _imagined(matrix: Matrix, gpu: str, model: str, size: int, utilization: Decimal) -> Cell:
    """Return a hypothetical cell for the pair."""
    profile = CellProfile.model_construct(  # not validated: none of these values is user input
        tensor_parallel=size,
        cpu="1",
        memory="1Gi",
        gpu_memory_utilization=utilization,
        max_model_len=_CONTEXT,
    )
    gpus, models = matrix.profiles.gpus, matrix.profiles.models
    return Cell(gpu, model, gpus[gpu], models[model], profile, matrix.platform)


def _summary(estimate: Budget) -> str:
    return (
        f"{in_share(estimate)} at TP{estimate.serving.tensor_parallel}, longest context "
        f"{estimate.longest_max_model_len}"
    )
