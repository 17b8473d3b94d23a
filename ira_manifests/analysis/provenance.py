"""Where each value of a cell's manifests comes from: a profile's line, or a construct's reason.

A field is written as `provenance_fields` has it. Pure; needs no Node.js.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ira_manifests.analysis.provenance_reasons import FETCH, POD, SERVER
from ira_manifests.messages import count
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.schema import Toleration
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.vllm.draining import OPTION, TEARDOWN

_ANNOTATIONS = "Deployment spec.template.metadata.annotations"
_REQUEST = "ProvisioningRequest spec"
_DRIVER = "the construct: the image's CUDA may need a newer driver than GKE's default"
_FIRST_FLAG = 4  # after the model's path and the flags of every cell


@dataclass(frozen=True)
class Value:
    """An effective value: its short name, its field (or what begins its fields), its source."""

    name: str
    manifest: str
    value: str
    source: str
    also: tuple[str, ...] = ()
    """Further fields that the same source decides."""
    parts: tuple[tuple[str, str], ...] = ()
    """Fields inside of it that have a source of their own."""
    queued: bool | None = None
    """Whether it is of the directory on queued capacity, or of the other one; None: of both."""

    @property
    def fields(self) -> tuple[str, ...]:
        """All fields that the source decides."""
        return (self.manifest, *self.also)


def values(matrix: Matrix, cell: Cell) -> list[Value]:
    """Return every value that a profile decides, with its place."""
    at = _Places(matrix, cell)
    found = [*_names(at, cell), *_server(at, cell), *_rest(at, cell)]
    return [*found, *_queue(at, cell)] if cell.gpu.queued else found


def within(known: Sequence[Value], *, queued: bool) -> list[Value]:
    """Return the values of one of the cell's directories."""
    return [value for value in known if value.queued in (None, queued)]


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

    def gpu(self, *path: str | int) -> str:
        return self._at("gpus", self._cell.gpu_name, path)

    def machine(self, field: str) -> str:
        index = self._cell.gpu.machines.index(self._cell.machine)
        place = self.gpu("machines", index, field)
        if self._cell.profile.compute_class is not None:
            return f"{place}, named by {self.cell('compute_class')}"
        gpus = count(self._cell.profile.tensor_parallel, "GPU")
        return f"{place}: smallest machine with {gpus}"

    def max_model_len(self) -> str:
        place = self.cell("max_model_len")
        if self._cell.profile.max_model_len != "auto":
            return place
        return f"{place}: auto, computed: the longest context that keeps the margin"

    def items(self, section: str, tolerations: Sequence[Toleration]) -> list[str]:
        return [self.platform(section, "tolerations", index) for index, _ in enumerate(tolerations)]

    def _at(self, kind: str, name: str, path: Path) -> str:
        source = self._sources[kind, name]
        return f"{source.file}:{source.document.place(path).line}"


def _names(at: _Places, cell: Cell) -> Iterator[Value]:
    yield Value(
        "workload_name", "Deployment metadata.name", cell.workload_name,
        at.platform("inference", "workload_name"),
        ("Deployment spec.selector", "Service metadata.name", "Service spec.selector",
         "ProvisioningRequest metadata.name"),
    )  # fmt: skip
    yield Value(
        "service_account", f"{POD}.serviceAccountName", cell.service_account,
        at.platform("inference", "service_account"), ("ServiceAccount metadata.name",),
    )  # fmt: skip
    yield Value(
        "compute_class", f"{POD}.nodeSelector.cloud.google.com/compute-class",
        cell.machine.compute_class, at.machine("compute_class"), queued=False,
    )  # fmt: skip
    yield _tolerations("tolerations", at, "inference", cell.platform.inference.tolerations, 0)


def _tolerations(
    name: str, at: _Places, section: str, items: Sequence[Toleration], first: int
) -> Value:
    """Return tolerations that are items of the Pod's list from `first` on."""
    sources = at.items(section, items)
    field = f"{POD}.tolerations"
    return Value(
        name, f"{field}[{first}]" if first else field, _taints(items),
        at.platform(section, "tolerations"),
        parts=tuple((f"{field}[{first + i}]", source) for i, source in enumerate(sources)),
        queued=True if first else None,
    )  # fmt: skip


def _server(at: _Places, cell: Cell) -> Iterator[Value]:
    engine = cell.platform.engine
    version = at.platform("engine", "version")
    given = [key for key in ("tag", "digest") if getattr(engine, key) is not None]
    image = " and ".join(at.platform("engine", key) for key in given) or version
    yield Value("image", f"{SERVER}.image", engine.reference, image)
    yield Value(
        "engine_version", "Deployment metadata.labels.app.kubernetes.io/version", engine.version,
        version, ("PodTemplate metadata.labels.app.kubernetes.io/version",),
    )  # fmt: skip
    if engine.run_as_user is not None:
        yield Value(
            "run_as_user", f"{SERVER}.securityContext.runAsUser", str(engine.run_as_user),
            at.platform("engine", "run_as_user"),
        )  # fmt: skip
    if engine.read_only_root:
        yield Value(
            "read_only_root", f"{SERVER}.securityContext.readOnlyRootFilesystem", "true",
            at.platform("engine", "read_only_root"),
            (f"{SERVER}.volumeMounts[2]", f"{SERVER}.env[{len(cell.runtime_values) + 3}]",
             f"{POD}.volumes[5]"),
        )  # fmt: skip
    runtime = cell.runtime_values
    for key, field, source in (
        ("GPU_MEMORY_UTILIZATION", "gpu_memory_utilization", at.cell("gpu_memory_utilization")),
        ("MAX_MODEL_LEN", "max_model_len", at.max_model_len()),
        ("TENSOR_PARALLEL_SIZE", "tensor_parallel", at.cell("tensor_parallel")),
    ):
        yield Value(field, f"ConfigMap data.{key}", runtime[key], source)
    yield Value("model_id", "ConfigMap data.MODEL_ID", runtime["MODEL_ID"], at.model("model_id"))
    of_fields = {
        "--kv-cache-dtype": at.cell("kv_cache_dtype"),
        "--trust-remote-code": at.model("trust_remote_code"),
    }
    for index, flag in enumerate(cell.server_flags):
        name = flag.partition("=")[0]
        source = of_fields.get(name, at.cell("flags"))
        yield Value(name, f"{SERVER}.args[{_FIRST_FLAG + index}]", flag, source)
    profile = cell.profile
    gpus = f"{at.cell('tensor_parallel')}: one GPU for each part"
    for name, key, amount, source in (
        ("cpu", "cpu", profile.cpu, at.cell("cpu")),
        ("memory", "memory", profile.memory, at.cell("memory")),
        ("gpus", "nvidia.com/gpu", str(profile.tensor_parallel), gpus),
    ):
        also = [f"{SERVER}.resources.requests.{key}"]
        if name == "memory":
            also.append(f"{POD}.volumes[1].emptyDir.sizeLimit")
        yield Value(name, f"{SERVER}.resources.limits.{key}", amount, source, tuple(also))
    mount = f"{at.model('model_id')}: /gcs/ and the model id"
    yield Value(
        "mount_path", f"{SERVER}.volumeMounts[1].mountPath", cell.mount_path, mount,
        (f"{FETCH}.volumeMounts[0].mountPath",),
    )  # fmt: skip


def _rest(at: _Places, cell: Cell) -> Iterator[Value]:
    platform = cell.platform
    fetch, inference, engine = platform.fetch_safetensors, platform.inference, platform.engine
    section = "fetch_safetensors"
    for name, path, amount, also in (
        ("image", "image", fetch.image, ""),
        ("run_as_user", "securityContext.runAsUser", fetch.run_as_user, ""),
        ("parallelism", "env[1].value", fetch.parallelism, ""),
        ("cpu", "resources.requests.cpu", fetch.cpu, ""),
        ("memory", "resources.limits.memory", fetch.memory, "resources.requests.memory"),
    ):
        yield Value(
            f"fetch_{name}", f"{FETCH}.{path}", str(amount), at.platform(section, name),
            (f"{FETCH}.{also}",) if also else (),
        )  # fmt: skip
    options = ",".join([*inference.mount_options, f"only-dir:{cell.model.model_id}"])
    yield Value(
        "mount_options", f"{POD}.volumes[0].csi.volumeAttributes.mountOptions", options,
        f"{at.platform('inference', 'mount_options')} and {at.model('model_id')}",
    )  # fmt: skip
    startup = at.platform("engine", "startup_seconds")
    yield Value(
        "startup_tries", f"{SERVER}.startupProbe.failureThreshold",
        str(-(-engine.startup_seconds // 10)),
        f"{startup}: {engine.startup_seconds} seconds, one try every 10",
    )  # fmt: skip
    yield Value(
        "progress_deadline_seconds", "Deployment spec.progressDeadlineSeconds",
        str(inference.node_wait_seconds + engine.startup_seconds),
        f"{at.platform('inference', 'node_wait_seconds')} + {startup}", queued=False,
    )  # fmt: skip
    yield from _drain(at, cell)
    if platform.namespace is not None:
        yield Value(
            "namespace", "Deployment metadata.namespace", platform.namespace,
            at.platform("namespace"),
            ("Service metadata.namespace", "ServiceAccount metadata.namespace",
             "PodTemplate metadata.namespace", "ProvisioningRequest metadata.namespace"),
        )  # fmt: skip


def _drain(at: _Places, cell: Cell) -> Iterator[Value]:
    drain = cell.platform.engine.drain
    if drain is None:
        return
    source = at.platform("engine", "drain_seconds")
    yield Value(
        "grace_period", f"{POD}.terminationGracePeriodSeconds", str(drain.grace_period),
        f"{source} + {drain.pre_stop} for the Services + {TEARDOWN} for the engine to end",
    )  # fmt: skip
    if drain.shutdown_timeout is not None:
        place = f"{SERVER}.args[{_FIRST_FLAG + len(cell.server_flags)}]"
        yield Value(OPTION, place, f"{OPTION}={drain.shutdown_timeout}", source)


def _queue(at: _Places, cell: Cell) -> Iterator[Value]:
    queue, section = cell.platform.queued_provisioning, "queued_provisioning"
    yield _queued_nodes(at, cell)
    shared = len(cell.platform.inference.tolerations)
    yield _tolerations("queued_tolerations", at, section, queue.tolerations, shared)
    startup = cell.platform.engine.startup_seconds
    wait = max(queue.wait_seconds, cell.platform.inference.node_wait_seconds)
    yield Value(
        "queued_progress_deadline_seconds", "Deployment spec.progressDeadlineSeconds",
        str(wait + startup),
        f"{at.platform(section, 'wait_seconds')} + {at.platform('engine', 'startup_seconds')}",
        queued=True,
    )  # fmt: skip
    yield Value(
        "provisioning_class", f"{_REQUEST}.provisioningClassName", queue.provisioning_class,
        at.platform(section, "provisioning_class"),
        (f"{_ANNOTATIONS}.autoscaling.x-k8s.io/provisioning-class-name",), queued=True,
    )  # fmt: skip
    yield Value(
        "max_run_duration_seconds", f"{_REQUEST}.parameters.maxRunDurationSeconds",
        str(queue.max_run_duration_seconds), at.platform(section, "max_run_duration_seconds"),
        queued=True,
    )  # fmt: skip
    if queue.valid_until_seconds is not None:
        yield Value(
            "valid_until_seconds", f"{_REQUEST}.parameters.ValidUntilSeconds",
            str(queue.valid_until_seconds), at.platform(section, "valid_until_seconds"),
            queued=True,
        )  # fmt: skip


def _queued_nodes(at: _Places, cell: Cell) -> Value:
    pool, selector = cell.gpu.queued_node_pool, f"{POD}.nodeSelector.cloud.google.com"
    if pool is not None:
        place = at.gpu("queued_node_pool")
        return Value("queued_nodes", f"{selector}/gke-nodepool", pool, place, queued=True)
    return Value(
        "queued_nodes", f"{selector}/gke-accelerator", cell.machine.accelerator,
        at.machine("accelerator"), parts=(
            (f"{selector}/gke-flex-start", at.gpu("queued")),
            (f"{selector}/gke-gpu-driver-version", _DRIVER),
        ),
        queued=True,
    )  # fmt: skip


def _taints(tolerations: Sequence[Toleration]) -> str:
    return ", ".join(
        f"{item.key}{'' if item.value is None else '=' + item.value}:{item.effect}"
        for item in tolerations
    )
