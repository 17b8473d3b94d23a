"""What the command line shows people: tables, notes and what to type next."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from ira_manifests import env_file, next_steps
from ira_manifests.errors import ProfileError
from ira_manifests.folder import UserFiles
from ira_manifests.next_steps import Standing
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import shared_workloads
from ira_manifests.tree import Plan
from ira_manifests.words import count


def problem_count(error: ProfileError) -> str:
    """Return how many problems there are in how many files."""
    files = len({problem.file for problem in error.problems})
    return (
        f"{count(len(error.problems), 'problem')} in {count(files, 'file')}; nothing was written."
    )


def stale(out: Path, plan: Plan) -> str:
    """Return what a stale folder lacks and how to mend it."""
    changes = [
        ("missing", plan.created),
        ("changed", plan.updated),
        ("no longer generated", plan.removed),
        ("in the way", plan.blocked),
    ]
    said = ", ".join(f"{len(paths)} {word}" for word, paths in changes if paths)
    return f"{out} is stale: {said}. Run synth with the same options, without --check."


@contextlib.contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """Show a bar on a terminal's standard error while directories are rendered."""
    if not sys.stderr.isatty():
        yield lambda _directory: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(20), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total)

        def step(directory: str) -> None:
            bar.update(task, advance=1, description=directory)

        yield step


def written(out: Path, cells: Sequence[Cell], plan: Plan, users: UserFiles) -> None:
    """Print what a synth did, what it left alone, and the next commands."""
    from rich.console import Console

    console = Console(highlight=False, soft_wrap=True)
    console.print(_table(plan))
    standing = Standing(out, cells, env_file.filled_in(users.model_config))
    for note in (*_user_notes(out, users), *_left_notes(out, plan), *_shared_notes(cells)):
        console.print(note, markup=False)
    unserved = next_steps.note(standing)
    if unserved:
        console.print(f"unserved  {unserved}", markup=False)
    console.print("\nNext:", style="bold")
    for step in next_steps.commands(standing):
        console.print(f"  {step}", markup=False)


def _table(plan: Plan) -> object:
    from rich import box
    from rich.table import Table

    groups = {
        "written": Counter(map(_directory, (*plan.created, *plan.updated))),
        "unchanged": Counter(map(_directory, plan.unchanged)),
        "removed": Counter(map(_directory, plan.removed)),
    }
    table = Table("directory", box=box.SIMPLE_HEAD, show_footer=True, pad_edge=False)
    table.columns[0].footer = "files"
    for name, counts in groups.items():
        table.add_column(name, justify="right", footer=str(counts.total()))
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


def _left_notes(out: Path, plan: Plan) -> Iterator[str]:
    for path in plan.left:
        yield f"left      {out / path}: not written by synth"


def _shared_notes(cells: Sequence[Cell]) -> Iterator[str]:
    for name, sharing in shared_workloads(cells).items():
        yield f"one name  {name} in {len(sharing)} cells: the one applied last replaces the others"
