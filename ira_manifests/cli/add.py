"""`add`: a model's profile from its files on the Hub, or in a folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from ira_manifests import installation
from ira_manifests.analysis import matrix_summary
from ira_manifests.cli import (
    common,
    documents,
    list_report,
    model_source,
    schema_files,
    terminal,
    whole,
)
from ira_manifests.errors import InputError, OutputError
from ira_manifests.kubernetes import names
from ira_manifests.loading import load_matrix
from ira_manifests.model_files import ModelFiles
from ira_manifests.new_model import Added, Request, add, default_name
from ira_manifests.profile_files import KINDS, MODEL_FOLDER, SCHEMA_FOLDER
from ira_manifests.profiles.loader import find_folder
from ira_manifests.profiles.packaged import folder as packaged_folder


def command(
    *,
    model_id: str | None,
    source: Path | None,
    revision: str | None,
    name: str | None,
    gpus: list[str] | None,
    max_model_len: int | None,
    update: bool,
    dry_run: bool,
    profiles_folder: Path | None,
    as_json: bool,
) -> int:
    """Write the profile of a model on the Hub: geometry, weights, cells."""
    if update:
        if gpus or max_model_len is not None:
            raise InputError(
                "--update leaves the cells as they are: without --gpu, --max-model-len"
            )
        from ira_manifests.cli import update as updating

        return updating.run(
            model=model_id,
            source=source,
            revision=revision,
            name=name,
            dry_run=dry_run,
            profiles_folder=profiles_folder,
            as_json=as_json,
        )
    model_id = model_source.id_of(model_id, source)
    if name is not None:
        names.require("--name", name, names.check_rfc1123_label)
    folder, is_new = _folder(profiles_folder)
    # A folder that is made is told when it is there.
    laid = is_new and not dry_run
    matrix = load_matrix(packaged_folder()) if laid else common.load(profiles_folder)
    chosen = tuple(gpus or ())
    name = name or default_name(matrix, model_id, chosen)
    file = folder / MODEL_FOLDER / f"{name}.yaml"
    if os.path.lexists(file):
        raise InputError(f"{file} is there already, and is left as it is; give another --name")
    found = model_source.read(model_id, source, revision)
    added = add(matrix, Request(found, found.model_id, file, chosen, max_model_len))
    if dry_run and not as_json:
        terminal.say(added.text)
    elif dry_run:
        pass
    elif is_new:
        _lay(file, added.text)
    else:
        _write(file, added.text)
    if as_json:
        documents.say(_document(added, file, found, written=not dry_run))
    else:
        _report(added, file, found, dry_run=dry_run)
    if not dry_run:
        _add_schemas(folder / SCHEMA_FOLDER, as_json=as_json)
    return 0


def _document(added: Added, file: Path, found: ModelFiles, *, written: bool) -> dict[str, Any]:
    """Return a new profile and its cells as plain values."""
    return {
        "file": str(file),
        "written": written,
        "model_id": found.model_id,
        "commit": found.commit or None,
        "profile": added.text,
        "cells": [matrix_summary.row(cell).to_json() for cell in added.cells],
        "absent": [vars(pair) for pair in added.left_out],
    }


def _add_schemas(folder: Path, *, as_json: bool) -> None:
    """Write the schemas that the first lines of profiles name, unless there are some."""
    if os.path.lexists(folder):
        return
    try:
        schema_files.write(folder, KINDS)
        say = terminal.complain if as_json else terminal.say
        say(f"\nAlso wrote {folder}, by which editors know the fields of profiles.")
    except OutputError as error:
        terminal.complain(f"note: without schemas for editors: {error}")


def _folder(named: Path | None) -> tuple[Path, bool]:
    """Return the folder of profiles to write to, and whether it is to be made.

    Raises InputError where ./profiles is something else.
    """
    found, local = find_folder(named), Path("profiles")
    if named is not None or found != packaged_folder() or found.resolve() == local.resolve():
        return found, False
    if os.path.lexists(local):
        raise InputError(f"./{local} holds no profiles; name the folder with --profiles")
    return local, True


def _lay(file: Path, text: str) -> None:
    """Make the folder of profiles, with what the package has beside models, whole or not at all."""
    folder = file.parents[1]
    with whole.beside(folder, done="made") as part:
        shutil.copytree(packaged_folder(), part, ignore=shutil.ignore_patterns(MODEL_FOLDER))
        (part / MODEL_FOLDER).mkdir()
        (part / MODEL_FOLDER / file.name).write_text(text, encoding="utf-8")
        part.rename(folder)
    terminal.complain(
        f"note: made {folder}/ with the platform and the GPU types of the package; "
        "it has this model alone"
    )


def _write(file: Path, text: str) -> None:
    """Write a new file, whole or not at all."""
    with whole.beside(file) as part:
        file.parent.mkdir(exist_ok=True)
        part.write_text(text, encoding="utf-8")
        os.link(part, file)  # unlike a rename, it replaces nothing


def _report(added: Added, file: Path, found: ModelFiles, *, dry_run: bool) -> None:
    """Print the new cells as `list` does, the GPU types without one, and what to do next."""
    rows = [row for row in matrix_summary.rows(added.matrix) if row.model == file.stem]
    list_report.matrix(rows, added.left_out)
    if found.commit:
        terminal.say(f"\nRead {found.model_id} at commit {found.commit}.")
    if dry_run:
        return
    first = added.cells[0]
    terminal.say(f"\nWrote {file}.")
    classes = dict.fromkeys(cell.machine.compute_class for cell in added.cells)
    terminal.say_wrapped(
        f"The cluster needs the compute classes {', '.join(classes)}, and the service account "
        f"{first.service_account} needs read access to the bucket."
    )
    terminal.say("Next:")
    program = installation.program()
    terminal.say(f"    {program} explain {first.name}")
    terminal.say(f"    {program} synth --model-id {first.model.model_id}")
