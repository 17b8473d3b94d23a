"""Writes the JSON Schemas of profiles to a folder."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ira_manifests import files
from ira_manifests.cli import whole
from ira_manifests.errors import InputError, OutputError
from ira_manifests.profile_files import SCHEMA_MARK, schema_file
from ira_manifests.profiles.packaged import schema_folder

_MOST_BYTES = 1 << 22


def write(out: Path, kinds: Iterable[str]) -> list[Path]:
    """Write the schemas of some kinds, and return the files that changed.

    Only schemas of this program are replaced. Raises InputError for another file in the place of
    one, before anything is written, and OutputError where the folder can't be written.
    """
    wanted = {
        out / schema_file(kind): (schema_folder() / schema_file(kind)).read_bytes()
        for kind in kinds
    }
    changed = {file: content for file, content in wanted.items() if _held(file) != content}
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{out} can't be written: {files.reason(error)}") from None
    for file, content in changed.items():
        with whole.beside(file) as part:
            part.write_bytes(content)
            part.replace(file)
    return list(changed)


def _held(file: Path) -> bytes | None:
    """Return the content of a schema that is there; None for no file."""
    if not os.path.lexists(file):
        return None
    try:
        content = files.read_regular(file, _MOST_BYTES)
    except OSError as error:
        raise InputError(f"{file} can't be read: {files.reason(error)}") from None
    if SCHEMA_MARK.encode() not in content:
        raise InputError(f"{file} is no schema of ira_manifests; move it, or name another folder")
    return content
