"""The properties of `VllmDeployment` as a cell: profiles are looked up, and fields are set.

They are validated as the profiles' files are. Pure; needs no Node.js.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from functools import cache
from typing import Any

from pydantic import ValidationError

from ira_manifests.analysis.new_cells import host
from ira_manifests.errors import InputError, Problem, did_you_mean, one_of
from ira_manifests.kubernetes import names
from ira_manifests.profiles import consistency, packaged
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.loader import Profiles, read_profiles
from ira_manifests.profiles.platform import Platform
from ira_manifests.profiles.schema import OF_REPOSITORY, CellProfile, GpuProfile, ModelProfile
from ira_manifests.profiles.source import Source
from ira_manifests.profiles.validation import problems_of
from ira_manifests.profiles.yaml_source import START, Document, Path
from ira_manifests.rules import waivers
from ira_manifests.rules.check_cells import check_cell

CONSTRUCTS = frozenset(
    {"autoscaling", "disruption_budget", "gateway", "monitoring", "network_access"}
)
"""Fields of a cell that are no properties, because they are constructs with `workload`."""

PATCHES = "patches"
"""The field that is no property, because an app patches the objects themselves."""

OF_MODEL = frozenset({"geometry", "min_engine", "revision", "trust_remote_code", "weights"})
"""The fields of a model that are properties."""

OF_CELL = CellProfile.model_fields.keys() - CONSTRUCTS - {PATCHES} - set(OF_REPOSITORY)
"""The fields of a cell that are properties; those of its repository are the model's."""

FIELDS = OF_CELL | OF_MODEL
"""The properties that are fields of a profile."""

_PROFILES = frozenset({"gpu", "model", "model_id", "platform", "workload_name"})

# What a cell has whose model has no packaged profile with a cell on the GPU type. The server's CPU
# and memory are then its part of the machine. The share is less than the reference architecture's,
# which is that of models whose start-up was seen.
_DEFAULTS: Mapping[str, Any] = {
    "tensor_parallel": 1,
    "gpu_memory_utilization": Decimal("0.90"),
    "max_model_len": "auto",
}
_UNKNOWN_YET = {"cpu": "1", "memory": "1G"}


def cell_of(
    place: str,
    *,
    gpu: str | GpuProfile | None,
    model_id: str | None,
    model: ModelProfile | None,
    platform: Platform | None,
    workload_name: str | None,
    fields: Mapping[str, Any],
) -> Cell:
    """Return the cell of a construct's properties.

    `place`: the path of the construct. `fields`: those properties of `OF_CELL` and `OF_MODEL` that
    are given.
    Raises `InputError` with everything that is wrong, each with the name of the property.
    """
    if gpu is None or (model_id is None and model is None):
        raise InputError(
            f"{place}: what to serve is missing; give cell, such as "
            'load_matrix()["h100", "gemma3-27b"], or gpu and model_id'
        )
    gpu_name, gpu_profile = _gpu(place, gpu)
    model_name, base = _model(place, model_id, model)
    wanted = _platform(place, platform or _packaged_platform(), workload_name)
    usual = base.only_cell(gpu_name) if base is not None else None
    cells = [] if base is None else list(base.every_cell)
    variants = [each.variant for each in cells if each.gpu == gpu_name and each.variant]
    if variants:
        raise InputError(
            f"{place}: model has several cells on {gpu_name}: {one_of(variants)}; give one of a "
            "matrix as cell"
        )
    values = _given(usual) if usual is not None else {**_DEFAULTS, **_UNKNOWN_YET}
    own = {name: _plain(value) for name, value in fields.items()}
    in_cell = set(OF_CELL)
    if usual is not None and usual.model_id is not None:
        in_cell.update(OF_REPOSITORY)
    of_model = {name: value for name, value in own.items() if name not in in_cell}
    of_cell = {name: value for name, value in own.items() if name in in_cell}
    data = {
        **({} if base is None else _given(base)),
        **({} if model_id is None else {"model_id": model_id}),
        **of_model,
        "cells": {gpu_name: {**values, **of_cell}},
    }
    source = Source(place, Document(data, dict(_places(data))))
    profile = _validated(source, data, gpu_name)
    (given,) = profile.every_cell
    served = profile.as_served_by(given.profile)
    cell = Cell(gpu_name, model_name, gpu_profile, served, given.profile, wanted)
    _require_consistent(source, cell)
    lacking = () if usual is not None else _UNKNOWN_YET.keys() - of_cell.keys()
    return _with_host(place, cell, lacking) if lacking else cell


def beside_a_cell(given: Iterable[str]) -> list[str]:
    """Return the names of parameters that can't be given beside a cell."""
    return sorted((FIELDS | _PROFILES) & set(given))


def require_sound(place: str, cell: Cell) -> None:
    """Raise `InputError` with each error that the rules find in a cell."""
    errors = [item for item in check_cell(cell, place) if item.refuses]
    if errors:
        raise InputError(*(f"{place}: {item.text}" for item in errors))


@cache
def _packaged() -> Profiles:
    profiles, _ = read_profiles(packaged.folder())
    return profiles


def _packaged_platform() -> Platform:
    platform = _packaged().platform
    if platform is None:
        raise InputError("the packaged platform.yaml is invalid; install the package again")
    return platform


def _gpu(place: str, gpu: object) -> tuple[str, GpuProfile]:
    """Return the name and the profile of a GPU type; the name of a given profile is its label's."""
    if isinstance(gpu, GpuProfile):
        return gpu.machines[0].accelerator.removeprefix("nvidia-"), gpu
    known = _packaged().gpus
    if not isinstance(gpu, str):
        raise InputError(
            f"{place}: gpu: is a value of type {type(gpu).__name__}; it must be a GpuProfile, or "
            f"one of {one_of(known)}"
        )
    if gpu not in known:
        raise InputError(
            f"{place}: gpu: {gpu[:60]!r} is an unknown GPU type; known: {one_of(known)}"
            f"{did_you_mean(gpu, known)}"
        )
    return gpu, known[gpu]


def _model(
    place: str, model_id: object, model: ModelProfile | None
) -> tuple[str, ModelProfile | None]:
    """Return the model's name, and its profile if there is one."""
    if model is not None:
        if model_id is not None:
            raise InputError(f"{place}: model has its own model_id; give one of model and model_id")
        if not isinstance(model, ModelProfile):
            raise InputError(
                f"{place}: model: is a value of type {type(model).__name__}; it must be a "
                "ModelProfile, or give model_id"
            )
        model_id = model.model_id
    if not isinstance(model_id, str):
        raise InputError(
            f"{place}: model_id: is a value of type {type(model_id).__name__}; it must be the id "
            "of a model on the Hugging Face Hub, such as 'Qwen/Qwen3-32B'"
        )
    for name, known in _packaged().models.items():
        if known.model_id == model_id:
            return name, model or known
    name = re.sub(r"[^a-z0-9]+", "-", model_id.rpartition("/")[2].lower()).strip("-")
    return name or "model", model


def _platform(place: str, platform: object, workload_name: str | None) -> Platform:
    if not isinstance(platform, Platform):
        raise InputError(
            f"{place}: platform: is a value of type {type(platform).__name__}; it must be a "
            "Platform, such as load_matrix().platform"
        )
    if workload_name is None:
        return platform
    if not isinstance(workload_name, str):
        raise InputError(
            f"{place}: workload_name: is a value of type {type(workload_name).__name__}; it must "
            "be a name, or a template such as 'vllm-{gpu}-{model}'"
        )
    names.require(f"{place}: the workload name", workload_name, names.check_workload_template)
    inference = platform.inference.model_copy(update={"workload_name": workload_name})
    return platform.model_copy(update={"inference": inference})


def _given(profile: ModelProfile | CellProfile) -> dict[str, Any]:
    """Return the fields that a profile sets, without a model's cells."""
    return {name: getattr(profile, name) for name in profile.model_fields_set if name != "cells"}


def _plain(value: Any) -> Any:
    """Return a value as a profile's file gives it: tuples, dictionaries and decimal numbers."""
    if isinstance(value, float):
        return Decimal(repr(value))
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


def _places(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the path of each value with a place, as a file's document has them."""
    yield path, START
    entries: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, Mapping):
        entries = value.items()
    elif isinstance(value, tuple):
        entries = enumerate(value)
    for key, item in entries:
        yield from _places(item, (*path, key))


def _validated(source: Source, data: Mapping[str, Any], gpu_name: str) -> ModelProfile:
    try:
        return ModelProfile.model_validate(data)
    except ValidationError as error:
        raise _error(problems_of(source, ModelProfile, error), gpu_name) from None


def _require_consistent(source: Source, cell: Cell) -> None:
    """Raise `InputError` for fields that contradict each other."""
    sources = {
        ("gpus", cell.gpu_name): source,
        ("models", cell.model_name): source,
        ("platform", "platform"): Source(source.file, Document()),
    }
    profiles = Profiles(
        cell.platform, {cell.gpu_name: cell.gpu}, {cell.model_name: cell.model}, sources
    )
    problems = [*consistency.problems(profiles), *waivers.unknown(profiles)]
    if problems:
        raise _error(problems, cell.gpu_name)


def _error(problems: Iterable[Problem], gpu_name: str) -> InputError:
    """Return problems as an error that names properties instead of a profile's fields."""
    inside = f"cells.{gpu_name}"
    messages = []
    for each in problems:
        field = each.field.removeprefix(f"{inside}.").removeprefix(inside)
        messages.append(f"{each.file}: {field}{': ' * bool(field)}{each.message}")
    return InputError(*dict.fromkeys(messages))


def _with_host(place: str, cell: Cell, lacking: Iterable[str]) -> Cell:
    """Return the cell with its part of the machine's CPU and memory, where they are not given."""
    found = host(cell)
    if isinstance(found, str):
        raise InputError(f"{place}: {found}; give cpu and memory, or another gpu")
    update = {name: found[name] for name in lacking}
    profile = cell.profile.model_copy(update=update)
    model = cell.model.model_copy(update={"cells": {cell.gpu_name: profile}})
    return replace(cell, model=model, profile=profile)
