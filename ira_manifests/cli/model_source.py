"""Where a command reads a model from: the Hub, or the folder or file of --from."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from ira_manifests.errors import InputError
from ira_manifests.kubernetes import names
from ira_manifests.model_files import ModelFiles


def id_of(model_id: str | None, source: Path | None) -> str:
    """Return the model's id on the Hub: the given one, else that in the path of --from.

    Raises InputError where there is none, or one that the Hub does not allow.
    """
    if model_id is None and source is None:
        raise InputError(
            "which model? Give its id on the Hub, such as Qwen/Qwen3-8B, or --from and a folder of "
            "its files"
        )
    found = model_id or (_in_path(source) if source is not None else "")
    names.require("the model's id", found, names.check_hub_id)
    return found


def read(model_id: str, source: Path | None, revision: str | None = None) -> ModelFiles:
    """Return what a model's files say, and its id: on the Hub, as the Hub writes it.

    `source`: the path of --from; None for the Hub. `revision`: a branch, a tag or a commit on the
    Hub; None for its default branch.

    Raises as `ira_manifests.model_files.read` and `ira_manifests.hub.read` do.
    """
    if source is not None:
        from ira_manifests import model_files

        if revision is not None:
            raise InputError(
                "--revision is one of the Hub; with --from, name the folder that has it"
            )
        return replace(model_files.read(source), model_id=model_id)
    from ira_manifests import hub

    if revision is not None and not (revision.strip() and revision.isprintable()):
        raise InputError("--revision is empty; give a branch, a tag or a commit")
    found = hub.read(model_id, revision)
    names.require("the model's id on the Hub", found.model_id, names.check_hub_id)
    return found


def _in_path(source: Path) -> str:
    """Return the model's id, which folders of the Hub's cache and of the bucket are named by.

    Raises InputError where the path has none.
    """
    for part in reversed(source.absolute().parts):
        match = re.fullmatch(r"(?:models--)?([^-]+(?:-[^-]+)*)--(.+?)(?:\.json)?", part)
        if match:
            return f"{match[1]}/{match[2]}"
    raise InputError(f"which model is {source}? Give its id on the Hub: ORG/NAME --from {source}")
