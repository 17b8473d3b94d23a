"""The parts of a cell's GPU memory, and the effect of changing its settings. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from ira_manifests.memory import Budget, MemoryInputError, Serving, budget
from ira_manifests.profiles.cell import Cell

BAR_WIDTH = 64


@dataclass(frozen=True)
class Part:
    """A part of a memory, in bytes; `letter` represents it in the bar."""

    letter: str
    name: str
    size: int


@dataclass(frozen=True)
class Step:
    """The effect of changing one setting by one step."""

    knob: str
    concurrency: float | None
    longest: int | None
    verdict: str


def parts(estimate: Budget) -> list[Part]:
    """Return the parts of one GPU's memory, which add up to its total; a shortfall is negative."""
    outside = estimate.graphs - estimate.budgeted_graphs
    headroom = estimate.kv_pool - estimate.kv_request
    short = headroom < 0
    left = estimate.total - estimate.requested - outside
    found = [
        Part("W", "weights", estimate.weights),
        Part("L", "LoRA adapters", estimate.adapters),
        Part("A", "activation", estimate.activation),
        Part("O", "other (kernels, NCCL)", estimate.other),
        Part("G", "CUDA graphs", estimate.budgeted_graphs),
        Part("K", "KV cache of one longest request", estimate.kv_request),
        Part("-" if short else "+", "missing" if short else "KV cache to spare", headroom),
        Part("G", "CUDA graphs, outside the share", outside),
        Part(".", "outside of gpu_memory_utilization", left),
    ]
    return [part for part in found if part.size]


def bar(estimate: Budget) -> str:
    """Return the parts as a bar of letters; each non-empty part has at least one letter.

    With a shortfall, a line marks the end of the share.
    """
    fits = estimate.kv_pool >= estimate.kv_request
    return bar_of(drawn(estimate), None if fits else estimate.requested)


def drawn(estimate: Budget) -> list[Part]:
    """Return the parts of a bar, all above 0: what one GPU's memory is made of.

    With a shortfall, what the share of gpu_memory_utilization would have to hold.
    """
    found = [part for part in parts(estimate) if part.size > 0]
    if estimate.kv_pool < estimate.kv_request:
        return [part for part in found if part.letter in "WLAOK" or part.name == "CUDA graphs"]
    # Negative are CUDA graphs that take less than the share has for them, or more than is left.
    *inside, last = found
    size = estimate.total - sum(part.size for part in inside)
    return [*inside, replace(last, size=size)] if size else inside


def bar_of(shown: Sequence[Part], end: int | None = None) -> str:
    """Return parts as a bar of letters, with a line at `end`, in bytes, if given."""
    total = sum(part.size for part in shown)
    letters = "".join(part.letter * max(1, round(BAR_WIDTH * part.size / total)) for part in shown)
    if end is None:
        return letters
    place = round(len(letters) * end / total)
    return f"{letters[:place]}|{letters[place:]}"


def steps(cell: Cell) -> list[Step]:
    """Return the effect of one step of each setting; empty if memory can't be computed."""
    serving = cell.serving
    if serving is None:
        return []
    utilization = serving.utilization + Decimal("0.01")
    knobs: dict[str, dict[str, object]] = {
        f"gpu_memory_utilization: {utilization}": {"utilization": utilization},
        f"max_model_len: {serving.max_model_len * 2}": {"max_model_len": serving.max_model_len * 2},
        f"max_model_len: {serving.max_model_len // 2}": {
            "max_model_len": max(1, serving.max_model_len // 2)
        },
        "kv_cache_dtype: fp8": {"kv_cache_dtype": "fp8"},
    }
    return [
        _more_gpus(cell, serving),
        *(_step(serving, knob, changes) for knob, changes in knobs.items()),
    ]


def _more_gpus(cell: Cell, serving: Serving) -> Step:
    """Return the step to the next larger number of GPUs of the GPU type's machines."""
    nodes, stages = serving.nodes, serving.pipeline_parallel
    sizes = sorted({machine.gpus * nodes // stages for machine in cell.gpu.machines})
    larger = [size for size in sizes if size > serving.tensor_parallel]
    if not larger:
        gpus = max(machine.gpus for machine in cell.gpu.machines)
        of = "a machine" if nodes == 1 else "each machine"
        most = f"{gpus} GPUs are the most of {of} of {cell.gpu_name}"
        return Step("tensor_parallel", None, None, most)
    return _step(serving, f"tensor_parallel: {larger[0]}", {"tensor_parallel": larger[0]})


def _step(serving: Serving, knob: str, changes: dict[str, object]) -> Step:
    try:
        estimate = budget(replace(serving, **changes))  # type: ignore[arg-type]
    except MemoryInputError as error:
        return Step(knob, None, None, str(error))
    longest, most = estimate.longest_max_model_len, serving.geometry.max_position_embeddings
    if estimate.serving.max_model_len > most:
        return Step(knob, None, None, f"above the model's own {most}")
    return Step(knob, round(float(estimate.concurrency), 2), longest, str(estimate.verdict))
