"""Where a cell's memory goes, and what would change that. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from ira_manifests.memory import Budget, MemoryInputError, Serving, budget
from ira_manifests.profiles.cell import Cell

BAR_WIDTH = 64


@dataclass(frozen=True)
class Part:
    """A part of one GPU's memory, in bytes; `letter` stands for it in the bar."""

    letter: str
    name: str
    size: int


@dataclass(frozen=True)
class Step:
    """What one more step of a knob does."""

    knob: str
    concurrency: float | None
    longest: int | None
    verdict: str


def parts(answer: Budget) -> list[Part]:
    """Return one GPU's memory in parts that add up to the whole; what is short counts less."""
    outside = answer.graphs - answer.budgeted_graphs
    headroom = answer.kv_pool - answer.kv_request
    short = headroom < 0
    left = answer.total - answer.requested - outside
    found = [
        Part("W", "weights", answer.weights),
        Part("A", "activation", answer.activation),
        Part("O", "other (kernels, NCCL)", answer.other),
        Part("G", "CUDA graphs", answer.budgeted_graphs),
        Part("K", "KV cache of one longest request", answer.kv_request),
        Part("-" if short else "+", "missing" if short else "KV cache to spare", headroom),
        Part("G", "CUDA graphs, outside the share", outside),
        Part(".", "left to others by the utilization", left),
    ]
    return [part for part in found if part.size]


def bar(answer: Budget) -> str:
    """Return the parts as a bar of letters; each part that is not empty has one at least.

    Where memory is missing, a line marks the end of the share.
    """
    shown = [part for part in parts(answer) if part.size > 0]
    needed = [part for part in shown if part.letter in "WAOK" or part.name == "CUDA graphs"]
    if answer.kv_pool >= answer.kv_request:
        return _letters(shown, sum(part.size for part in shown))
    total = sum(part.size for part in needed)
    letters = _letters(needed, total)
    end = round(len(letters) * answer.requested / total)
    return f"{letters[:end]}|{letters[end:]}"


def _letters(shown: list[Part], total: int) -> str:
    return "".join(part.letter * max(1, round(BAR_WIDTH * part.size / total)) for part in shown)


def steps(cell: Cell) -> list[Step]:
    """Return what one more step of each knob would do; empty where nothing can be judged."""
    question = cell.serving
    if question is None:
        return []
    utilization = question.utilization + Decimal("0.01")
    knobs: dict[str, dict[str, object]] = {
        f"gpu_memory_utilization: {utilization}": {"utilization": utilization},
        f"max_model_len: {question.max_model_len * 2}": {
            "max_model_len": question.max_model_len * 2
        },
        f"max_model_len: {question.max_model_len // 2}": {
            "max_model_len": max(1, question.max_model_len // 2)
        },
        "kv_cache_dtype: fp8": {"kv_cache_dtype": "fp8"},
    }
    return [
        _more_gpus(cell, question),
        *(_step(question, knob, changes) for knob, changes in knobs.items()),
    ]


def _more_gpus(cell: Cell, question: Serving) -> Step:
    """Return the step to the next size that the GPU type has a machine for."""
    sizes = sorted({machine.gpus for machine in cell.gpu.machines})
    larger = [size for size in sizes if size > question.tensor_parallel]
    if not larger:
        most = f"{sizes[-1]} GPUs are the most of a machine of {cell.gpu_name}"
        return Step("tensor_parallel", None, None, most)
    return _step(question, f"tensor_parallel: {larger[0]}", {"tensor_parallel": larger[0]})


def _step(question: Serving, knob: str, changes: dict[str, object]) -> Step:
    try:
        answer = budget(replace(question, **changes))  # type: ignore[arg-type]
    except MemoryInputError as error:
        return Step(knob, None, None, str(error))
    longest, most = answer.longest_max_model_len, question.geometry.max_position
    if answer.serving.max_model_len > most:
        return Step(knob, None, longest, f"more than the model's own {most}")
    return Step(knob, round(float(answer.concurrency), 2), longest, str(answer.verdict))
