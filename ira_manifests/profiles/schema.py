"""The shape of the profile files, as pydantic models.

A field's docstring-like comment gives its unit. Values are checked one by one here; what needs
two files at once is checked in `matrix`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ira_manifests import names
from ira_manifests.memory import EngineVersion, EngineVersionError

_Check = Callable[[str], str | None]


def _checked(check: _Check) -> AfterValidator:
    def validate(value: str) -> str:
        problem = check(value)
        if problem:
            raise PydanticCustomError(
                "name", "{quoted} {problem}", {"quoted": repr(value), "problem": problem}
            )
        return value

    return AfterValidator(validate)


def _whole_as_decimal(value: Any) -> Any:
    return Decimal(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _whole_as_text(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _tokens_or_auto(value: Any) -> Any:
    if isinstance(value, str) and value != "auto":
        message = "is the text {quoted}; it must be a number of tokens such as 131072, or auto"
        raise PydanticCustomError("name", message, {"quoted": repr(value)})
    if isinstance(value, int) and not isinstance(value, bool) and value < 1:
        message = "is the number {number}; it must be more than 0"
        raise PydanticCustomError("name", message, {"number": value})
    return value


MIN_REASON_WORDS = 3
_VERSION = re.compile(r"[0-9]+\.[0-9]+(?:\.[0-9]+)?(?:(?:a|b|rc|\.post)[0-9]+)?")
_MOUNT_OPTION = re.compile(r"[a-z][A-Za-z0-9:=._/-]*")
_GLOB = re.compile(r"[A-Za-z0-9._/*?-]+")


def _matches(pattern: re.Pattern[str], allowed: str) -> _Check:
    return lambda value: None if pattern.fullmatch(value) else f"is not {allowed}"


def _not_empty(value: Any) -> Any:
    if not value:
        raise PydanticCustomError("empty", "is empty; at least one entry is needed")
    return value


# Pydantic's own min_length also speaks up where an entry is wrong, and so not counted.
_NOT_EMPTY = AfterValidator(_not_empty)
Label = Annotated[str, _checked(names.check_rfc1123_label)]
HubId = Annotated[str, _checked(names.check_hub_id)]
PinnedImage = Annotated[str, _checked(names.check_pinned_image)]
Repository = Annotated[str, _checked(names.check_repository)]
Quantity = Annotated[str, BeforeValidator(_whole_as_text), _checked(names.check_quantity)]
Version = Annotated[str, _checked(_matches(_VERSION, "a version such as 0.26.0"))]
MountOption = Annotated[str, _checked(_matches(_MOUNT_OPTION, "a Cloud Storage FUSE option"))]
Glob = Annotated[str, _checked(_matches(_GLOB, "a pattern of file names such as original/*"))]
WorkloadTemplate = Annotated[
    str, _checked(lambda text: names.check_template(text, {"gpu", "model"}, set()))
]
KsaTemplate = Annotated[
    str, _checked(lambda text: names.check_template(text, {"model"}, {"model"}))
]
Positive = Annotated[int, Field(gt=0)]
Flag = Annotated[
    str,
    _checked(
        _matches(
            re.compile(r"--[a-z][a-z0-9-]*(?:=[A-Za-z0-9_.,:/{}\"-]+)?"),
            "a flag of the server such as --max-num-seqs=256",
        )
    ),
]
Reason = Annotated[
    str,
    _checked(
        lambda text: (
            None if len(text.split()) >= MIN_REASON_WORDS else "is no reason: say why, in words"
        )
    ),
]
# The kernel's 0 is root; Kubernetes refuses ids above 2^31 - 1.
UserId = Annotated[int, Field(gt=0, lt=2**31)]
# One GPU's share of its memory that vLLM may take. Its text is kept: 0.80 stays 0.80.
Utilization = Annotated[Decimal, BeforeValidator(_whole_as_decimal), Field(gt=0, le=1)]
Context = Annotated[int | Literal["auto"], BeforeValidator(_tokens_or_auto)]
Gib = Annotated[Decimal, BeforeValidator(_whole_as_decimal), Field(gt=0)]


class Profile(BaseModel):
    """Base of all profile models: unknown keys are errors, values are never converted."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Machine(Profile):
    """One machine of a GPU type, and the compute class that provides it."""

    compute_class: Label
    machine_type: Label
    gpus: Positive
    vcpus: Positive
    memory_gb: Positive
    accelerator: Label
    """Value of the node label cloud.google.com/gke-accelerator."""


class GpuProfile(Profile):
    """A GPU type: `profiles/gpus/<name>.yaml`."""

    memory_gib: Gib
    """Usable memory of one GPU in GiB, as torch reports it."""
    multiprocessors: Positive = 132
    """Streaming multiprocessors of one GPU."""
    machines: Annotated[tuple[Machine, ...], _NOT_EMPTY]
    queued: bool = False
    """Whether each of its cells gets a directory on queued capacity as well."""
    queued_node_pool: Label | None = None
    """Node pool made with --enable-queued-provisioning; without one, GKE makes the nodes."""

    @model_validator(mode="after")
    def _pool_needs_queue(self) -> Self:
        if self.queued_node_pool and not self.queued:
            message = (
                "names a queued_node_pool but is not queued; set queued: true or drop the pool"
            )
            raise PydanticCustomError("queue", "{message}", {"message": message})
        return self


class CellProfile(Profile):
    """How one model runs on one GPU type."""

    tensor_parallel: Positive
    """GPUs of the container, each with a part of every layer."""
    cpu: Quantity
    memory: Quantity
    gpu_memory_utilization: Utilization
    max_model_len: Context
    """Tokens of prompt and answer together; `auto` takes the longest that keeps a margin."""
    kv_cache_dtype: Literal["auto", "fp8", "fp8_e4m3", "fp8_e5m2"] = "auto"
    """Type of the key/value cache; `auto` is the model's own."""
    compute_class: Label | None = None
    """Where the smallest machine that fits is not the one to use."""
    flags: tuple[Flag, ...] = ()
    """Further flags of the server."""
    waive: dict[str, Reason] = {}
    """Rules that don't count for this cell, by id, each with the reason."""


class LayersProfile(Profile):
    """Attention layers of one kind and shape."""

    count: Positive
    kind: Literal["full", "sliding", "chunked"] = "full"
    span: Positive | None = None
    """Window or chunk in tokens; none for full attention."""
    kv_heads: Positive
    head_dim: Positive

    @model_validator(mode="after")
    def _span_suits_kind(self) -> Self:
        if (self.kind == "full") != (self.span is None):
            message = (
                "is full and has a span"
                if self.kind == "full"
                else f"is {self.kind} without a span"
            )
            message += "; sliding and chunked layers have a span in tokens, full ones have none"
            raise PydanticCustomError("queue", "{message}", {"message": message})
        return self


class ExpertsProfile(Profile):
    """A mixture of experts: how many see a token, and the inner width of each."""

    per_token: Positive
    intermediate: Positive


class GeometryProfile(Profile):
    """The model's shape, from its config.json."""

    heads: Positive
    hidden: Positive
    intermediate: Positive | None = None
    vocab: Positive
    max_position: Positive
    image_values_per_token: Positive | None = None
    """Pixels times channels behind one image token, for a model with a vision tower."""
    layers: Annotated[tuple[LayersProfile, ...], _NOT_EMPTY]
    experts: ExpertsProfile | None = None

    @model_validator(mode="after")
    def _heads_share_kv_heads(self) -> Self:
        for layers in self.layers:
            if self.heads % layers.kv_heads:
                message = f"has {self.heads} heads, which {layers.kv_heads} KV heads do not divide"
                raise PydanticCustomError("queue", "{message}", {"message": message})
        return self


class MeasuredWeights(Profile):
    """What a log says of the weights on each GPU."""

    tensor_parallel: Positive
    gib: Gib


class WeightsProfile(Profile):
    """The weights as the server loads them, quantised ones as they are."""

    total_gib: Gib
    """GiB on one GPU, without tensor parallelism."""
    measured: tuple[MeasuredWeights, ...] = ()


class ModelProfile(Profile):
    """A model and its cells: `profiles/models/<name>.yaml`."""

    model_id: HubId
    min_engine: Version | None = None
    """The first release of the engine that serves the model."""
    weights: WeightsProfile | None = None
    geometry: GeometryProfile | None = None
    cells: Annotated[dict[str, CellProfile], _NOT_EMPTY]
    """GPU type to cell."""


class Toleration(Profile):
    """A taint that Pods tolerate; without a value, any value of the key."""

    key: Annotated[str, _checked(_matches(re.compile(r"[a-z0-9./-]+"), "a taint's key"))]
    value: str | None = None
    effect: Annotated[
        str,
        _checked(
            _matches(
                re.compile("NoSchedule|NoExecute|PreferNoSchedule"),
                "one of NoExecute, NoSchedule, PreferNoSchedule",
            )
        ),
    ]


def _known_engine(value: str) -> str:
    try:
        EngineVersion.parse(value)
    except EngineVersionError as error:
        raise PydanticCustomError("name", "{message}", {"message": str(error)}) from None
    return value


class KnownModels(Profile):
    """Model ids as their owners write them: `profiles/known-models.yaml`."""

    model_ids: tuple[HubId, ...]


class Engine(Profile):
    """vLLM's OpenAI-compatible server."""

    image: Repository
    version: Annotated[str, AfterValidator(_known_engine)]
    run_as_user: UserId | None = None
    """A user of the image that is not root; without one the image's default user runs."""
    startup_seconds: Annotated[int, Field(ge=600, le=86400)]
    """The longest load of a model that is still waited for."""


class FetchSafetensors(Profile):
    """The container that reads the model once to warm the file cache."""

    image: PinnedImage
    run_as_user: UserId
    parallelism: Positive
    cpu: Quantity
    memory: Quantity


class ModelDownload(Profile):
    """The Job that copies a model from the Hugging Face Hub to the bucket."""

    image: PinnedImage
    run_as_user: UserId
    huggingface_hub: Version
    service_account: Label
    cpu: Quantity
    memory: Quantity
    fs_group: UserId
    storage_class: Label
    storage: Quantity
    ttl_seconds_after_finished: Positive
    exclude: tuple[Glob, ...]
    """Files of a repository that serving does not need, as patterns of their paths."""
    exclude_beside_safetensors: tuple[Glob, ...]
    """Files left out where safetensors of the same folder hold the same weights."""
    tolerations: tuple[Toleration, ...]


class Inference(Profile):
    """What all serving workloads have in common."""

    workload_name: WorkloadTemplate
    service_account: KsaTemplate
    node_wait_seconds: Positive
    """The longest wait for a node before a rollout counts as stuck."""
    mount_options: tuple[MountOption, ...]
    tolerations: tuple[Toleration, ...]


class QueuedProvisioning(Profile):
    """Dynamic Workload Scheduler capacity."""

    provisioning_class: Label | Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$")]
    max_run_duration_seconds: Annotated[int, Field(ge=600, le=604800)]
    valid_until_seconds: Positive | None = None
    """Without one, a request waits for capacity as long as it takes."""
    wait_seconds: Positive
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
