"""What a folder of profiles takes from the package, because it does not have it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ira_manifests.errors import Problem, did_you_mean, one_of
from ira_manifests.profile_files import (
    ENVIRONMENT_FOLDER,
    GPU_FOLDER,
    KNOWN_MODELS_FILE,
    MODEL_FOLDER,
    PLATFORM_FILE,
    SCHEMA_FOLDER,
)

YAML_ENDINGS = (".yml", ".yaml", ".json")

_SHARED = (PLATFORM_FILE, GPU_FOLDER, KNOWN_MODELS_FILE)
_NAMES = (*_SHARED, MODEL_FOLDER, ENVIRONMENT_FOLDER)
_KNOWN = (*_NAMES, SCHEMA_FOLDER)


def folder() -> Path:
    """Return the folder of the packaged profiles."""
    package = Path(__file__).parents[1]
    packaged = package / "_profiles"
    # An editable install has no packaged copy.
    return packaged if packaged.is_dir() else package.parent / "profiles"


def schema_folder() -> Path:
    """Return the folder of the packaged JSON Schemas."""
    return folder() / SCHEMA_FOLDER


def known_models() -> Path:
    """Return the folder of packaged profiles of models beside those that are rendered.

    They tell the geometry of models that others serve.
    """
    package = Path(__file__).parents[1]
    packaged = package / "_known_models"
    examples = package.parent / "examples/accelerated-platforms/profiles/models"
    return packaged if packaged.is_dir() else examples


def taken(entries: Sequence[Path]) -> tuple[str, ...]:
    """Return the names in a folder of profiles that are read from the package instead.

    `entries`: what the folder has. Only a folder with models or environments takes anything, and
    only what it lacks as a whole: in a folder `gpus` no file is replaced. If it has something that
    is not read, which may be a misspelt name, it takes nothing.
    """
    held = {entry.name for entry in entries}
    if not held & {MODEL_FOLDER, ENVIRONMENT_FOLDER} or list(_unread(entries)):
        return ()
    return tuple(name for name in (*_SHARED, MODEL_FOLDER) if name not in held)


def problems(entries: Sequence[Path]) -> Iterator[Problem]:
    """Yield a problem for each entry that is not read in a folder without platform or GPU types.

    Files with an ending that is not read have a problem of their own.
    """
    held = {entry.name for entry in entries}
    if {PLATFORM_FILE, GPU_FOLDER} <= held:
        return
    for entry in _unread(entries):
        if entry.suffix == ".yaml" or os.path.isdir(entry):  # noqa: PTH112  as below
            close = did_you_mean(entry.name, set(_NAMES) - held)
            message = f"is not read; a folder of profiles has {one_of(_NAMES)}{close}"
            yield Problem(str(entry), 1, 1, "", message)


def _unread(entries: Iterable[Path]) -> Iterator[Path]:
    """Yield folders and files of YAML or JSON that have none of the names."""
    for entry in entries:
        is_like = entry.suffix.lower() in YAML_ENDINGS
        # Path.is_dir raises where the entry can't be looked at.
        if entry.name not in _KNOWN and (is_like or os.path.isdir(entry)):  # noqa: PTH112
            yield entry
