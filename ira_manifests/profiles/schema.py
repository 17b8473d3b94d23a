"""The schema of the profile files, as pydantic models.

The text below a field gives its unit and meaning. Single values are checked here, by the types of
`fields`; checks across fields and files are in `consistency`.
"""

# No annotations from __future__ here: pydantic would have to evaluate their text at every start.
from collections import Counter
from collections.abc import Iterator
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import AfterValidator, Discriminator, Field, Tag, model_validator

from ira_manifests.profiles.base import Profile
from ira_manifests.profiles.engine import OwnEngine
from ira_manifests.profiles.fields import (
    NOT_EMPTY,
    Bytes,
    Capability,
    Context,
    Count,
    Cpu,
    FilePattern,
    Gib,
    GpuCount,
    HubId,
    Label,
    MinEngine,
    QuantMethod,
    Queued,
    Reason,
    Revision,
    Utilization,
)
from ira_manifests.profiles.forms import refuse
from ira_manifests.profiles.geometry import GeometryProfile
from ira_manifests.profiles.serving_fields import ServingFields


class Machine(Profile):
    """One machine of a GPU type, and the compute class that provides it."""

    compute_class: Label
    """The compute class of the platform that provides the machine."""
    machine_type: Label
    """Compute Engine's name of the machine type."""
    gpus: GpuCount
    """GPUs of the machine."""
    vcpus: Count
    """vCPUs of the machine."""
    memory_gb: Count
    """Memory of the machine in GB, as Compute Engine's documentation has it."""
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
    compute_capability: Capability | None = None
    """NVIDIA's compute capability, such as 9.0; decides which kernels the engine has."""
    machines: Annotated[tuple[Machine, ...], NOT_EMPTY, AfterValidator(_classes_differ)]
    """The machines with this GPU, each with a compute class of its own."""
    queued: Queued = False
    """Whether each of its cells also gets a directory for queued capacity; with `only`, that one
    and no other."""
    auto_provisioning_limit: bool = True
    """Whether node auto-provisioning has a limit for it; if not, GKE adds no nodes."""
    queued_node_pool: Label | None = None
    """Node pool with --enable-queued-provisioning; without one, GKE creates the nodes."""

    @model_validator(mode="after")
    def _pool_needs_queue(self) -> Self:
        if self.queued_node_pool and not self.queued:
            raise refuse(
                "names a queued_node_pool but is not queued; set queued: true or drop the pool"
            )
        return self


class MeasuredWeights(Profile):
    """The weights on each GPU, from a log."""

    tensor_parallel: Count
    """GPUs of the start-up."""
    gib: Gib
    """GiB on each GPU: the log's `Model loading took … GiB`."""


class WeightsProfile(Profile):
    """The weights as the server loads them, quantised or not."""

    total_gib: Gib
    """GiB on one GPU, without tensor parallelism."""
    linear_gib: Gib | None = None
    """GiB of linear layers and experts in 16 bit, which --quantization=fp8 halves; without it they
    are computed for dense models alone."""
    vision_gib: Gib | None = None
    """GiB of the vision tower, which --language-model-only leaves out."""
    quantization: QuantMethod | None = None
    """`quant_method` of the checkpoint's config.json; left out for a checkpoint in 16 bit.

    `modelopt` may also be told apart as `modelopt_fp8` or `modelopt_fp4`.
    """
    measured: tuple[MeasuredWeights, ...] = ()
    """Measured start-ups, which count more than total_gib."""

    @model_validator(mode="after")
    def _parts_of_the_whole(self) -> Self:
        parts = (self.linear_gib or 0) + (self.vision_gib or 0)
        if parts > self.total_gib:
            raise refuse(
                f"has total_gib {self.total_gib}, and linear_gib and vision_gib are {parts}"
            )
        if self.linear_gib is not None and self.quantization is not None:
            raise refuse("has both quantization and linear_gib, which is of weights in 16 bit")
        return self


class CellProfile(ServingFields):
    """How one model runs on one GPU type."""

    tensor_parallel: Count
    """GPUs that share each layer, a part of it on each."""
    pipeline_parallel: Annotated[int, Field(gt=0, le=64)] = 1
    """Groups of such GPUs, each with a part of the layers."""
    nodes: Annotated[int, Field(gt=0, le=64)] = 1
    """Machines that share all these GPUs evenly: with more than one, a LeaderWorkerSet."""
    cpu: Cpu
    """CPUs of the server's container: its request and its limit."""
    memory: Bytes
    """Memory of the server's container: its request and its limit. /dev/shm is part of it."""
    gpu_memory_utilization: Utilization
    """The share of each GPU's memory that vLLM may use."""
    max_model_len: Context
    """Tokens of prompt and answer together; `auto`: the longest context that keeps the margin."""
    kv_cache_dtype: Literal["auto", "fp8", "fp8_e4m3", "fp8_e5m2"] = "auto"
    """Dtype of the KV cache; `auto`: the model's own."""
    compute_class: Label | None = None
    """Compute class to use, if it is not that of the smallest machine with enough GPUs."""
    model_id: HubId | None = None
    """Another repository of the same model, such as one with quantised weights."""
    revision: Revision | None = None
    """The commit, tag or branch of that repository."""
    weights: WeightsProfile | None = None
    """The weights of that repository."""
    engine: OwnEngine | None = None
    """What differs from the engine of the model and the platform."""
    waive: Annotated[dict[str, Reason], Field(default_factory=dict)]
    """Rules that are waived for this cell, by id, each with the reason."""

    @model_validator(mode="after")
    def _weights_of_their_own(self) -> Self:
        for name in ("revision", "weights"):
            if self.model_id is None and getattr(self, name) is not None:
                raise refuse(
                    f"has {name} of its own and no model_id; name the repository that it is of, or "
                    f"move {name} to the model"
                )
        return self

    @property
    def gpus(self) -> int:
        """The GPUs of the container on each node."""
        return self.all_gpus // self.nodes

    @property
    def all_gpus(self) -> int:
        """The GPUs of one copy of the model, on all of its nodes."""
        return self.tensor_parallel * self.pipeline_parallel


def cell_or_variants(value: Any) -> str:
    """Return the form of a GPU type's entry: its cell, or a mapping of variants to cells."""
    if not isinstance(value, dict) or not value or value.keys() & CellProfile.model_fields.keys():
        return _ONE
    # A mapping has cells instead of their fields once it is validated, and is serialised so.
    cells = (isinstance(inner, dict | CellProfile) for inner in value.values())
    return _SEVERAL if all(cells) else _ONE


_ONE, _SEVERAL = "<cell>", "<variants>"
Variants = dict[Label, CellProfile]
CellOrVariants = Annotated[
    Annotated[CellProfile, Tag(_ONE)] | Annotated[Variants, Tag(_SEVERAL)],
    Discriminator(cell_or_variants),
]


DEFAULT_VARIANT = "default"
"""The variant that has the names of an only cell, so that others can be added beside one."""


def variant_name(name: str, variant: str) -> str:
    """Return a name with that of a variant; the name alone for an only cell and the default."""
    return name if variant in ("", DEFAULT_VARIANT) else f"{name}-{variant}"


class GivenCell(NamedTuple):
    """A cell in a model's profile, and the GPU type and the variant that it is of."""

    gpu: str
    variant: str
    """Empty for the only cell of the GPU type."""
    profile: CellProfile

    @property
    def path(self) -> tuple[str | int, ...]:
        """The cell's place in the profile."""
        return ("cells", self.gpu, self.variant) if self.variant else ("cells", self.gpu)

    def name_of(self, model: str) -> str:
        """Return the cell's name in findings and patterns. `model`: the profile's name."""
        return f"{self.gpu}/{variant_name(model, self.variant)}"


class DownloadProfile(Profile):
    """A model's own download lists, in addition to the platform's."""

    exclude: Annotated[tuple[FilePattern, ...], Field(max_length=100)] = ()
    """Further files that are not downloaded."""
    keep: Annotated[tuple[FilePattern, ...], Field(max_length=100)] = ()
    """Files that are downloaded even if a list excludes them."""


OF_REPOSITORY = ("model_id", "revision", "weights")
"""The fields of a model that a cell with another repository has for itself."""


class ModelProfile(ServingFields):
    """A model and its cells: `profiles/models/<name>.yaml`."""

    model_id: HubId
    """The model's id on the Hub, which names its folder in the bucket."""
    revision: Revision | None = None
    """The commit, tag or branch that is downloaded; without it, the latest commit of `main`."""
    min_engine: MinEngine | None = None
    """The first release of the engine that serves the model."""
    trust_remote_code: bool = False
    """Whether the server may run Python files of the model's repository."""
    engine: OwnEngine | None = None
    """What differs from the platform's engine for all cells of the model."""
    weights: WeightsProfile | None = None
    geometry: GeometryProfile | None = None
    download: DownloadProfile | None = None
    waive: Annotated[dict[str, Reason], Field(default_factory=dict)]
    """Rules that are waived for all cells of the model, by id, each with the reason."""
    cells: Annotated[dict[str, CellOrVariants], NOT_EMPTY]
    """GPU type to cell, or to several cells by the names of their variants, of which `default` adds
    nothing to names."""

    def as_served_by(self, cell: CellProfile) -> Self:
        """Return the model with the repository of a cell, if the cell has one of its own.

        The lists of files are of the model's own repository.
        """
        if cell.model_id is None:
            return self
        own = {name: getattr(cell, name) for name in OF_REPOSITORY}
        return self.model_copy(update={**own, "download": None})

    def only_cell(self, gpu: str) -> CellProfile | None:
        """Return the cell of a GPU type; None if it has none, or several."""
        given = self.cells.get(gpu)
        return given if isinstance(given, CellProfile) else None

    @property
    def every_cell(self) -> Iterator[GivenCell]:
        """The cells of all GPU types, in the order of the file."""
        for gpu, given in self.cells.items():
            if isinstance(given, CellProfile):
                yield GivenCell(gpu, "", given)
            else:
                yield from (GivenCell(gpu, name, cell) for name, cell in given.items())
