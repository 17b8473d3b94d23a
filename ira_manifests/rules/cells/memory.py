"""Rules of the GPU memory that a cell needs."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.analysis.remedies import auto_fails, remedies, sizes
from ira_manifests.memory import Budget, Limit, MemoryInputError, SplitError, Verdict
from ira_manifests.messages import gib
from ira_manifests.profiles.cell import Cell
from ira_manifests.rules.catalogue import Severity
from ira_manifests.rules.cells.subjects import CELL, CellOf
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule

_SHOWN = 2  # remedies in a hint


@rule("IRA001", "does-not-fit", Severity.ERROR, CELL)
def does_not_fit(of: CellOf) -> Iterator[Finding]:
    """The model does not fit the GPUs' memory.

    The weights, or the key/value cache of one request of `max_model_len`, do not fit the share of
    the GPU that `gpu_memory_utilization` leaves. The node is provisioned, the model is loaded for
    many minutes, and then the server exits with "No available memory for the cache blocks" or "…KV
    cache is needed, which is larger than the available KV cache memory", again and again, while the
    machine is billed.

    With `max_model_len: auto` the rule fires where no context of 1024 tokens keeps the margin. The
    finding points to the field whose change costs least and is enough.
    """
    budget = _budget(of.cell)
    if not isinstance(budget, Budget):
        return
    if auto_fails(of.cell, budget):
        yield _short(of, budget, _auto_finds_nothing(budget))
    elif budget.verdict is Verdict.DOES_NOT_FIT:
        yield _short(of, budget, _what_does_not_fit(budget))


@rule("IRA002", "little-margin", Severity.WARNING, CELL)
def little_margin(of: CellOf) -> Iterator[Finding]:
    """The model fits, but with less memory to spare than the estimate may be off.

    The margin is 0.5 % of the GPU where start-ups were measured (H100, engine 0.19.0), 2.5 %
    elsewhere. Another release, a driver or a second process on the GPU is enough, and the manifest
    that started yesterday does not start today. Outside the share, 0.2 GiB are wanted for CUDA
    graphs and the sampler's warm-up, 1 GiB where nothing was measured, and 2.5 GiB for mixtures
    with more than two experts for each token: gpt-oss-20b failed there on one H100 at 0.95 with
    engine 0.19.0, and later engines were not measured. The hint names changes that keep the margin.
    """
    budget = _budget(of.cell)
    if not isinstance(budget, Budget) or auto_fails(of.cell, budget):
        return
    if budget.verdict is Verdict.TIGHT:
        yield _short(of, budget, _what_is_tight(budget))


@rule("IRA003", "memory-not-judged", Severity.WARNING, CELL)
def memory_not_judged(of: CellOf) -> Iterator[Finding]:
    """The memory is not computed: the model has no geometry, or an option changes it.

    Without `weights` and `geometry` in the model's profile, nobody has computed whether it fits.
    Both come from the model's `config.json` and from one line of a start-up log; without them the
    first to know is the GPU bill.

    The rule also names each option in a cell's `flags` that changes the memory in a way that is not
    computed, such as `--quantization`, `--cpu-offload-gb`, `--enforce-eager`, `--enable-lora`,
    `--speculative-config` or `--block-size`: `list` and `explain` then call the cell "not judged",
    and `max_model_len: auto` is refused. `--max-num-seqs` and `--max-num-batched-tokens` are
    computed, as the engine reads them (`128k` is 128,000).

    Memory is not judged either where the cache layout of the model's layers is not known for the
    engine's release: see [kinds of layers](memory.md#kinds-of-layers).
    """
    cell = of.cell
    if _budget(cell) is not None:
        return
    if cell.model.geometry is None:
        message = f"{cell.model_name} has no weights and geometry: its memory is not judged"
        hint = "add both from the model's config.json, as profiles/models/llama3.yaml has them"
        yield of.finding(("model_id",), message, hint)
        return
    message = f"its memory is not judged: {cell.unjudged}"
    path = ("flags",) if cell.profile.flags else ("model_id",)
    hint = "start the server once: its log has the size of the KV cache and the requests that fit"
    yield of.finding(path, message, hint)


@rule("IRA004", "heads-not-divided", Severity.ERROR, CELL)
def heads_not_divided(of: CellOf) -> Iterator[Finding]:
    """The model's heads can't be divided among the GPUs of tensor parallelism.

    vLLM splits the attention heads over the GPUs of a tensor parallel group: the query heads must
    divide, and the key/value heads divide or are replicated a whole number of times. Otherwise the
    server stops at start with "Total number of attention heads must be divisible by tensor parallel
    size".
    """
    error = _budget(of.cell)
    if isinstance(error, SplitError):
        able = ", ".join(map(str, sizes(of.cell)))
        hint = f"tensor_parallel: {able} would fit" if able else "use another GPU type"
        yield of.finding(("tensor_parallel",), f"{error}", hint)


@rule("IRA038", "geometry-refused", Severity.ERROR, CELL)
def geometry_refused(of: CellOf) -> Iterator[Finding]:
    """The engine can't lay out the key/value cache of the model.

    No memory budget follows from the model's `geometry`, because pages of layers of different
    kinds, such as heads of 96 beside 128 values, cannot be made equal. The weights are loaded
    first, so the server fails minutes after the node has come up. Compare the numbers with the
    model's `config.json`.
    """
    error = _budget(of.cell)
    if isinstance(error, MemoryInputError) and not isinstance(error, SplitError):
        hint = "compare the geometry with the model's config.json; vLLM itself refuses such a model"
        yield of.finding(("geometry",), f"{error}", hint)


def _budget(cell: Cell) -> Budget | MemoryInputError | None:
    """Return a cell's budget, or why its geometry gives none; None where it is not judged."""
    try:
        return cell.budget
    except MemoryInputError as error:
        return error


def _short(of: CellOf, budget: Budget, message: str) -> Finding:
    """Return a finding at the field whose change costs least and works."""
    able = remedies(of.cell, budget)
    if able:
        hint = f"{' or '.join(map(str, able[:_SHOWN]))} would keep the margin"
        field = able[0].field
        # Most cells have no flags yet: then the cell.
        path = () if field == "flags" and not of.cell.profile.flags else (field,)
        return of.finding(path, message, hint)
    knobs = {Limit.KV_CACHE: "max_model_len", Limit.WEIGHTS: "tensor_parallel"}
    field = knobs.get(budget.decisive.limit, "gpu_memory_utilization")
    hint = "use a GPU type with more memory, or a smaller or quantised model"
    return of.finding((field,), message, hint)


def _auto_finds_nothing(budget: Budget) -> str:
    return (
        f"auto finds no context of {budget.serving.max_model_len} tokens or more: "
        f"{gib(max(0, budget.kv_pool))} are left for the KV cache on each GPU, of which "
        f"{gib(budget.margin)} are the margin"
    )


def _what_does_not_fit(budget: Budget) -> str:
    size = budget.serving.tensor_parallel
    if budget.decisive.limit is Limit.WEIGHTS:
        return (
            f"weights take {gib(budget.weights)} and start-up "
            f"{gib(budget.requested - budget.kv_pool - budget.weights)} of {gib(budget.requested)} "
            f"usable on each GPU at tensor parallel {size}: nothing is left for the KV cache"
        )
    if budget.decisive.limit is Limit.KV_CACHE:
        return (
            f"one request of {budget.serving.max_model_len} tokens needs {gib(budget.kv_request)} "
            f"of KV cache on each GPU, and {gib(budget.kv_pool)} are left"
        )
    return f"{gib(-budget.decisive.spare)} more are needed for {budget.decisive.limit} on each GPU"


def _what_is_tight(budget: Budget) -> str:
    check = budget.decisive
    because = f" ({check.reason})" if check.reason else ""
    return (
        f"{check.limit} has {gib(check.spare)} to spare on each GPU where {gib(check.margin)} "
        f"are wanted{because}"
    )
