"""Edits of the user's profiles: reads a file, shows what changes in it, and replaces it."""

from __future__ import annotations

import contextlib
import difflib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ira_manifests import files
from ira_manifests.cli import terminal, whole
from ira_manifests.errors import InputError, OutputError
from ira_manifests.messages import visible
from ira_manifests.profiles.yaml_source import MAX_BYTES


class Edit(NamedTuple):
    """A file, and its content before and after."""

    file: Path
    before: bytes
    after: bytes


def read(file: Path) -> bytes:
    """Return the content of a profile. Raises InputError if it can't be read."""
    try:
        return files.read_regular(file, MAX_BYTES)
    except OSError as error:
        raise InputError(f"{file} can't be read: {files.reason(error)}") from None


def say_diff(file: Path, before: bytes, after: bytes) -> None:
    """Print what changes in a file."""
    old, new = (each.decode("utf-8-sig").splitlines() for each in (before, after))
    for line in difflib.unified_diff(old, new, str(file), f"{file} (updated)", lineterm=""):
        terminal.say(visible(line))


def replace(file: Path, before: bytes, after: bytes) -> None:
    """Give a file, or what a link leads to, another content: whole, or not at all.

    Raises OutputError if it can't be written, or if its content is no longer `before`.
    """
    target = Path(os.path.realpath(file))
    with whole.beside(target, name=file) as part:
        part.write_bytes(after)
        part.chmod(target.stat().st_mode & 0o7777)
        if read(file) != before:
            raise OutputError(f"{file} was changed by another program meanwhile; run this again")
        part.replace(target)


def replace_all(edits: Sequence[Edit]) -> None:
    """Replace several files as `replace` does; if one can't be, put the others back."""
    done: list[Edit] = []
    try:
        for edit in edits:
            replace(*edit)
            done.append(edit)
    except BaseException:
        for file, before, after in reversed(done):
            with contextlib.suppress(OutputError, InputError):
                replace(file, after, before)
        raise
