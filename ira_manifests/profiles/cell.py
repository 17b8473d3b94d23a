"""A cell: one model on one GPU type, and everything that follows from it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from ira_manifests.errors import InputError
from ira_manifests.layout import CELLS, mount_path
from ira_manifests.memory import Budget, MemoryInputError, Serving, budget, safe_context
from ira_manifests.profiles import memory_inputs
from ira_manifests.profiles.loader import Profiles
from ira_manifests.profiles.schema import CellProfile, GpuProfile, Machine, ModelProfile, Platform

QUEUED_SUFFIX = "-queued"

LEAST_AUTO = 1024
"""Tokens that `max_model_len: auto` takes at least; a cell with room for fewer is refused."""


def directory_names(gpu_name: str, model_name: str, gpu: GpuProfile) -> tuple[str, ...]:
    """Return the directories of a cell: on ordinary capacity, and on queued where there is any."""
    name = f"{CELLS}{gpu_name}-{model_name}"
    return (name, name + QUEUED_SUFFIX) if gpu.queued else (name,)


def find_machine(gpu: GpuProfile, profile: CellProfile) -> Machine | None:
    """Return the machine of the cell's compute class, else the smallest one with enough GPUs."""
    if profile.compute_class is not None:
        named = (item for item in gpu.machines if item.compute_class == profile.compute_class)
        return next(named, None)
    large_enough = [item for item in gpu.machines if item.gpus >= profile.tensor_parallel]
    return min(large_enough, key=lambda item: item.gpus, default=None)


@dataclass(frozen=True)
class Cell:
    """One model on one GPU type, with everything that follows from it."""

    gpu_name: str
    model_name: str
    gpu: GpuProfile
    model: ModelProfile
    profile: CellProfile
    platform: Platform

    @property
    def key(self) -> tuple[str, str]:
        """GPU type and model: the cell's index in the matrix."""
        return self.gpu_name, self.model_name

    @property
    def name(self) -> str:
        """The key as findings, waivers and --only spell it."""
        return "/".join(self.key)

    @property
    def directory(self) -> str:
        """Directory of the cell on ordinary capacity."""
        return self.directories[0]

    @property
    def queued_directory(self) -> str:
        """Directory of the cell on queued capacity."""
        return self.directory + QUEUED_SUFFIX

    @property
    def directories(self) -> tuple[str, ...]:
        """All directories that are written for the cell."""
        return directory_names(self.gpu_name, self.model_name, self.gpu)

    @property
    def workload_name(self) -> str:
        """Name of the Deployment, the Service and the ProvisioningRequest."""
        template = self.platform.inference.workload_name
        return template.format(gpu=self.gpu_name, model=self.model_name)

    @property
    def service_account(self) -> str:
        """The Kubernetes service account that IAM lets read the bucket."""
        return self.platform.inference.service_account.format(model=self.model_name)

    @cached_property
    def machine(self) -> Machine:
        """The machine that the compute class provides: the named one, else the smallest."""
        machine = find_machine(self.gpu, self.profile)
        if machine is None:
            raise InputError(f"no machine for the cell {self.gpu_name} × {self.model_name}")
        return machine

    @cached_property
    def unjudged(self) -> str:
        """Why the cell's memory is not judged; empty where it is."""
        label, release = self.machine.accelerator, self.platform.engine.version
        return memory_inputs.unjudged(self.model, self.profile, label, release)

    @cached_property
    def serving(self) -> Serving | None:
        """The configuration to estimate; None where the cell's memory is not judged.

        Raises `MemoryInputError` where the engine can't split the model so.
        """
        asked = self.profile.max_model_len
        longest = self.serving_with(max_model_len=1 if asked == "auto" else asked)
        if longest is None or asked != "auto":
            return longest
        least = min(LEAST_AUTO, longest.geometry.max_position_embeddings)
        return replace(longest, max_model_len=max(least, safe_context(longest)))

    def serving_with(self, *, max_model_len: int) -> Serving | None:
        """Return the configuration to estimate with another context, in tokens.

        None where the cell's memory is not judged. Raises `MemoryInputError` as `serving` does.
        """
        return memory_inputs.serving(
            self.model,
            self.profile,
            memory_inputs.accelerator(self.gpu, self.machine),
            self.platform.engine.version,
            max_model_len=max_model_len,
        )

    @cached_property
    def budget(self) -> Budget | None:
        """The estimate of where one GPU's memory goes; None where it is not judged.

        Raises `MemoryInputError` as `serving` does.
        """
        return None if self.serving is None else budget(self.serving)

    @property
    def max_model_len(self) -> int:
        """Tokens of prompt and answer; with `auto`, the longest that keeps a margin."""
        asked = self.profile.max_model_len
        if asked != "auto":
            return asked
        try:
            return self.serving.max_model_len if self.serving else 1
        except MemoryInputError:
            return 1  # refused by a rule, which says why

    @property
    def server_flags(self) -> tuple[str, ...]:
        """The server's flags besides those that every cell has."""
        dtype = self.profile.kv_cache_dtype
        remote_code = ("--trust-remote-code",) if self.model.trust_remote_code else ()
        kv_cache = () if dtype == "auto" else (f"--kv-cache-dtype={dtype}",)
        return (*remote_code, *kv_cache, *self.profile.flags)

    @property
    def waived(self) -> frozenset[str]:
        """The rules that don't count for the cell."""
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


def pairs_of(profiles: Profiles) -> list[tuple[str, str]]:
    """Return (GPU type, model) of every cell that can be made of what was read, in order."""
    return sorted(
        (gpu, model)
        for model, profile in profiles.models.items()
        for gpu in profile.cells
        if gpu in profiles.gpus
    )


def cells_of(profiles: Profiles, platform: Platform) -> list[Cell]:
    """Return every cell that can be made of what was read, in order."""
    return [
        Cell(gpu, model, profiles.gpus[gpu], profile, profile.cells[gpu], platform)
        for gpu, model in pairs_of(profiles)
        for profile in (profiles.models[model],)
    ]
