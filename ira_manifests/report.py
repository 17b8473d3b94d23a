"""What the command line shows people: tables, notes and what to type next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from ira_manifests import env_file, next_steps, terminal
from ira_manifests.folder import UserFiles
from ira_manifests.next_steps import Standing
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import shared_workloads
from ira_manifests.tree import Plan
from ira_manifests.words import visible

if TYPE_CHECKING:
    from rich.table import Table


def stale(out: Path, plan: Plan) -> str:
    """Return what a stale folder lacks and how to mend it."""
    changes = [
        ("missing", plan.created),
        ("changed", plan.updated),
        ("no longer generated", plan.removed),
        ("in the way", plan.blocked),
    ]
    said = ", ".join(f"{len(paths)} {word}" for word, paths in changes if paths)
    move = "".join(
        f"{visible(str(out / path))} was not written by synth: move it away.\n"
        for path in plan.blocked
    )
    mend = "Run synth with the same options, without --check."
    return f"{move}{visible(str(out))} is stale: {said}. {mend}"


def written(out: Path, cells: Sequence[Cell], plan: Plan, users: UserFiles) -> None:
    """Print what a synth did, what it left alone, and the next commands."""
    screen = terminal.console()
    terminal.print_table(screen, _table(plan))
    standing = Standing(out, cells, env_file.filled_in(users.model_config))
    for note in (*_user_notes(out, users), *_left_notes(out, plan), *_shared_notes(cells)):
        screen.print(visible(note), markup=False)
    unserved = next_steps.note(standing)
    if unserved:
        screen.print(f"unserved  {visible(unserved)}", markup=False)
    screen.print("\nNext:", style="bold")
    for step in next_steps.commands(standing):
        screen.print(f"  {visible(step)}", markup=False)


def _table(plan: Plan) -> Table:
    from rich import box
    from rich.table import Table

    groups = {
        "written": Counter(map(_directory, (*plan.created, *plan.updated))),
        "unchanged": Counter(map(_directory, plan.unchanged)),
        "removed": Counter(map(_directory, plan.removed)),
    }
    table = Table(box=box.SIMPLE_HEAD, show_footer=True, pad_edge=False)
    table.add_column("directory", footer="files", overflow="fold")
    for name, counts in groups.items():
        table.add_column(name, justify="right", footer=str(counts.total()), no_wrap=True)
    for directory in sorted(set().union(*groups.values())):
        table.add_row(directory, *(str(counts[directory] or "") for counts in groups.values()))
    return table


def _directory(path: str) -> str:
    return str(PurePosixPath(path).parent)


def _user_notes(out: Path, users: UserFiles) -> Iterator[str]:
    for path in users.created:
        yield f"created   {out / path}: yours to fill in"
    for path in users.updated:
        yield f"edited    {out / path}: only the keys of the command line"
    for path in users.unlinked:
        yield f"note      {out / path} had a second name (a hard link), which keeps the old values"


def _left_notes(out: Path, plan: Plan) -> Iterator[str]:
    for path in plan.left:
        yield f"left      {out / path}: not written by synth"


def _shared_notes(cells: Sequence[Cell]) -> Iterator[str]:
    for name, sharing in shared_workloads(cells).items():
        yield f"one name  {name} in {len(sharing)} cells: the one applied last replaces the others"
