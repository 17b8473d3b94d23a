"""Rules of resolved cells: memory, parallelism, machine, engine and model id."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.analysis.remedies import auto_fails, remedies, sizes
from ira_manifests.kubernetes import allocatable
from ira_manifests.memory import (
    Budget,
    Limit,
    MemoryInputError,
    SplitError,
    Verdict,
)
from ira_manifests.messages import count, gib
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.loader import Source
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.memory_options import LONGER_CONTEXT, uncomputed
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.finding import Finding, found
from ira_manifests.rules.known_ids import other_spelling
from ira_manifests.vllm import Release

IDS = frozenset({*(f"IRA00{number}" for number in range(1, 10)), "IRA038", "IRA043"})
"""The rules of this module: they need nothing rendered."""

_SHOWN = 2  # remedies in a hint


class _Subject:
    """A cell and the profile that its findings point to."""

    def __init__(self, cell: Cell, source: Source) -> None:
        self.cell = cell
        self._source = source
        self._at: Path = ("cells", cell.gpu_name)

    def finding(self, rule: str, field: str, message: str, hint: str) -> Finding:
        """Return a finding at a field of the cell, or at a field of the model if it is its own."""
        path: Path = (*self._at, field) if field else self._at
        if field and path not in self._source.document.values:
            path = (field,)
        cell = f"{self.cell.gpu_name}/{self.cell.model_name}"
        return found(
            self._source.file, self._source.document, path, rule, message, hint,
            cell=cell, at_key=field in ("", "geometry"),
        )  # fmt: skip


def check(matrix: Matrix, cell: Cell) -> list[Finding]:
    """Return what the rules find in a cell."""
    subject = _Subject(cell, matrix.profiles.sources["models", cell.model_name])
    rules = (_memory, _context, _idle_gpus, _machine, _engine, _remote_code)
    return [
        *(item for rule in rules for item in rule(subject)),
        *_known_ids(subject, matrix.profiles.known_model_ids),
    ]


def _memory(subject: _Subject) -> Iterator[Finding]:
    try:
        budget = subject.cell.budget
    except MemoryInputError as error:
        yield _not_computed(subject, error)
        return
    if budget is None:
        yield _not_judged(subject)
    elif auto_fails(subject.cell, budget):
        yield _short(subject, budget, "IRA001", _auto_finds_nothing(budget))
    elif budget.verdict is Verdict.DOES_NOT_FIT:
        yield _short(subject, budget, "IRA001", _does_not_fit(budget))
    elif budget.verdict is Verdict.TIGHT:
        yield _short(subject, budget, "IRA002", _tight(budget))


def _not_judged(subject: _Subject) -> Finding:
    if subject.cell.model.geometry is None:
        message = f"{subject.cell.model_name} has no weights and geometry: its memory is not judged"
        hint = "add both from the model's config.json, as profiles/models/llama3.yaml has them"
        return subject.finding("IRA003", "model_id", message, hint)
    message = f"its memory is not judged: {subject.cell.unjudged}"
    hint = "start it once and read the log: vLLM prints the KV cache and the requests it holds"
    return subject.finding("IRA003", "flags", message, hint)


def _not_computed(subject: _Subject, error: MemoryInputError) -> Finding:
    if isinstance(error, SplitError):
        able = ", ".join(map(str, sizes(subject.cell)))
        hint = f"tensor_parallel: {able} would fit" if able else "use another GPU type"
        return subject.finding("IRA004", "tensor_parallel", f"{error}", hint)
    hint = "compare the geometry with the model's config.json; vLLM itself refuses such a model"
    return subject.finding("IRA038", "geometry", f"{error}", hint)


def _short(subject: _Subject, budget: Budget, rule: str, message: str) -> Finding:
    """Return a finding at the field whose change costs least and works."""
    able = remedies(subject.cell, budget)
    if able:
        hint = f"{' or '.join(map(str, able[:_SHOWN]))} would keep the margin"
        return subject.finding(rule, able[0].field, message, hint)
    knobs = {Limit.KV_CACHE: "max_model_len", Limit.WEIGHTS: "tensor_parallel"}
    field = knobs.get(budget.decisive.limit, "gpu_memory_utilization")
    hint = "use a GPU type with more memory, or a smaller or quantised model"
    return subject.finding(rule, field, message, hint)


def _auto_finds_nothing(budget: Budget) -> str:
    return (
        f"auto finds no context of {budget.serving.max_model_len} tokens or more: "
        f"{gib(max(0, budget.kv_pool))} are left for the KV cache on each GPU, of which "
        f"{gib(budget.margin)} are the margin"
    )


def _does_not_fit(budget: Budget) -> str:
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


def _tight(budget: Budget) -> str:
    check = budget.decisive
    because = f" ({check.reason})" if check.reason else ""
    return (
        f"{check.limit} has {gib(check.spare)} to spare on each GPU where {gib(check.margin)} "
        f"are wanted{because}"
    )


def _options(cell: Cell) -> tuple[str, ...]:
    return uncomputed(cell.profile.flags, cell.platform.engine.version)


def _context(subject: _Subject) -> Iterator[Finding]:
    geometry = subject.cell.model.geometry
    asked = subject.cell.max_model_len
    extended = LONGER_CONTEXT.intersection(_options(subject.cell))
    most = None if geometry is None else geometry.max_position_embeddings
    if most is not None and asked > most and not extended:
        message = f"{asked} tokens are more than the model's own {most}"
        hint = f"max_model_len: {most} is the most; vLLM refuses to start with more"
        yield subject.finding("IRA007", "max_model_len", message, hint)


def _idle_gpus(subject: _Subject) -> Iterator[Finding]:
    machine, used = subject.cell.machine, subject.cell.profile.tensor_parallel
    idle = machine.gpus - used
    if idle > 0:
        message = (
            f"{machine.machine_type} has {machine.gpus} GPUs and the cell uses {used}: "
            f"{count(idle, 'GPU')} idle"
        )
        hint = "choose a smaller machine, or waive the rule where there is none"
        yield subject.finding("IRA005", "tensor_parallel", message, hint)


def _machine(subject: _Subject) -> Iterator[Finding]:
    cell = subject.cell
    fetch, machine = cell.platform.fetch_safetensors, cell.machine
    asked = {
        "cpu": (cell.profile.cpu, fetch.cpu, allocatable.cpu(machine), 1, "cores"),
        "memory": (cell.profile.memory, fetch.memory, allocatable.memory(machine), 1 << 30, "GiB"),
    }
    for field, (server, warm_up, most, unit, unit_name) in asked.items():
        total = allocatable.quantity(server) + allocatable.quantity(warm_up)
        if total > most:
            message = (
                f"the Pod asks for {total / unit:.1f} {unit_name} and {machine.machine_type} "
                f"allocates {most / unit:.1f}"
            )
            hint = "no node of the compute class can ever take the Pod; ask for less"
            yield subject.finding("IRA006", field, message, hint)


def _engine(subject: _Subject) -> Iterator[Finding]:
    needed = subject.cell.model.min_engine
    used = subject.cell.platform.engine.version
    if needed is not None and Release.parse(used) < Release.parse(needed):
        message = f"{subject.cell.model.model_id} needs engine {needed}, and {used} is pinned"
        hint = f"set engine.version in platform.yaml to {needed} or newer"
        yield subject.finding("IRA008", "min_engine", message, hint)


def _remote_code(subject: _Subject) -> Iterator[Finding]:
    if subject.cell.model.trust_remote_code:
        message = f"the server runs Python files that come with {subject.cell.model.model_id}"
        hint = "leave it out where vLLM knows the architecture, or waive the rule with the reason"
        yield subject.finding("IRA043", "trust_remote_code", message, hint)


def _known_ids(subject: _Subject, known: frozenset[str]) -> Iterator[Finding]:
    model_id = subject.cell.model.model_id
    other = other_spelling(model_id, known)
    if other is not None:
        message = f"{model_id!r} differs from the known {other!r} in organisation or case"
        hint = f"write {other}, or waive the rule for a copy of the model that you trust"
        yield subject.finding("IRA009", "model_id", message, hint)
