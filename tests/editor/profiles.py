"""Texts of profiles as an editor has them: with the line that names their schema."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import NamedTuple

from ira_manifests.profile_files import KINDS, modeline


class Shown(NamedTuple):
    """A text, and how many lines it has before the profile's own."""

    text: str
    above: int


def kind_of(path: str) -> str | None:
    """Return the kind of the profile at a path in a folder of profiles."""
    fitting = (
        kind for kind, form in KINDS.items() if PurePosixPath(path).match(form.replace("NAME", "*"))
    )
    return next(fitting, None)


def shown(path: str, text: str) -> Shown:
    """Return the text of a profile with the line that names its schema."""
    kind = kind_of(path)
    assert kind is not None, path
    line = modeline(kind)
    return Shown(text, 0) if text.startswith(line) else Shown(f"{line}\n{text}", 1)
