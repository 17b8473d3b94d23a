"""Rules of the GPU memory that a cell needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ira_manifests.analysis.limits import auto_fails, failing, lacking, tight
from ira_manifests.analysis.remedies import Remedy, remedies, remedies_of_split, sizes
from ira_manifests.memory import Budget, Limit, MemoryInputError, SplitError, Verdict
from ira_manifests.messages import gib
from ira_manifests.profiles import memory_inputs
from ira_manifests.profiles.cell import Cell
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.cells.subjects import CELL, CellOf
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule

_SHOWN = 2  # remedies in a hint


@rule("IRA001", "does-not-fit", Severity.ERROR, CELL, Needs.MODEL)
def does_not_fit(of: CellOf) -> Iterator[Finding]:
    """The model does not fit the GPUs' memory.

    The weights, or the key/value cache of one request of `max_model_len`, do not fit the share of
    the GPU that `gpu_memory_utilization` leaves. The node is provisioned, the model is loaded for
    many minutes, and then the server exits with "No available memory for the cache blocks" or "…KV
    cache is needed, which is larger than the available KV cache memory", again and again, while the
    machine is billed.

    With `max_model_len: auto` the rule fires where no context of 1024 tokens keeps the margin. The
    finding points to the field whose change costs least and is enough; where no change of one field
    is, to the first of those that must change together.
    """
    budget = _budget(of.cell)
    if not isinstance(budget, Budget):
        return
    if auto_fails(of.cell, budget):
        yield _short(of, budget, _auto_finds_nothing(budget))
    elif budget.verdict is Verdict.DOES_NOT_FIT:
        yield _short(of, budget, "; ".join(failing(budget)))


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

    The rule also names each option in a cell's `args` that changes the memory in a way that is not
    computed, such as `--kv-transfer-config` or `--hf-overrides`: `list` and
    `explain` then call the cell "not judged", and `max_model_len: auto` is refused. The
    [table of options](memory.md#options) tells which are computed, and for which values; an option
    that is not there changes nothing.

    A variable of `env` may change memory as well: those of vLLM, CUDA, NCCL and PyTorch are not
    computed, such as `VLLM_PP_LAYER_PARTITION` or `NCCL_BUFFSIZE`, but for those of logs, folders,
    time limits and the API server, such as `VLLM_LOGGING_LEVEL` and `VLLM_API_KEY`.

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
    hint = "start the server once: its log has the size of the KV cache and the requests that fit"
    variables = memory_inputs.uncomputed_variables(cell.settings.env)
    if variables and cell.unjudged.startswith(", ".join(variables)):
        yield of.finding_of_setting(("env", variables[0]), message, hint)
        return
    for field in ("args", "speculative", "lora_adapters"):
        if getattr(cell.settings, field):
            yield of.finding_of_setting((field,), message, hint)
            return
    yield of.finding(("model_id",), message, hint)


@rule("IRA004", "heads-not-divided", Severity.ERROR, CELL, Needs.MODEL)
def heads_not_divided(of: CellOf) -> Iterator[Finding]:
    """The model's heads can't be divided among the GPUs of tensor parallelism.

    vLLM splits the attention heads over the GPUs of a tensor parallel group: the query heads must
    divide, and the key/value heads divide or are replicated a whole number of times. Otherwise the
    server stops at start with "Total number of attention heads must be divisible by tensor parallel
    size".
    """
    error = _budget(of.cell)
    layers = (
        sum(each.count for each in of.cell.model.geometry.layers) if of.cell.model.geometry else 0
    )
    if isinstance(error, SplitError) and of.cell.profile.pipeline_parallel > layers:
        hint = f"pipeline_parallel: {layers} is the most, a layer for each stage"
        yield of.finding(("pipeline_parallel",), f"{error}", hint)
    elif isinstance(error, SplitError):
        able = ", ".join(map(str, sizes(of.cell)))
        together = _ways(remedies_of_split(of.cell))
        hint = f"tensor_parallel: {able} would fit" if able else "use another GPU type"
        if together and not able:
            hint = f"{together} would fit"
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
    """Return a cell's budget, the error of its geometry, or None if its memory is not judged."""
    try:
        return cell.budget
    except MemoryInputError as error:
        return error


def _short(of: CellOf, budget: Budget, message: str) -> Finding:
    """Return a finding at the field of the cheapest remedy."""
    able = remedies(of.cell, budget)
    if able:
        field = able[0].field
        # Most cells have no args yet: the finding is then at the cell.
        path = () if field == "args" and not of.cell.profile.args else (field,)
        return of.finding(path, message, f"{_ways(able)} would keep the margin")
    hint = "use a GPU type with more memory, or a smaller or quantised model"
    return of.finding((_field_of(budget),), message, hint)


def _ways(able: Sequence[Remedy]) -> str:
    shown = able[:_SHOWN]
    several = any(len(each.changes) > 1 for each in shown)
    return (", or " if several else " or ").join(map(str, shown))


def _field_of(budget: Budget) -> str:
    """Return the field that decides most of what is missing, where no change is enough."""
    worst = (lacking(budget) or [budget.decisive])[0].limit
    if worst in (Limit.START, Limit.WARM_UP):
        return "gpu_memory_utilization"
    return "tensor_parallel" if budget.kv_pool < 0 else "max_model_len"


def _auto_finds_nothing(budget: Budget) -> str:
    return (
        f"auto finds no context of {budget.serving.max_model_len} tokens or more: "
        f"{gib(max(0, budget.kv_pool))} are left for the KV cache on each GPU, of which "
        f"{gib(budget.margin)} are the margin"
    )


def _what_is_tight(budget: Budget) -> str:
    reasons = "; ".join(dict.fromkeys(check.reason for check in lacking(budget) if check.reason))
    return "; ".join(tight(budget)) + (f" ({reasons})" if reasons else "")
