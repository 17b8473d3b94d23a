"""`add`: a model's profile from its files."""

from __future__ import annotations

import contextlib
import os
import re
from pathlib import Path

from ira_manifests import files, model_files
from ira_manifests.analysis import matrix_summary
from ira_manifests.cli import common, list_report, terminal
from ira_manifests.errors import InputError, OutputError
from ira_manifests.kubernetes import names
from ira_manifests.new_model import Added, Request, add
from ira_manifests.profiles.loader import MODEL_FOLDER, find_folder, packaged_folder


def command(
    *,
    model_id: str | None,
    source: Path,
    name: str | None,
    gpus: list[str] | None,
    max_model_len: int | None,
    dry_run: bool,
    profiles_folder: Path | None,
) -> int:
    """Write a profile with a cell for each GPU type on which the model works."""
    model_id = model_id or _id_of(source)
    names.require("the model's id", model_id, names.check_hub_id)
    name = name or _name_of(model_id)
    names.require("--name", name, names.check_rfc1123_label)
    matrix = common.load(profiles_folder)
    folder = find_folder(profiles_folder)
    if not dry_run and folder == packaged_folder() and profiles_folder is None:
        raise InputError(
            "there is no ./profiles to write to; copy the profiles of the package first: "
            f"cp -R {folder} profiles"
        )
    file = folder / MODEL_FOLDER / f"{name}.yaml"
    if os.path.lexists(file):
        raise InputError(f"{file} is there already, and is left as it is; give another --name")
    chosen = tuple(gpus or ())
    added = add(matrix, Request(model_files.read(source), model_id, file, chosen, max_model_len))
    if dry_run:
        terminal.say(added.text)
    else:
        _write(file, added.text)
    _report(added, file, dry_run=dry_run)
    return 0


def _id_of(source: Path) -> str:
    """Return the model's id as folders of the Hub's cache and of the bucket have it.

    Raises InputError where the path tells none.
    """
    parts = source.absolute().parts
    for part in reversed(parts):
        match = re.fullmatch(r"(?:models--)?([^-]+(?:-[^-]+)*)--(.+?)(?:\.json)?", part)
        if match:
            return f"{match[1]}/{match[2]}"
    raise InputError(
        f"which model is {source}? Give its id on the Hub: add ORG/NAME --from {source}"
    )


def _name_of(model_id: str) -> str:
    """Return the name of a profile: the model's, in the letters of Kubernetes."""
    return re.sub(r"[^a-z0-9]+", "-", model_id.rpartition("/")[2].lower()).strip("-")


def _write(file: Path, text: str) -> None:
    """Write a new file, whole or not at all."""
    part = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(exist_ok=True)
        part.write_text(text, encoding="utf-8")
        os.link(part, file)  # unlike a rename, it replaces nothing
    except OSError as error:
        raise OutputError(f"{file} can't be written: {files.reason(error)}") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink()


def _report(added: Added, file: Path, *, dry_run: bool) -> None:
    """Print the new cells as `list` does, the GPU types without one, and what to do next."""
    rows = [row for row in matrix_summary.rows(added.matrix) if row.model == file.stem]
    list_report.matrix(rows, added.left_out)
    if dry_run:
        return
    first = added.cells[0]
    terminal.say(f"\nWrote {file}. Next:")
    terminal.say(f"    ira-manifests explain {first.name}")
    terminal.say(f"    ira-manifests synth --model-id {first.model.model_id}")
