"""The profiles of a new project: those of the package, or some of them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from ira_manifests.errors import InputError, did_you_mean, one_of
from ira_manifests.profile_files import (
    GPU_FOLDER,
    KNOWN_MODELS_FILE,
    MODEL_FOLDER,
    PLATFORM_FILE,
    SCHEMA_FOLDER,
)
from ira_manifests.profiles import packaged, yaml_edit, yaml_source


def chosen(gpus: Collection[str], models: Collection[str]) -> dict[str, bytes]:
    """Return the files of a folder of profiles, by their paths in it.

    `gpus`, `models`: names of the package's profiles; none: all. A model keeps its cells on these
    GPU types; one that has none there is left out, unless it is named.

    Raises `InputError` for an unknown name, and where no cell is left.
    """
    folder = packaged.folder()
    known_gpus, known_models = _names(folder / GPU_FOLDER), _names(folder / MODEL_FOLDER)
    unknown = [
        *_unknown("--gpu", "GPU type", gpus, known_gpus),
        *_unknown("--model", "model", models, known_models),
    ]
    if unknown:
        raise InputError(*unknown)
    kept = [name for name in known_gpus if name in gpus or not gpus]
    cells = {name: _with_cells_of(folder, name, kept) for name in models or known_models}
    _require_cells({name for name in cells if not cells[name]}, models, kept, any(cells.values()))
    shared = [PLATFORM_FILE, KNOWN_MODELS_FILE, *(f"{GPU_FOLDER}/{name}.yaml" for name in kept)]
    return {
        **{path: (folder / path).read_bytes() for path in shared},
        **{f"{MODEL_FOLDER}/{name}.yaml": text for name, text in cells.items() if text},
    }


def schemas() -> dict[str, bytes]:
    """Return the schemas that the first lines of profiles name, by their paths in the folder."""
    found = sorted(packaged.schema_folder().glob("*.json"))
    return {f"{SCHEMA_FOLDER}/{path.name}": path.read_bytes() for path in found}


def queued(gpus: Collection[str]) -> list[str]:
    """Return the GPU types of the package, of the named ones if any, that have queued capacity."""
    folder = packaged.folder() / GPU_FOLDER
    return [name for name in gpus or _names(folder) if _read(folder, name).get("queued")]


def _read(folder: Path, name: str) -> dict[str, Any]:
    path = folder / f"{name}.yaml"
    found: dict[str, Any] = yaml_source.read(str(path), path.read_bytes())[0].data
    return found


def _names(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.glob("*.yaml"))


def _unknown(
    option: str, kind: str, names: Collection[str], known: Collection[str]
) -> Iterator[str]:
    more = ""
    if kind == "model":
        more = "; after init, ira-manifests add ORG/NAME adds one from the Hugging Face Hub"
    for name in names:
        if name not in known:
            close = did_you_mean(name, known)
            yield f"{option} {name!r} is no {kind} of the package: {one_of(known)}{close}{more}"


def _with_cells_of(folder: Path, model: str, gpus: Collection[str]) -> bytes:
    """Return a model's profile without its cells on other GPU types; empty if none is left."""
    path = folder / MODEL_FOLDER / f"{model}.yaml"
    content = path.read_bytes()
    document, _ = yaml_source.read(str(path), content)
    cells = {gpu: cell for gpu, cell in document.data["cells"].items() if gpu in gpus}
    if len(cells) == len(document.data["cells"]):
        return content
    if not cells:
        return b""
    return yaml_edit.rewritten(str(path), content, {**document.data, "cells": cells})[0]


def _require_cells(
    without: Collection[str], models: Collection[str], gpus: Collection[str], some: bool
) -> None:
    where = ", ".join(gpus)
    named = [name for name in models if name in without]
    if named:
        raise InputError(
            *(f"--model {name!r} has no cell on {where}; name another --gpu" for name in named)
        )
    if not some:
        raise InputError(
            f"no model of the package has a cell on {where}; start with --minimal, then run "
            f"ira-manifests add ORG/NAME --gpu {next(iter(gpus))}"
        )
