"""Where a cell's memory goes, and where each of its values comes from. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from ira_manifests.errors import InputError, did_you_mean, one_of
from ira_manifests.memory import Budget, MemoryInputError, Serving, budget
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.words import gib

BAR_WIDTH = 64
_SERVER = "Deployment spec.template.spec.containers[0]"
_FETCH = "Deployment spec.template.spec.containers[1]"
_POD = "Deployment spec.template.spec"


@dataclass(frozen=True)
class Value:
    """An effective value of a cell: its short name, its place in the manifest, its source."""

    name: str
    manifest: str
    value: str
    source: str


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


def values(matrix: Matrix, cell: Cell) -> list[Value]:
    """Return every effective value of the cell with its source."""
    return [*_names(matrix, cell), *_server(matrix, cell), *_rest(matrix, cell)]


def value_of(matrix: Matrix, cell: Cell, field: str) -> Value:
    """Return the value of a short name or of a manifest field's path.

    Raises `InputError` for a field that there is not, with the ones that there are.
    """
    known = values(matrix, cell)
    for value in known:
        if field in (value.name, value.manifest, value.manifest.partition(" ")[2]):
            return value
    names = [value.name for value in known]
    paths = [value.manifest.partition(" ")[2] for value in known]
    raise InputError(
        f"{field!r} is no field; it is one of {one_of(names)}{did_you_mean(field, names + paths)}"
    )


class _Places:
    """Places of profile values as "file:line"."""

    def __init__(self, matrix: Matrix, cell: Cell) -> None:
        self._sources = matrix.profiles.sources
        self._cell = cell

    def platform(self, *path: str | int) -> str:
        return self._at("platform", "platform", path)

    def model(self, *path: str | int) -> str:
        return self._at("models", self._cell.model_name, path)

    def cell(self, field: str) -> str:
        return self.model("cells", self._cell.gpu_name, field)

    def machine(self, field: str) -> str:
        index = self._cell.gpu.machines.index(self._cell.machine)
        place = self._at("gpus", self._cell.gpu_name, ("machines", index, field))
        if self._cell.profile.compute_class is not None:
            return f"{place}, named by {self.cell('compute_class')}"
        return f"{place}: smallest machine with {self._cell.profile.tensor_parallel} GPUs"

    def _at(self, kind: str, name: str, path: Path) -> str:
        source = self._sources[kind, name]
        return f"{source.file}:{source.document.place(path).line}"


def _names(matrix: Matrix, cell: Cell) -> Iterator[Value]:
    at = _Places(matrix, cell)
    template = at.platform("inference", "workload_name")
    yield Value("workload_name", "Deployment metadata.name", cell.workload_name, template)
    yield Value(
        "service_account", f"{_POD}.serviceAccountName", cell.service_account,
        at.platform("inference", "service_account"),
    )  # fmt: skip
    yield Value(
        "compute_class", f"{_POD}.nodeSelector.cloud.google.com/compute-class",
        cell.machine.compute_class, at.machine("compute_class"),
    )  # fmt: skip


def _server(matrix: Matrix, cell: Cell) -> Iterator[Value]:
    at = _Places(matrix, cell)
    engine = cell.platform.engine
    image = f"{engine.image}:v{engine.version}"
    yield Value("image", f"{_SERVER}.image", image, at.platform("engine", "version"))
    runtime = cell.runtime_values
    for key, field in (
        ("GPU_MEMORY_UTILIZATION", "gpu_memory_utilization"),
        ("MAX_MODEL_LEN", "max_model_len"),
        ("TENSOR_PARALLEL_SIZE", "tensor_parallel"),
    ):
        yield Value(field, f"ConfigMap data.{key}", runtime[key], at.cell(field))
    yield Value("model_id", "ConfigMap data.MODEL_ID", runtime["MODEL_ID"], at.model("model_id"))
    limits = f"{_SERVER}.resources.limits"
    profile = cell.profile
    yield Value("cpu", f"{limits}.cpu", profile.cpu, at.cell("cpu"))
    yield Value("memory", f"{limits}.memory", profile.memory, at.cell("memory"))
    gpus = f"{at.cell('tensor_parallel')}: one GPU for each part"
    yield Value("gpus", f"{limits}.nvidia.com/gpu", str(profile.tensor_parallel), gpus)
    mount = f"{at.model('model_id')}: /gcs/ and the model id"
    yield Value("mount_path", f"{_SERVER}.volumeMounts[1].mountPath", cell.mount_path, mount)
    yield Value(
        "startup_seconds", f"{_SERVER}.startupProbe.failureThreshold",
        str(-(-engine.startup_seconds // 10)),
        f"{at.platform('engine', 'startup_seconds')}: every 10 seconds",
    )  # fmt: skip


def _rest(matrix: Matrix, cell: Cell) -> Iterator[Value]:
    at = _Places(matrix, cell)
    fetch, inference = cell.platform.fetch_safetensors, cell.platform.inference
    section = "fetch_safetensors"
    yield Value("fetch_image", f"{_FETCH}.image", fetch.image, at.platform(section, "image"))
    yield Value(
        "fetch_parallelism", f"{_FETCH}.env[1].value", str(fetch.parallelism),
        at.platform(section, "parallelism"),
    )  # fmt: skip
    options = ",".join([*inference.mount_options, f"only-dir:{cell.model.model_id}"])
    yield Value(
        "mount_options", f"{_POD}.volumes[0].csi.volumeAttributes.mountOptions", options,
        f"{at.platform('inference', 'mount_options')} and {at.model('model_id')}",
    )  # fmt: skip
    deadline = inference.node_wait_seconds + cell.platform.engine.startup_seconds
    yield Value(
        "progress_deadline_seconds", "Deployment spec.progressDeadlineSeconds", str(deadline),
        f"{at.platform('inference', 'node_wait_seconds')} + "
        f"{at.platform('engine', 'startup_seconds')}",
    )  # fmt: skip
