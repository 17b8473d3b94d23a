"""`Source`: a profile's file with the places of its values, for problems and explanations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ira_manifests.errors import Problem
from ira_manifests.profiles.yaml_source import Document, Path, dotted


class At(NamedTuple):
    """The place of a value: its file, and in that its line, its column and its path."""

    file: str
    line: int
    column: int
    path: Path


class Overlaid(NamedTuple):
    """The part of a document that is another file's."""

    file: str
    above: Path
    """Where that file has what is laid over the document."""
    paths: frozenset[Path]
    """The paths in the document whose values are that file's, or are removed by it."""


@dataclass(frozen=True)
class Source:
    """One profile: its file's name in messages, and the places of its values.

    With `overlaid`, an environment's file decides some of the values.
    """

    file: str
    document: Document
    overlaid: Overlaid | None = None

    def at(self, path: Path, *, at_key: bool = False) -> At:
        """Return the place of the value at `path`, or of its key."""
        place = self.document.keys.get(path) if at_key else None
        line, column = place or self.document.place(path)
        over = self.overlaid
        if over is not None and self.document.known(path) in over.paths:
            return At(over.file, line, column, (*over.above, *path))
        return At(self.file, line, column, path)

    def problem(self, path: Path, message: str, *, at_key: bool = False) -> Problem:
        """Return a problem at the value of `path`, or at its key."""
        at = self.at(path, at_key=at_key)
        return Problem(at.file, at.line, at.column, dotted(at.path), message)
