"""Where a cell's memory goes, and what would change that. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from ira_manifests.memory import Budget, MemoryInputError, Serving, budget
from ira_manifests.profiles.cell import Cell
from ira_manifests.words import gib

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
    """Return one GPU's memory in parts that add up to the whole, or to more where it is short."""
    graphs = answer.graphs if answer.serving.facts.graphs_budgeted else 0
    pool, needed = max(0, answer.kv_pool), answer.kv_request
    return [
        Part("W", "weights", answer.weights),
        Part("A", "activation", answer.activation),
        Part("O", "other (kernels, NCCL)", answer.other),
        Part("G", "CUDA graphs", graphs),
        Part("K", "KV cache of one longest request", min(needed, pool)),
        Part("+", "KV cache to spare", max(0, pool - needed)),
        Part("-", "KV cache that lacks", max(0, needed - pool)),
        Part(".", "left to others by the utilization", answer.total - answer.requested),
    ]


def bar(answer: Budget) -> str:
    """Return the parts as a bar of letters; each part that is not empty has one at least."""
    shown = [part for part in parts(answer) if part.size > 0 and part.letter != "-"]
    total = sum(part.size for part in shown)
    return "".join(part.letter * max(1, round(BAR_WIDTH * part.size / total)) for part in shown)


def limit(answer: Budget) -> str:
    """Return what decides the verdict, in a sentence."""
    check = answer.decisive
    if check.spare < 0:
        return f"{answer.verdict}: {check.limit} lacks {gib(-check.spare)} on each GPU"
    return (
        f"{answer.verdict}: {check.limit} has {gib(check.spare)} to spare on each GPU, "
        f"{gib(check.margin)} wanted"
    )


def steps(cell: Cell) -> list[Step]:
    """Return what one more step of each knob would do; empty where nothing can be judged."""
    question = cell.serving
    if question is None:
        return []
    utilization = question.utilization + Decimal("0.01")
    knobs: dict[str, dict[str, object]] = {
        f"tensor_parallel: {question.tensor_parallel * 2}": {
            "tensor_parallel": question.tensor_parallel * 2
        },
        f"gpu_memory_utilization: {utilization}": {"utilization": utilization},
        f"max_model_len: {question.max_model_len * 2}": {
            "max_model_len": question.max_model_len * 2
        },
        f"max_model_len: {question.max_model_len // 2}": {
            "max_model_len": max(1, question.max_model_len // 2)
        },
        "kv_cache_dtype: fp8": {"kv_cache_dtype": "fp8"},
    }
    return [_step(question, knob, changes) for knob, changes in knobs.items()]


def _step(question: Serving, knob: str, changes: dict[str, object]) -> Step:
    try:
        answer = budget(replace(question, **changes))  # type: ignore[arg-type]
    except MemoryInputError as error:
        return Step(knob, None, None, str(error))
    longest, most = answer.longest_max_model_len, question.geometry.max_position
    if answer.serving.max_model_len > most:
        return Step(knob, None, longest, f"more than the model's own {most}")
    return Step(knob, round(float(answer.concurrency), 2), longest, str(answer.verdict))
