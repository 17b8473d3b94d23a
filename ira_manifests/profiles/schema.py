"""The shape of the profile files, as pydantic models.

The text below a field gives its unit and meaning. Values are checked one by one here, by the types
of `fields`; what needs two files at once is checked in `consistency`.
"""

# No annotations from __future__ here: they are text, which pydantic would evaluate at every start.
from collections import Counter
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ira_manifests.kubernetes.queued_capacity import LONGEST_RUN, SHORTEST_RUN
from ira_manifests.profiles.base import Profile
from ira_manifests.profiles.fields import (
    NOT_EMPTY,
    Bytes,
    Context,
    Count,
    Cpu,
    Digest,
    EngineRelease,
    FilePattern,
    Flag,
    Gib,
    Glob,
    GpuCount,
    HubId,
    HubRelease,
    KsaTemplate,
    Label,
    LabelKey,
    LabelValue,
    MinEngine,
    MountOption,
    PinnedImage,
    Reason,
    Repository,
    Seconds,
    Subdomain,
    Tag,
    TaintEffect,
    UserId,
    Utilization,
    WorkloadTemplate,
    refuse,
)
from ira_manifests.profiles.geometry import GeometryProfile
from ira_manifests.vllm import images
from ira_manifests.vllm.draining import Drain, drain


class Machine(Profile):
    """One machine of a GPU type, and the compute class that provides it."""

    compute_class: Label
    machine_type: Label
    gpus: GpuCount
    vcpus: Count
    memory_gb: Count
    accelerator: Label
    """Value of the node label cloud.google.com/gke-accelerator."""


def _classes_differ(machines: tuple[Machine, ...]) -> tuple[Machine, ...]:
    classes = Counter(machine.compute_class for machine in machines)
    for name, count in classes.items():
        if count > 1:
            raise refuse(f"has {count} machines of the compute class {name}; keep one")
    return machines


class GpuProfile(Profile):
    """A GPU type: `profiles/gpus/<name>.yaml`."""

    memory_gib: Gib
    """Usable memory of one GPU in GiB, as torch reports it."""
    multiprocessors: Count = 132
    """Streaming multiprocessors of one GPU."""
    machines: Annotated[tuple[Machine, ...], NOT_EMPTY, AfterValidator(_classes_differ)]
    queued: bool = False
    """Whether each of its cells gets a directory on queued capacity as well."""
    auto_provisioning_limit: bool = True
    """Whether the cluster's node auto-provisioning has one for it; GKE makes no nodes without."""
    queued_node_pool: Label | None = None
    """Node pool made with --enable-queued-provisioning; without one, GKE makes the nodes."""

    @model_validator(mode="after")
    def _pool_needs_queue(self) -> Self:
        if self.queued_node_pool and not self.queued:
            raise refuse(
                "names a queued_node_pool but is not queued; set queued: true or drop the pool"
            )
        return self


class CellProfile(Profile):
    """How one model runs on one GPU type."""

    tensor_parallel: Count
    """GPUs of the container, each with a part of every layer."""
    cpu: Cpu
    memory: Bytes
    gpu_memory_utilization: Utilization
    max_model_len: Context
    """Tokens of prompt and answer together; `auto` takes the longest that keeps a margin."""
    kv_cache_dtype: Literal["auto", "fp8", "fp8_e4m3", "fp8_e5m2"] = "auto"
    """Type of the key/value cache; `auto` is the model's own."""
    compute_class: Label | None = None
    """Where the smallest machine that fits is not the one to use."""
    flags: tuple[Flag, ...] = ()
    """Further flags of the server."""
    waive: Annotated[dict[str, Reason], Field(default_factory=dict)]
    """Rules that don't count for this cell, by id, each with the reason."""


class MeasuredWeights(Profile):
    """What a log says of the weights on each GPU."""

    tensor_parallel: Count
    gib: Gib


class WeightsProfile(Profile):
    """The weights as the server loads them, quantised ones as they are."""

    total_gib: Gib
    """GiB on one GPU, without tensor parallelism."""
    measured: tuple[MeasuredWeights, ...] = ()


class DownloadProfile(Profile):
    """What is downloaded of a model, where the platform's lists do not suit it."""

    exclude: Annotated[tuple[FilePattern, ...], Field(max_length=100)] = ()
    """Files that are left out as well."""
    keep: Annotated[tuple[FilePattern, ...], Field(max_length=100)] = ()
    """Files that are downloaded whatever a list says."""


class ModelProfile(Profile):
    """A model and its cells: `profiles/models/<name>.yaml`."""

    model_id: HubId
    min_engine: MinEngine | None = None
    """The first release of the engine that serves the model."""
    trust_remote_code: bool = False
    """Whether the server may run Python files of the model's repository."""
    weights: WeightsProfile | None = None
    geometry: GeometryProfile | None = None
    download: DownloadProfile | None = None
    waive: Annotated[dict[str, Reason], Field(default_factory=dict)]
    """Rules that don't count for any cell of the model, by id, each with the reason."""
    cells: Annotated[dict[str, CellProfile], NOT_EMPTY]
    """GPU type to cell."""


class Toleration(Profile):
    """A taint that Pods tolerate; without a value, any value of the key."""

    key: LabelKey
    value: LabelValue | None = None
    effect: TaintEffect


class KnownModels(Profile):
    """Model ids as their owners write them: `profiles/known-models.yaml`."""

    model_ids: tuple[HubId, ...]


class Engine(Profile):
    """vLLM's OpenAI-compatible server."""

    image: Repository
    version: EngineRelease
    """The release that the image holds: what is known of options and memory goes by it.

    Every published one from 0.8.4 on is taken, and candidates: their options are not known
    (IRA032), and their memory is that of the release before or after, whichever needs more.
    """
    tag: Tag | None = None
    """The image's tag; of vLLM's own image, without one, the version behind a "v"."""
    digest: Digest | None = None
    """The image's digest, of the same image as the tag: a registry goes by it alone."""
    run_as_user: UserId | None = None
    """A user of the image that is not root; without one the image's default user runs."""
    read_only_root: bool = False
    """Whether the image's user can do with a read-only root and a /tmp that is its home."""
    startup_seconds: Annotated[int, Field(ge=600, le=86400)]
    """The longest load of a model that is still waited for."""
    drain_seconds: Annotated[int, Field(ge=0, le=3600)] = 0
    """How long a server that is to end goes on with the requests that it has; 0 cuts them off."""

    @property
    def drain(self) -> Drain | None:
        """The times by which requests are drained."""
        return drain(self.drain_seconds, self.version)

    @property
    def reference(self) -> str:
        """The image as a container names it: path, tag, and the digest where there is one."""
        tag = self.tag or (f"v{self.version}" if images.is_vllms_own(self.image) else None)
        tagged = self.image if tag is None else f"{self.image}:{tag}"
        return tagged if self.digest is None else f"{tagged}@{self.digest}"


class FetchSafetensors(Profile):
    """The container that reads the model once to warm the file cache."""

    image: PinnedImage
    run_as_user: UserId
    parallelism: Annotated[int, Field(gt=0, le=1000)]
    cpu: Cpu
    memory: Bytes


class ModelDownload(Profile):
    """The Job that copies a model from the Hugging Face Hub to the bucket."""

    image: PinnedImage
    run_as_user: UserId
    huggingface_hub: HubRelease
    """A release that `ira_manifests.hub_lock` has a lock of."""
    service_account: Label
    cpu: Cpu
    memory: Bytes
    fs_group: UserId
    storage_class: Label
    storage: Bytes
    ttl_seconds_after_finished: Seconds
    active_deadline_seconds: Annotated[int, Field(ge=600, le=31536000)] = 86400
    """The longest that the Job may take, its wait for a node and a disk included."""
    token_secret: Subdomain | None = None
    """A Secret that exists, whose key HUGGING_FACE_TOKEN is the token; none: the user's file."""
    exclude: tuple[Glob, ...]
    """Files of a repository that serving does not need, as patterns of their paths."""
    exclude_beside_safetensors: tuple[Glob, ...]
    """Files left out where safetensors of the same folder hold the same weights."""
    tolerations: tuple[Toleration, ...]


class Inference(Profile):
    """What all serving workloads have in common."""

    workload_name: WorkloadTemplate
    service_account: KsaTemplate
    node_wait_seconds: Seconds
    """The longest wait for a node before a rollout counts as stuck."""
    mount_options: tuple[MountOption, ...]
    tolerations: tuple[Toleration, ...]


class QueuedProvisioning(Profile):
    """Dynamic Workload Scheduler capacity."""

    provisioning_class: Subdomain
    max_run_duration_seconds: Annotated[int, Field(ge=SHORTEST_RUN, le=LONGEST_RUN)]
    valid_until_seconds: Seconds | None = None
    """Without one, a request waits for capacity as long as it takes."""
    wait_seconds: Seconds
    """The longest wait in the queue before a rollout counts as stuck."""
    tolerations: tuple[Toleration, ...]


class Platform(Profile):
    """Facts of the platform: `profiles/platform.yaml`."""

    namespace: Label | None = None
    bucket_suffix: Label
    engine: Engine
    fetch_safetensors: FetchSafetensors
    inference: Inference
    model_download: ModelDownload
    queued_provisioning: QueuedProvisioning
