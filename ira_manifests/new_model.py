"""Makes a profile of a model's files: its cells on each GPU type, judged by the rules. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from ira_manifests.analysis import new_cells
from ira_manifests.analysis.matrix_summary import Absent
from ira_manifests.analysis.new_cells import Wanted
from ira_manifests.architectures import ConfigError, Model
from ira_manifests.errors import InputError, ProfileError, did_you_mean, one_of
from ira_manifests.kubernetes.patterns import MAX_LABEL
from ira_manifests.memory import GIB
from ira_manifests.model_files import ModelFiles
from ira_manifests.profiles import consistency
from ira_manifests.profiles.cell import Cell, directory_names
from ira_manifests.profiles.loader import with_model
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.model_text import NewModel
from ira_manifests.profiles.model_update import Refreshed, refreshed
from ira_manifests.profiles.schema import CellProfile, GpuProfile, ModelProfile
from ira_manifests.profiles.text_checks import is_commit
from ira_manifests.rules import waivers
from ira_manifests.rules.check_cells import check_cells
from ira_manifests.rules.finding import Finding
from ira_manifests.vllm import Release

_GIB_STEP = Decimal("0.01")


@dataclass(frozen=True)
class Request:
    """What a user asks for.

    Attributes:
        file: the profile to be, below the folder of profiles.
        gpus: GPU types to look at; empty for all.
        max_model_len: the context that each cell must serve; None takes the longest that fits.
    """

    files: ModelFiles
    model_id: str
    file: Path
    gpus: tuple[str, ...] = ()
    max_model_len: int | None = None


@dataclass(frozen=True)
class Added:
    """A new profile.

    Attributes:
        text: what its file is to hold; empty without cells, as no profile has none.
        matrix: the matrix with it.
        cells: its cells.
        left_out: the GPU types without one, and why.
        weights_from: what the weights were computed from.
    """

    text: str
    matrix: Matrix
    cells: tuple[Cell, ...]
    left_out: tuple[Absent, ...]
    weights_from: str


def add(matrix: Matrix, request: Request) -> Added:
    """Return the profile of a model, with a cell for each GPU type on which it works.

    Raises InputError where it works on none, and as `propose` does.
    """
    added = propose(matrix, request)
    if not added.cells:
        raise InputError(
            *(
                f"{request.model_id} gets no cell on {pair.gpu}: {pair.why}"
                for pair in added.left_out
            )
        )
    return added


def propose(matrix: Matrix, request: Request) -> Added:
    """Return the profile of a model, with a cell for each GPU type on which it works, if any.

    Raises InputError where the engine is too old, or for a GPU type or a context that can't be;
    ConfigError and RefusedError as `ira_manifests.architectures.read` does.
    """
    gpus = chosen_gpus(matrix, request.gpus)
    _check_name(matrix, request.file.stem, gpus)
    model = request.files.read()
    _check_engine(matrix, model)
    _check_context(model, request.max_model_len)
    new = _of_files(request.model_id, request.files, model)
    wanted = Wanted(
        request.file.stem,
        _draft(matrix, request.file, new, gpus[0]),
        matrix.platform,
        request.max_model_len,
        model.split_problem,
        model.quantization.kv_cache_dtype,
    )
    found = {gpu: _proposed(wanted, gpu, matrix.profiles.gpus[gpu]) for gpu in gpus}
    cells = {gpu: cell for gpu, cell in found.items() if isinstance(cell, CellProfile)}
    reasons = {gpu: why for gpu, why in found.items() if isinstance(why, str)}
    return _judged(matrix, request.file, new, cells, reasons)


def _proposed(wanted: Wanted, name: str, gpu: GpuProfile) -> CellProfile | str:
    """Return a cell; else why there is none, and what context one can have if another was asked."""
    found = new_cells.propose(wanted, name, gpu)
    if isinstance(found, CellProfile) or wanted.max_model_len is None:
        return found
    shorter = new_cells.propose(replace(wanted, max_model_len=None), name, gpu)
    if isinstance(shorter, str):
        return found
    return f"{found}; a cell with {shorter.max_model_len} tokens works"


def default_name(matrix: Matrix, model_id: str, asked: Iterable[str] = ()) -> str:
    """Return the name of a profile: the model's, in the letters of Kubernetes.

    Of a name that is too long for the directories, the first words.
    """
    name = re.sub(r"[^a-z0-9]+", "-", model_id.rpartition("/")[2].lower()).strip("-")
    most = _most_letters(matrix, chosen_gpus(matrix, asked))
    if len(name) <= most:
        return name
    # A word that is cut off is left out, unless it is the first.
    words = name[: most + 1].rpartition("-")[0]
    return words or name[:most]


@dataclass(frozen=True)
class Updated:
    """A profile with what its model's files decide.

    Attributes:
        refreshed: its file, and what changed.
        refusing: the errors that rules find in its cells then, except those that are waived.
    """

    refreshed: Refreshed
    refusing: tuple[Finding, ...]


def update(matrix: Matrix, file: Path, content: bytes, files: ModelFiles) -> Updated:
    """Return a profile of the matrix, refreshed from its model's files.

    `content`: what its file holds.

    Raises ProfileError where no valid profile comes of it, and InputError, ConfigError and
    RefusedError as `refreshed` and `ira_manifests.architectures.read` do.
    """
    profile = matrix.profiles.models[file.stem]
    new = _of_files(profile.model_id, files, files.read())
    is_exact = files.tensors is not None or files.total_bytes is not None
    found = refreshed(str(file), content, new, is_exact=is_exact)
    profiles, problems = with_model(matrix.profiles, file, found.content)
    problems += consistency.problems(profiles)
    if problems:
        raise ProfileError(problems)
    judged = Matrix(matrix.platform, profiles)
    cells = [cell for cell in judged.values() if cell.model_name == file.stem]
    findings = waivers.waived(cells, check_cells(judged, cells))
    return Updated(found, tuple(finding for finding in findings if finding.refuses))


def profile_of(model_id: str, files: ModelFiles) -> ModelProfile:
    """Return a model's profile without cells: what its files decide.

    Raises as `propose` does, and pydantic's `ValidationError` for values that no profile can have.
    """
    values = _of_files(model_id, files, files.read()).values({})
    given = {name: value for name, value in values.items() if name != "cells"}
    placeholder = {"tensor_parallel": 1, "cpu": "1", "memory": "1G", "max_model_len": 1}
    cell = {**placeholder, "gpu_memory_utilization": Decimal("0.9")}
    return ModelProfile.model_validate({**given, "cells": {"any": cell}})


def _of_files(model_id: str, files: ModelFiles, model: Model) -> NewModel:
    """Return what the model's files decide of its profile."""
    size, origin = files.weights(model)
    weights = _weights(size, model)
    commit = files.commit if is_commit(files.commit) else ""
    return NewModel(model_id, model.min_engine, weights, origin, model.geometry, commit)


def _weights(size: int, model: Model) -> dict[str, Decimal | str]:
    """Return the fields of `WeightsProfile`; without the parts where files hold less than they."""
    total, linear, vision = map(_gib, (size, model.linear_bytes, model.vision_bytes))
    found: dict[str, Decimal | str] = {"total_gib": max(_GIB_STEP, total)}
    if linear + vision < total:
        parts = {"linear_gib": linear, "vision_gib": vision}
        found |= {name: part for name, part in parts.items() if part}
    if model.quantization.method:
        found["quantization"] = model.quantization.method
    return found


def _gib(size: int) -> Decimal:
    return (Decimal(size) / GIB).quantize(_GIB_STEP)


def chosen_gpus(matrix: Matrix, asked: Iterable[str]) -> tuple[str, ...]:
    """Return the GPU types that are asked for, or all if none is; InputError for unknown ones."""
    known = matrix.profiles.gpus
    unknown = [gpu for gpu in asked if gpu not in known]
    if unknown:
        raise InputError(
            *(
                f"--gpu {gpu!r} is no GPU type; there are {one_of(known)}{did_you_mean(gpu, known)}"
                for gpu in unknown
            )
        )
    return tuple(sorted(set(asked) or known))


def _check_name(matrix: Matrix, name: str, gpus: Iterable[str]) -> None:
    """Raise InputError where a directory of the model would have too long a name."""
    most = _most_letters(matrix, gpus)
    if len(name) > most:
        raise InputError(
            f"{name} is too long a name: its directories may have {MAX_LABEL} letters; give "
            f"--name with {most} at most"
        )


def _most_letters(matrix: Matrix, gpus: Iterable[str]) -> int:
    """Return how long a model's name may be for the directories of its cells."""
    return MAX_LABEL - max(
        len(directory)
        for gpu in gpus
        for directory in directory_names(gpu, "", queued=matrix.profiles.gpus[gpu].queued)
    )


def _check_engine(matrix: Matrix, model: Model) -> None:
    used, needed = matrix.platform.engine.version, model.min_engine
    if Release.parse(used) < Release.parse(needed):
        raise InputError(
            f"{model.architecture} is served by vLLM from {needed} on, and platform.yaml has "
            f"{used}: set engine.version to {needed} or newer"
        )


def _check_context(model: Model, asked: int | None) -> None:
    most = model.geometry["max_position_embeddings"]
    if asked is not None and asked > most:
        raise InputError(f"--max-model-len {asked} is more than the model's own {most}")


def _draft(matrix: Matrix, file: Path, new: NewModel, gpu: str) -> ModelProfile:
    """Return the profile with a cell that stands for those to be found.

    Raises ConfigError where the geometry is none that a profile takes.
    """
    any_cell = CellProfile.model_validate(
        {
            "tensor_parallel": 1,
            "cpu": "1",
            "memory": "1G",
            "gpu_memory_utilization": Decimal("0.90"),
            "max_model_len": 1,
        }
    )
    profiles, problems = with_model(matrix.profiles, file, new.text({gpu: any_cell}).encode())
    if problems:
        first = problems[0]
        raise ConfigError(f"no profile can be made of it: {first.field} {first.message}")
    return profiles.models[file.stem]


def _judged(
    matrix: Matrix,
    file: Path,
    new: NewModel,
    cells: Mapping[str, CellProfile],
    reasons: Mapping[str, str],
) -> Added:
    """Return the profile without the cells in which a rule finds an error."""
    left_out = tuple(Absent(gpu, file.stem, why) for gpu, why in sorted(reasons.items()))
    if not cells:
        return Added("", matrix, (), left_out, new.weights_from)
    text = new.text(cells)
    profiles, problems = with_model(matrix.profiles, file, text.encode())
    problems += consistency.problems(profiles)
    if problems:
        raise ProfileError(problems)
    judged = Matrix(matrix.platform, profiles)
    made = tuple(judged[gpu, file.stem] for gpu in sorted(cells))
    refused = _refused(judged, made)
    if refused:
        kept = {gpu: cell for gpu, cell in cells.items() if gpu not in refused}
        return _judged(matrix, file, new, kept, {**reasons, **refused})
    return Added(text, judged, made, left_out, new.weights_from)


def _refused(matrix: Matrix, cells: Iterable[Cell]) -> dict[str, str]:
    """Return the GPU types of cells in which a rule finds an error, and what it says."""
    by_name = {cell.name: cell for cell in cells}
    return {
        by_name[found.cell].gpu_name: f"{found.message} ({found.rule_id})"
        for found in check_cells(matrix, by_name.values())
        if found.refuses and found.cell in by_name
    }
