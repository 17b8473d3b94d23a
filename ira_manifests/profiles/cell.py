"""A cell: one model on one GPU type, with its profiles and derived values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ira_manifests.errors import InputError
from ira_manifests.kubernetes.images import mirrored
from ira_manifests.layout import CELLS, mount_path
from ira_manifests.memory import Budget, MemoryInputError, Serving, budget, safe_context
from ira_manifests.profiles import cell_patterns, memory_inputs, settings
from ira_manifests.profiles.engine import Engine, OwnEngine, engine_of
from ira_manifests.profiles.fields import Queued
from ira_manifests.profiles.loader import Profiles
from ira_manifests.profiles.platform import Platform
from ira_manifests.profiles.repositories import Beside, beside
from ira_manifests.profiles.schema import (
    CellProfile,
    GivenCell,
    GpuProfile,
    Machine,
    ModelProfile,
    variant_name,
)
from ira_manifests.profiles.server_arguments import Argument, arguments
from ira_manifests.profiles.serving_fields import ServingFields

QUEUED_SUFFIX = "-queued"

LEAST_AUTO = 1024
"""The shortest context of `max_model_len: auto`, in tokens; a cell with less room is refused."""


def directory_names(gpu_name: str, model_name: str, *, queued: Queued) -> tuple[str, ...]:
    """Return the directories of a cell: for ordinary capacity, then for queued if it has any."""
    name = f"{CELLS}{gpu_name}-{model_name}"
    ordinary = () if queued == "only" else (name,)
    return (*ordinary, name + QUEUED_SUFFIX) if queued else ordinary


def find_machine(gpu: GpuProfile, profile: CellProfile) -> Machine | None:
    """Return the machine of the cell's compute class, or the smallest with enough GPUs; or None."""
    if profile.compute_class is not None:
        named = (item for item in gpu.machines if item.compute_class == profile.compute_class)
        return next(named, None)
    large_enough = [item for item in gpu.machines if item.gpus >= profile.gpus]
    return min(large_enough, key=lambda item: item.gpus, default=None)


@dataclass(frozen=True)
class Cell:
    """One model on one GPU type, with its profiles and derived values."""

    gpu_name: str
    model_name: str
    gpu: GpuProfile
    model: ModelProfile
    profile: CellProfile
    platform: Platform
    variant: str = ""

    @property
    def short_name(self) -> str:
        """The model's name, and the variant's after it where the cell is one of several."""
        return variant_name(self.model_name, self.variant)

    @property
    def key(self) -> tuple[str, str]:
        """GPU type and model with its variant: the cell's key in the matrix."""
        return self.gpu_name, self.short_name

    @property
    def path(self) -> tuple[str | int, ...]:
        """The place of the cell in its model's profile."""
        return GivenCell(self.gpu_name, self.variant, self.profile).path

    @property
    def name(self) -> str:
        """The key as text, as in findings, waivers and --only."""
        return "/".join(self.key)

    @property
    def is_queued(self) -> bool:
        """Whether it has a directory for queued capacity."""
        return bool(self.gpu.queued)

    @property
    def is_ordinary(self) -> bool:
        """Whether it has a directory for ordinary capacity."""
        return self.gpu.queued != "only"

    @property
    def directory(self) -> str:
        """Directory of the cell on ordinary capacity, if it has one; else the queued one."""
        return self.directories[0]

    @property
    def queued_directory(self) -> str:
        """Directory of the cell on queued capacity."""
        (name,) = directory_names(self.gpu_name, self.short_name, queued="only")
        return name

    @property
    def directories(self) -> tuple[str, ...]:
        """All directories of the cell."""
        return directory_names(self.gpu_name, self.short_name, queued=self.gpu.queued)

    @property
    def workload_name(self) -> str:
        """Name of the Deployment, the Service and the ProvisioningRequest."""
        template = self.platform.inference.workload_name
        name = template.format(gpu=self.gpu_name, model=self.short_name)
        # Without the model's name, the variants of one model would be one Deployment.
        return name if "{model}" in template else variant_name(name, self.variant)

    @property
    def service_account(self) -> str:
        """The Kubernetes service account that has IAM access to the bucket."""
        return self.platform.inference.service_account.format(model=self.model_name)

    @cached_property
    def machine(self) -> Machine:
        """The machine of the cell's compute class, or the smallest with enough GPUs.

        Raises `InputError` if the GPU type has none.
        """
        machine = find_machine(self.gpu, self.profile)
        if machine is None:
            raise InputError(f"no machine for the cell {self.gpu_name} × {self.model_name}")
        return machine

    @cached_property
    def engine(self) -> Engine:
        """The server's image and release: the platform's, with what model and cell change."""
        return engine_of(self.platform.engine, self.own_engine)

    @property
    def image(self) -> str:
        """The server's image, in the mirror if the platform names one."""
        return mirrored(self.engine.reference, self.platform.image_registry)

    @property
    def own_engine(self) -> tuple[OwnEngine | None, OwnEngine | None]:
        """What the model and the cell say of the engine."""
        return self.model.engine, self.profile.engine

    @property
    def levels(self) -> tuple[ServingFields, ServingFields, ServingFields]:
        """The serving fields of the platform, of the model, and of the cell itself."""
        return self.platform.inference, self.model, self.profile

    @cached_property
    def settings(self) -> ServingFields:
        """The serving fields that apply to the cell."""
        return settings.settings(self.levels)

    def source_of_setting(
        self, path: Sequence[str | int]
    ) -> tuple[tuple[str, str], tuple[str | int, ...]]:
        """Return the kind and name of the profile that decides a serving field, and its place."""
        level, inner = settings.level_of(self.levels, path)
        if settings.LEVELS[level] == "platform":
            return ("platform", "platform"), ("inference", *inner)
        of_cell = self.path if settings.LEVELS[level] == "cell" else ()
        return ("models", self.model_name), (*of_cell, *inner)

    @cached_property
    def unjudged(self) -> str:
        """Why the cell's memory can't be computed; empty if it can."""
        label, release = self.machine.accelerator, self.engine.version
        return memory_inputs.unjudged(self.model, self.profile, self.settings, label, release)

    @cached_property
    def serving(self) -> Serving | None:
        """The configuration to estimate; None if the cell's memory can't be computed.

        Raises `MemoryInputError` if the engine can't split the model over the cell's GPUs.
        """
        asked = self.profile.max_model_len
        longest = self.serving_with(max_model_len=1 if asked == "auto" else asked)
        if longest is None or asked != "auto":
            return longest
        least = min(LEAST_AUTO, longest.geometry.max_position_embeddings)
        return replace(longest, max_model_len=max(least, safe_context(longest)))

    def serving_with(self, *, max_model_len: int) -> Serving | None:
        """Return the configuration to estimate with another context, in tokens.

        None if the cell's memory can't be computed. Raises `MemoryInputError` as `serving` does.
        """
        return memory_inputs.serving(
            self.model,
            self.profile,
            self.settings,
            memory_inputs.accelerator(self.gpu, self.machine),
            self.engine.version,
            max_model_len=max_model_len,
        )

    @cached_property
    def budget(self) -> Budget | None:
        """The memory estimate of one GPU; None if the cell's memory can't be computed.

        Raises `MemoryInputError` as `serving` does.
        """
        return None if self.serving is None else budget(self.serving)

    @property
    def max_model_len(self) -> int:
        """Tokens of prompt and answer; with `auto`, the longest context that keeps the margin."""
        asked = self.profile.max_model_len
        if asked != "auto":
            return asked
        try:
            return self.serving.max_model_len if self.serving else 1
        except MemoryInputError:
            return 1  # a rule reports the error

    @cached_property
    def server_arguments(self) -> tuple[Argument, ...]:
        """The server's arguments, except those that every cell has with another value."""
        return arguments(self.model, self.profile, self.settings)

    @property
    def repositories(self) -> tuple[Beside, ...]:
        """The repositories beside the model's that the server reads: adapters and a draft."""
        return beside(self.settings)

    @property
    def model_ids(self) -> tuple[str, ...]:
        """The ids of all repositories that the server reads, the model's first."""
        return (self.model.model_id, *(each.model_id for each in self.repositories))

    @property
    def waived(self) -> frozenset[str]:
        """The rules that are waived for the cell."""
        return frozenset({*self.model.waive, *self.profile.waive})

    @property
    def mount_path(self) -> str:
        """Folder of the model inside the serving containers."""
        return mount_path(self.model.model_id)

    @property
    def runtime_values(self) -> dict[str, str]:
        """The values that the server reads from the ConfigMap, by key, sorted."""
        return {
            "GPU_MEMORY_UTILIZATION": format(self.profile.gpu_memory_utilization, "f"),
            "MAX_MODEL_LEN": str(self.max_model_len),
            "MODEL_ID": self.model.model_id,
            "TENSOR_PARALLEL_SIZE": str(self.profile.tensor_parallel),
        }


def given_cells(profiles: Profiles) -> list[tuple[str, GivenCell]]:
    """Return the model and the entry of every cell whose profiles were read, sorted by key.

    Of an environment they are the cells that it has.
    """
    found = [
        (model, given)
        for model, profile in profiles.models.items()
        for given in profile.every_cell
        if given.gpu in profiles.gpus
        and cell_patterns.match(given.name_of(model), profiles.patterns)
    ]
    return sorted(found, key=lambda each: (each[1].gpu, variant_name(each[0], each[1].variant)))


def cells_of(profiles: Profiles, platform: Platform) -> list[Cell]:
    """Return every cell whose profiles were read, sorted by GPU type and model."""
    return [
        Cell(
            given.gpu,
            model,
            profiles.gpus[given.gpu],
            profiles.models[model].as_served_by(given.profile),
            given.profile,
            platform,
            given.variant,
        )
        for model, given in given_cells(profiles)
    ]
