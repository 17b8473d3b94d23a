"""The matrix of cells: what follows from the profiles, computed in one place.

A cell is one model on one GPU type. Directory, names, labels, machine, compute class and runtime
values all come from here, so that no two of them can disagree.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from ira_manifests import names
from ira_manifests.errors import InputError, Problem, ProfileError, did_you_mean, one_of
from ira_manifests.memory import Budget, MemoryInputError, Serving, budget
from ira_manifests.profiles import judging
from ira_manifests.profiles.loader import Profiles, Source, find_folder, read_profiles
from ira_manifests.profiles.schema import (
    CellProfile,
    GpuProfile,
    Machine,
    ModelProfile,
    Platform,
)
from ira_manifests.rules.catalogue import RULES

BASE = "base"
MODEL_DOWNLOAD = "model-download"
QUEUED_SUFFIX = "-queued"
_DIRECTORY = "online-inference-gpu-{gpu}-{model}"


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
    def directory(self) -> str:
        """Directory of the cell on ordinary capacity."""
        return _DIRECTORY.format(gpu=self.gpu_name, model=self.model_name)

    @property
    def queued_directory(self) -> str:
        """Directory of the cell on queued capacity."""
        return self.directory + QUEUED_SUFFIX

    @property
    def directories(self) -> tuple[str, ...]:
        """All directories that are written for the cell."""
        return (self.directory, self.queued_directory) if self.gpu.queued else (self.directory,)

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
        machine = _machine(self.gpu, self.profile)
        if machine is None:
            raise InputError(f"no machine for the cell {self.gpu_name} × {self.model_name}")
        return machine

    @cached_property
    def serving(self) -> Serving | None:
        """The cell as a question of memory; None where the model's profile has no geometry.

        Raises `MemoryInputError` where the engine is unknown or can't split the model so.
        """
        asked = self.profile.max_model_len
        longest = judging.serving(self, max_model_len=1 if asked == "auto" else asked)
        if longest is None or asked != "auto":
            return longest
        return replace(longest, max_model_len=max(1, budget(longest).safe_max_model_len))

    @cached_property
    def budget(self) -> Budget | None:
        """Where one GPU's memory goes; None where the model's profile has no geometry.

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
        kv_cache = () if dtype == "auto" else (f"--kv-cache-dtype={dtype}",)
        return (*kv_cache, *self.profile.flags)

    @property
    def mount_path(self) -> str:
        """Folder of the model inside the serving containers."""
        return f"/gcs/{self.model.model_id}"

    @property
    def runtime_values(self) -> dict[str, str]:
        """The values that the server reads from the ConfigMap, by key, sorted."""
        return {
            "GPU_MEMORY_UTILIZATION": format(self.profile.gpu_memory_utilization, "f"),
            "MAX_MODEL_LEN": str(self.max_model_len),
            "MODEL_ID": self.model.model_id,
            "TENSOR_PARALLEL_SIZE": str(self.profile.tensor_parallel),
        }


class Matrix(Mapping[tuple[str, str], Cell]):
    """All cells by (GPU type, model), in the order of GPU types and models.

    Indexing with a pair that is not in the matrix raises `InputError`, which names the pairs
    that are; `get` and `in` behave as for any mapping.
    """

    def __init__(self, profiles: Profiles, cells: Iterable[Cell]) -> None:
        self.profiles = profiles
        self._cells = {cell.key: cell for cell in cells}

    @property
    def platform(self) -> Platform:
        """Facts that all cells share."""
        return self.profiles.platform

    def __getitem__(self, key: tuple[str, str]) -> Cell:
        if key not in self._cells:
            raise UnknownCellError(key, self._cells)
        return self._cells[key]

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    @property
    def shared_workloads(self) -> dict[str, tuple[Cell, ...]]:
        """Workload names that several cells give to their objects: the last applied wins."""
        by_name: dict[str, list[Cell]] = defaultdict(list)
        for cell in self.values():
            by_name[cell.workload_name].append(cell)
        return {name: tuple(cells) for name, cells in by_name.items() if len(cells) > 1}


class UnknownCellError(InputError, KeyError):
    """A GPU type or model that the matrix does not combine."""

    def __init__(self, key: object, known: Iterable[tuple[str, str]]) -> None:
        asked = " × ".join(map(str, key)) if isinstance(key, tuple) else str(key)
        pairs = [" × ".join(pair) for pair in known]
        self.message = (
            f"{asked} is not in the matrix; it has {one_of(pairs)}{did_you_mean(asked, pairs)}"
        )
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


def load_matrix(
    folder: str | os.PathLike[str] | None = None,
    *,
    workload_name: str | None = None,
    namespace: str | None = None,
) -> Matrix:
    """Read the profiles and return their matrix.

    `folder`: the profiles folder; default ./profiles, else the copy inside the package.
    `workload_name`: a name template in the place of the platform's, such as
    "vllm-{gpu}-{model}". `namespace`: a namespace in the place of the platform's.

    Raises `ProfileError` with every problem of every file, and `InputError` where the folder
    or a template can't be used.
    """
    profiles, problems = read_profiles(find_folder(folder))
    if profiles is None:
        raise ProfileError(problems)
    profiles = _override(profiles, workload_name, namespace)
    cells = [_cell(profiles, gpu, model) for gpu, model in _pairs(profiles)]
    problems += _cross_check(profiles, cells)
    if problems:
        raise ProfileError(problems)
    return Matrix(profiles, cells)


def _override(profiles: Profiles, workload_name: str | None, namespace: str | None) -> Profiles:
    platform = profiles.platform
    if workload_name is not None:
        problem = names.check_template(workload_name, {"gpu", "model"}, set())
        if problem:
            raise InputError(f"the workload name {workload_name!r} {problem}")
        inference = platform.inference.model_copy(update={"workload_name": workload_name})
        platform = platform.model_copy(update={"inference": inference})
    if namespace is not None:
        problem = names.check_rfc1123_label(namespace)
        if problem:
            raise InputError(f"the namespace {namespace!r} {problem}")
        platform = platform.model_copy(update={"namespace": namespace})
    return replace(profiles, platform=platform)


def _pairs(profiles: Profiles) -> list[tuple[str, str]]:
    return sorted(
        (gpu, model)
        for model, profile in profiles.models.items()
        for gpu in profile.cells
        if gpu in profiles.gpus
    )


def _cell(profiles: Profiles, gpu: str, model: str) -> Cell:
    profile = profiles.models[model]
    return Cell(gpu, model, profiles.gpus[gpu], profile, profile.cells[gpu], profiles.platform)


def _machine(gpu: GpuProfile, profile: CellProfile) -> Machine | None:
    if profile.compute_class is not None:
        named = [item for item in gpu.machines if item.compute_class == profile.compute_class]
        return named[0] if named else None
    large_enough = [item for item in gpu.machines if item.gpus >= profile.tensor_parallel]
    return min(large_enough, key=lambda item: item.gpus, default=None)


def _cross_check(profiles: Profiles, cells: list[Cell]) -> list[Problem]:
    return [
        *_unknown_gpus(profiles),
        *_missing_machines(profiles, cells),
        *_missing_geometry(profiles),
        *_unknown_rules(profiles),
        *_bad_names(profiles, cells),
        *_shared_directories(profiles, cells),
    ]


def _source(profiles: Profiles, cell: Cell) -> Source:
    return profiles.sources["models", cell.model_name]


def _unknown_gpus(profiles: Profiles) -> Iterator[Problem]:
    known = {name for kind, name in profiles.sources if kind == "gpus"}
    for model, profile in profiles.models.items():
        for gpu in profile.cells:
            if gpu not in known:
                message = (
                    f"is an unknown GPU type; known: {one_of(known)}{did_you_mean(gpu, known)}"
                )
                source = profiles.sources["models", model]
                yield source.problem(("cells", gpu), message, at_key=True)


def _missing_machines(profiles: Profiles, cells: list[Cell]) -> Iterator[Problem]:
    for cell in cells:
        if _machine(cell.gpu, cell.profile) is not None:
            continue
        path = ("cells", cell.gpu_name)
        asked = cell.profile.compute_class
        classes = [machine.compute_class for machine in cell.gpu.machines]
        if asked is not None:
            message = (
                f"is not a compute class of {cell.gpu_name}; known: {one_of(classes)}"
                f"{did_you_mean(asked, classes)}"
            )
            yield _source(profiles, cell).problem((*path, "compute_class"), message)
        else:
            most = max(machine.gpus for machine in cell.gpu.machines)
            message = (
                f"is {cell.profile.tensor_parallel}; the largest machine of {cell.gpu_name} "
                f"has {most} GPUs"
            )
            yield _source(profiles, cell).problem((*path, "tensor_parallel"), message)


def _missing_geometry(profiles: Profiles) -> Iterator[Problem]:
    for name, model in profiles.models.items():
        source = profiles.sources["models", name]
        if (model.weights is None) != (model.geometry is None):
            given, lacking = ("geometry", "weights") if model.geometry else ("weights", "geometry")
            message = f"needs {lacking} beside it to judge the memory; give both or neither"
            yield source.problem((given,), message, at_key=True)
        for gpu, cell in model.cells.items():
            if cell.max_model_len == "auto" and model.geometry is None:
                message = "is auto, which needs the model's weights and geometry; give a number"
                yield source.problem(("cells", gpu, "max_model_len"), message)


def _unknown_rules(profiles: Profiles) -> Iterator[Problem]:
    for name, model in profiles.models.items():
        for gpu, cell in model.cells.items():
            for rule in cell.waive:
                if rule not in RULES:
                    message = (
                        f"is an unknown rule{did_you_mean(rule, RULES)}; docs/rules.md has all"
                    )
                    path = ("cells", gpu, "waive", rule)
                    yield profiles.sources["models", name].problem(path, message, at_key=True)


def _bad_names(profiles: Profiles, cells: list[Cell]) -> Iterator[Problem]:
    for cell in cells:
        composed = {
            "workload name": (cell.workload_name, names.check_rfc1035_label),
            "service account": (cell.service_account, names.check_rfc1123_label),
            "directory": (cell.directories[-1], names.check_rfc1123_label),
        }
        for what, (name, check) in composed.items():
            problem = check(name)
            if problem:
                message = f"gives the {what} {name!r}, which {problem}"
                source = _source(profiles, cell)
                yield source.problem(("cells", cell.gpu_name), message, at_key=True)


def _shared_directories(profiles: Profiles, cells: list[Cell]) -> Iterator[Problem]:
    owners: dict[str, Cell] = {}
    for cell in cells:
        for directory in cell.directories:
            other = owners.setdefault(directory, cell)
            if other is not cell:
                message = (
                    f"would write the directory {directory}, as {other.gpu_name} × "
                    f"{other.model_name} does; rename the GPU type or the model"
                )
                source = _source(profiles, cell)
                yield source.problem(("cells", cell.gpu_name), message, at_key=True)
