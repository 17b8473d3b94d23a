"""`render` and `write`: the directories of a matrix as values, and on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from ira_manifests.errors import InputError
from ira_manifests.kubernetes import names
from ira_manifests.layout import BASE, BUCKET_KEY, MODEL_KEY, links_of
from ira_manifests.nodejs import boot
from ira_manifests.output import folder as on_disk
from ira_manifests.output import transaction, tree
from ira_manifests.output.directory import Directory
from ira_manifests.output.tree import Plan

if TYPE_CHECKING:
    from ira_manifests.profiles.cell import Cell
    from ira_manifests.profiles.matrix import Matrix


def render(matrix: Matrix, cells: Iterable[Cell] | None = None) -> list[Directory]:
    """Return the directories of a matrix, in the order in which `synth` writes them.

    `cells`: cells of the matrix to render. Default: all. The directories that all cells share come
    with them in any case.

    No rule is applied: see `check`. Starts Node.js, and raises `NodeError` if it can't be used.
    """
    from ira_manifests.profiles.matrix import Matrix

    if not isinstance(matrix, Matrix):
        raise InputError(
            f"render takes a matrix, such as load_matrix(), and not a value of type "
            f"{type(matrix).__name__}"
        )
    with boot.explained():
        from ira_manifests.rendering import render as rendered

        return list(rendered(matrix, cells))


def write(
    directories: Iterable[Directory],
    folder: str | os.PathLike[str],
    *,
    bucket: str | None = None,
    model_id: str | None = None,
    partial: bool = False,
) -> Plan:
    """Write directories to an output folder as `synth` does, and return what has changed.

    Other directories that `synth` or this function wrote there before are removed, unless `partial`
    is true. Files of yours stay as they are; the files in `base` that you edit are created where
    they are missing, with placeholders.

    `bucket`, `model_id`: what to set in `base/ira-model-config.env`. Default: it stays as it is.

    No rule is applied: see `check`. Raises `InputError` for an invalid bucket or model id, and
    `OutputError`, with nothing changed, if a file of yours is in the way, if the folder can't be
    written, or if another run is writing to it.
    """
    values = _values(bucket, model_id)
    place, items = Path(folder), list(directories)
    files = {each.name: each.files for each in items}
    if values and BASE not in files:
        raise InputError(
            f"bucket or model_id is given, and the directories have no {BASE} to write it to: "
            "their profiles name the bucket"
        )
    needs_token = any(each.kustomization.secrets for each in items)
    with transaction.locked(place):
        new = tree.tree_of(files, links_of(files))
        plan = tree.compare(new, on_disk.look(place, files), partial=partial)
        on_disk.write(place, new, plan, values, needs_token=needs_token)
    return plan


def _values(bucket: str | None, model_id: str | None) -> dict[str, str]:
    """Return the keys of the user's env file to set."""
    values = {}
    if bucket is not None:
        names.require("the bucket", bucket, names.check_bucket)
        values[BUCKET_KEY] = bucket
    if model_id is not None:
        names.require("the model id", model_id, names.check_hub_id)
        values[MODEL_KEY] = model_id
    return values
