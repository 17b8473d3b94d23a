"""Compares the memory estimate with measured start-ups, row by row."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from statistics import fmean, median

from ira_manifests.memory.accelerator import GIB, gib
from ira_manifests.memory.budget import budget
from ira_manifests.memory.overhead import MEASURED, Overheads
from ira_manifests.memory.serving import Serving


@dataclass(frozen=True)
class Measured:
    """One start-up as logged.

    Attributes:
        model: its id, by which rows of one model are grouped.
        serving: the configuration that was started, with the row's own weights.
        activation_gib, other_gib, graph_gib, pool_gib: GiB per GPU.
        tokens: the logged KV cache size.
        concurrency: the logged maximum concurrency.
    """

    model: str
    serving: Serving
    activation_gib: Decimal
    other_gib: Decimal
    graph_gib: Decimal
    pool_gib: Decimal
    tokens: int
    concurrency: Decimal


@dataclass(frozen=True)
class Deviation:
    """The estimate against one row's log; errors are relative and signed (0.01 is 1 % too much).

    Attributes:
        row: the measured row.
        pool_gib: the estimated KV pool.
        concurrency: the estimated concurrency, from the estimated pool.
        pool: error of the pool.
        given_pool: error of the concurrency computed from the logged pool.
        end_to_end: error of ``concurrency``.
    """

    row: Measured
    pool_gib: float
    concurrency: float
    pool: float
    given_pool: float
    end_to_end: float


@dataclass(frozen=True)
class Accuracy:
    """Mean absolute errors over rows; 0.01 is 1 %."""

    pool: float
    given_pool: float
    end_to_end: float


def deviation(row: Measured, overheads: Overheads = MEASURED) -> Deviation:
    """Compare one row with the estimate."""
    estimate = budget(row.serving, overheads)
    logged = estimate.layout.concurrency(gib(row.pool_gib), row.serving.max_model_len)
    pool_gib = estimate.kv_pool / GIB
    return Deviation(
        row=row,
        pool_gib=pool_gib,
        concurrency=float(estimate.concurrency),
        pool=pool_gib / float(row.pool_gib) - 1,
        given_pool=float(logged) / float(row.concurrency) - 1,
        end_to_end=float(estimate.concurrency) / float(row.concurrency) - 1,
    )


def accuracy(deviations: Sequence[Deviation]) -> Accuracy:
    """Return the mean absolute errors of rows; at least one row is needed."""
    return Accuracy(
        pool=_mean_error(deviations, lambda item: item.pool),
        given_pool=_mean_error(deviations, lambda item: item.given_pool),
        end_to_end=_mean_error(deviations, lambda item: item.end_to_end),
    )


def leave_one_model_out(rows: Sequence[Measured]) -> tuple[Deviation, ...]:
    """Compare each row with an estimate whose constants are fitted without the row's model."""
    result = []
    for row in rows:
        others = [item for item in rows if item.model != row.model]
        result.append(deviation(row, fit(others)))
    return tuple(result)


def fit(rows: Sequence[Measured], start: Overheads = MEASURED) -> Overheads:
    """Fit the overheads that measured rows determine; the others stay as in ``start``.

    Repeated start-ups (with another context or cache dtype) count once.
    """
    rows = _distinct(rows)
    single = median(_others(rows, lambda size: size == 1, start))
    pair = median(_others(rows, lambda size: size == 2, start))  # noqa: PLR2004  two GPUs
    base, slope = _line([(row.serving.geometry.layer_count, row.graph_gib) for row in rows])
    return replace(
        start,
        single_gib=single,
        collective_gib=pair - single - 2 * start.per_gpu_gib,
        graph_gib=base,
        graph_per_layer_gib=slope,
    )


def _distinct(rows: Iterable[Measured]) -> list[Measured]:
    return list(
        {(it.model, it.serving.tensor_parallel, it.serving.weights): it for it in rows}.values()
    )


def _others(
    rows: Iterable[Measured], size: Callable[[int], bool], start: Overheads
) -> list[Decimal]:
    """Return the growth outside torch that does not depend on the number of layers."""
    return [
        row.other_gib - start.single_per_layer_gib * row.serving.geometry.layer_count
        for row in rows
        if size(row.serving.tensor_parallel)
    ]


def _line(points: Sequence[tuple[int, Decimal]]) -> tuple[Decimal, Decimal]:
    """Return intercept and slope of the least-squares line."""
    count = len(points)
    mean_x = Decimal(sum(x for x, _ in points)) / count
    mean_y = sum((y for _, y in points), Decimal()) / count
    covariance = sum(((x - mean_x) * (y - mean_y) for x, y in points), Decimal())
    slope = covariance / sum(((x - mean_x) ** 2 for x, _ in points), Decimal())
    return mean_y - slope * mean_x, slope


def _mean_error(items: Sequence[Deviation], error: Callable[[Deviation], float]) -> float:
    return fmean(abs(error(item)) for item in items)
