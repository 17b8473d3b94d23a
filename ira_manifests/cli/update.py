"""`add --update`: refreshes an existing profile from its model's files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from ira_manifests.cli import common, documents, editing, formats, model_source, terminal
from ira_manifests.errors import InputError, did_you_mean, one_of
from ira_manifests.messages import count
from ira_manifests.new_model import Updated, update
from ira_manifests.profile_files import MODEL_FOLDER
from ira_manifests.profiles.loader import find_folder
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.packaged import folder as packaged_folder
from ira_manifests.profiles.pod_fields import plain
from ira_manifests.profiles.yaml_source import dotted


def run(
    *,
    model: str | None,
    source: Path | None,
    revision: str | None,
    name: str | None,
    dry_run: bool,
    profiles_folder: Path | None,
    as_json: bool,
) -> int:
    """Refresh a profile; print what changed, and the cells that no longer fit.

    `model`: the model's id, or the name of its profile. The other arguments are those of `add`.
    """
    folder = find_folder(profiles_folder)
    if profiles_folder is None and folder == packaged_folder():
        raise InputError("./profiles has no profile to update; `add` without --update makes one")
    matrix = common.load(profiles_folder)
    name = _profile(matrix, model, name, source)
    file = folder / MODEL_FOLDER / f"{name}.yaml"
    before = editing.read(file)
    found = model_source.read(matrix.profiles.models[name].model_id, source, revision)
    updated = update(matrix, file, before, found)
    if dry_run and not as_json:
        editing.say_diff(file, before, updated.refreshed.content)
    if not dry_run and updated.refreshed.content != before:
        editing.replace(file, before, updated.refreshed.content)
    if as_json:
        documents.say(_document(file, updated, dry_run=dry_run))
    else:
        _report(file, updated, dry_run=dry_run)
    return _outcome(updated)


def _document(file: Path, updated: Updated, *, dry_run: bool) -> dict[str, Any]:
    """Return what changed in a profile, and errors of the cells, as plain values."""
    refreshed = updated.refreshed
    return {
        "file": str(file),
        "written": bool(refreshed.changes) and not dry_run,
        "changes": [
            {"field": dotted(each.path), "old": plain(each.old), "new": plain(each.new)}
            for each in refreshed.changes
        ],
        "keeps_weights": refreshed.keeps_weights,
        "findings": documents.findings(updated.refusing),
    }


def _profile(matrix: Matrix, model: str | None, name: str | None, source: Path | None) -> str:
    """Return the name of the profile that is meant; raises InputError where there is none."""
    models = matrix.profiles.models
    if model is not None and "/" not in model:
        if name is not None:
            raise InputError(f"both {model!r} and --name {name!r} name a profile; give one of them")
        name, model = model, None
    if name is not None and name not in models:
        raise InputError(
            f"there is no profile {name!r}; there are {one_of(models)}{did_you_mean(name, models)}"
        )
    if name is not None and model in (None, models[name].model_id):
        return name
    if name is not None:
        raise InputError(f"{name}.yaml is of {models[name].model_id}, and not of {model}")
    model_id = model_source.id_of(model, source)
    having = [each for each, profile in models.items() if profile.model_id == model_id]
    if len(having) == 1:
        return having[0]
    if having:
        raise InputError(f"{model_id} has the profiles {one_of(having)}; choose one with --name")
    ids = [profile.model_id for profile in models.values()]
    raise InputError(
        f"no profile is of {model_id}; there are those of {one_of(ids)}"
        f"{did_you_mean(model_id, ids)}"
    )


def _report(file: Path, updated: Updated, *, dry_run: bool) -> None:
    """Print what changed."""
    refreshed = updated.refreshed
    for change in refreshed.changes:
        terminal.say_wrapped(str(change))
    if refreshed.keeps_weights:
        terminal.say_wrapped(
            "weights: left as they are; the files have neither an index nor headers of safetensors"
        )
    if dry_run:
        terminal.say("Nothing was written.")
    else:
        terminal.say(f"Wrote {file}." if refreshed.changes else f"{file} is up to date.")


def _outcome(updated: Updated) -> int:
    """Print errors of the cells; return the exit code."""
    if not updated.refusing:
        return 0
    colour, columns = terminal.colourful(sys.stderr), terminal.width(sys.stderr)
    terminal.complain(formats.text(updated.refusing, colour=colour, columns=columns))
    cells = count(len({each.cell for each in updated.refusing}), "cell")
    terminal.complain(f"{cells} with errors; change them, or remove them from the profile.")
    return common.FINDINGS
