"""What `synth` prints: a table, notes and the next commands."""

from __future__ import annotations

import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from ira_manifests.cli import next_steps, terminal
from ira_manifests.cli.terminal import BOLD, Fields, Text
from ira_manifests.layout import environment_of
from ira_manifests.messages import visible
from ira_manifests.output.tree import Plan, directory_of, way_out
from ira_manifests.output.user_files import UserFiles
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Selection, shared_workloads

_MOST_LINES = 50  # of one kind
_INDENT = "  "


def stale(out: Path, plan: Plan) -> str:
    """Return how a folder is stale and how to fix it."""
    changes = [
        ("missing", plan.created),
        ("changed", plan.updated),
        ("no longer generated", plan.removed),
        ("empty", plan.hollow),
        ("in the way", plan.blocked),
    ]
    said = ", ".join(f"{len(paths)} {word}" for word, paths in changes if paths)
    blocked = [
        f"{visible(str(out / path))} was not written by synth: {way_out(path)}."
        for path in plan.blocked
    ]
    move = "".join(f"{line}\n" for line in _first(blocked))
    fix = "Run synth with the same options, without --check."
    return f"{move}{visible(str(out))} is stale: {said}. {fix}"


def written(out: Path, selections: Sequence[Selection], plan: Plan, users: UserFiles) -> None:
    """Print what a synth changed, what it did not touch, and the next commands."""
    _say_table(plan)
    standings = next_steps.standings(out, selections, users.model_config)
    shared = dict.fromkeys(note for each in selections for note in _shared_notes(each.cells))
    notes = [*_user_notes(out, users), *_folder_notes(out, plan), *shared]
    lacking = [*next_steps.preconditions(standings)]
    if notes or lacking:
        terminal.say("")
    for note in notes:
        terminal.say(visible(note))
    for missing in lacking:
        terminal.say_wrapped(f"note      {missing}", indent=" " * 10)
    terminal.say_heading("Next:")
    for step in next_steps.of_all(standings):
        for line in step.lines(terminal.columns(sys.stdout) - len(_INDENT)):
            terminal.say(f"{_INDENT}{visible(line)}")


def _first(lines: Sequence[str]) -> Iterator[str]:
    """Yield the first lines of one kind, and how many more there are."""
    yield from lines[:_MOST_LINES]
    if len(lines) > _MOST_LINES:
        yield f"... and {len(lines) - _MOST_LINES} more"


def _say_table(plan: Plan) -> None:
    groups = {
        "written": Counter(map(directory_of, (*plan.created, *plan.updated))),
        "unchanged": Counter(map(directory_of, plan.unchanged)),
        "removed": Counter(map(directory_of, plan.removed)),
    }
    counts = {
        directory: _Files(*(group[directory] for group in groups.values()))
        for directory in sorted(set().union(*groups.values()))
    }
    rows = [_row(name, *(number or "" for number in each)) for name, each in _folded(counts)]
    blank = _row("", *("" for _ in groups))
    files = _row("files", *_together(counts.values()), style=BOLD)
    terminal.say_table([_row("directory", *groups, style=BOLD)], [*rows, blank, files], "<>>>")


class _Files(NamedTuple):
    """How many files of a directory a synth wrote, left as they were, and removed."""

    written: int
    unchanged: int
    removed: int


def _together(found: Iterable[_Files]) -> _Files:
    return _Files(*(sum(column) for column in zip(_Files(0, 0, 0), *found, strict=True)))


def _folded(counts: Mapping[str, _Files]) -> Iterator[tuple[str, _Files]]:
    """Yield the rows of the table: an environment is one.

    The directories that differ in it come below, unless all do, or there are many of them.
    """
    inside: dict[str, dict[str, _Files]] = defaultdict(dict)
    for directory, each in counts.items():
        inside[environment_of(directory) or directory][directory] = each
    differing = {
        name: {directory: each for directory, each in found.items() if each.written or each.removed}
        for name, found in inside.items()
    }
    some = {name for name, found in differing.items() if 0 < len(found) < len(inside[name])}
    told = sum(len(differing[name]) for name in some) <= _MOST_LINES
    for name, found in inside.items():
        if name in found:  # of no environment
            yield name, found[name]
            continue
        of = f"{len(differing[name])} of " if name in some else ""
        noun = "directory" if len(found) == 1 else "directories"
        yield f"{name}: {of}{len(found)} {noun}", _together(found.values())
        if name in some and told:
            for directory, each in differing[name].items():
                yield f"{_INDENT}{directory}", each


def _row(*fields: str | int, style: str = "") -> Fields:
    return [Text(visible(str(field)), style) for field in fields]


def _user_notes(out: Path, users: UserFiles) -> Iterator[str]:
    for path in users.created:
        yield f"created   {out / path}: fill it in"
    for path in users.updated:
        yield f"edited    {out / path}: only the keys that were passed"
    for path in users.unread:
        yield f"left      {out / path}: not read any more"
    for path in users.unlinked:
        yield f"note      {out / path} had another hard link, which keeps the old values"


def _folder_notes(out: Path, plan: Plan) -> Iterator[str]:
    yield from _first([f"removed   {out / path}: an empty folder" for path in plan.hollow])
    yield from _first([f"left      {out / path}: not written by synth" for path in plan.left])


def _shared_notes(cells: Sequence[Cell]) -> Iterator[str]:
    for name, sharing in shared_workloads(cells).items():
        yield f"same name {name} in {len(sharing)} cells: each one applied replaces the one before"
