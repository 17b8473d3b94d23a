"""Tables of what each release of vLLM has: a text for each name, in ranges of releases.

Those in this package have the releases of options.json, and positions are those of its releases.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Run(NamedTuple):
    """A range of releases, as positions in the table, in which a name has one text."""

    text: str
    first: int
    last: int


class ReleaseTable(NamedTuple):
    """A table's releases, oldest first, and the runs of each name."""

    releases: tuple[str, ...]
    runs: Mapping[str, tuple[Run, ...]]


def read(file: str, section: str) -> ReleaseTable:
    """Read a table beside this module. `section`: the key that has the names."""
    data = json.loads(Path(__file__).with_name(file).read_text("utf-8"))
    known = tuple(data["releases"])
    return ReleaseTable(known, runs_of(data[section], known))


def runs_of(
    section: Mapping[str, Sequence[str]], known: Sequence[str]
) -> dict[str, tuple[Run, ...]]:
    """Parse the text that each name has in a range of releases: `--x: ["taken 0.8.4-0.16.0"]`."""
    return {
        name: tuple(Run(text, *between(where, known)) for text, where in map(split, listed))
        for name, listed in section.items()
    }


def texts_at(runs: Mapping[str, tuple[Run, ...]], place: int) -> dict[str, str]:
    """Return the texts of one release."""
    return {
        name: run.text
        for name, listed in runs.items()
        for run in listed
        if run.first <= place <= run.last
    }


def split(text: str) -> tuple[str, str]:
    """Split `taken 0.8.4-0.16.0` into the text and the range of releases."""
    head, _, where = text.rpartition(" ")
    return head, where


def between(text: str, known: Sequence[str]) -> tuple[int, int]:
    """Return the first and the last position of a range; an open end is the newest release."""
    first, _, last = text.partition("-")
    return known.index(first), known.index(last) if last else len(known) - 1
