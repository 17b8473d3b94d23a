"""The shape of the profile files, as pydantic models.

A field's docstring-like comment gives its unit. Values are checked one by one here; what needs
two files at once is checked in `matrix`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from ira_manifests import names

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
# The kernel's 0 is root; Kubernetes refuses ids above 2^31 - 1.
UserId = Annotated[int, Field(gt=0, lt=2**31)]
# One GPU's share of its memory that vLLM may take. Its text is kept: 0.80 stays 0.80.
Utilization = Annotated[Decimal, BeforeValidator(_whole_as_decimal), Field(gt=0, le=1)]
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
    max_model_len: Positive
    """Tokens of prompt and answer together."""
    compute_class: Label | None = None
    """Where the smallest machine that fits is not the one to use."""


class ModelProfile(Profile):
    """A model and its cells: `profiles/models/<name>.yaml`."""

    model_id: HubId
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


class Engine(Profile):
    """vLLM's OpenAI-compatible server."""

    image: Repository
    version: Version
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
