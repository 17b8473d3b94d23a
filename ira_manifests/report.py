"""What the command line shows people: tables, notes and what to type next."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, TextIO

from ira_manifests import env_file, next_steps
from ira_manifests.errors import ProfileError
from ira_manifests.folder import UserFiles
from ira_manifests.next_steps import Standing
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import shared_workloads
from ira_manifests.tree import Plan
from ira_manifests.words import count, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

# What the numbers of a table need, and some letters of a name.
_NARROWEST = 64


def say(text: str) -> None:
    """Print lines on standard output."""
    sys.stdout.write(f"{text}\n")


def complain(text: str) -> None:
    """Print lines on standard error."""
    sys.stderr.write(f"{text}\n")


def colourful(stream: TextIO) -> bool:
    """Tell whether a stream wants colours: https://no-color.org."""
    return stream.isatty() and not os.environ.get("NO_COLOR")


def console(stream: TextIO | None = None) -> Console:
    """Return the one kind of console that tables and notes are printed on."""
    from rich.console import Console

    return Console(file=stream or sys.stdout, highlight=False, soft_wrap=True)


def print_table(screen: Console, table: Table) -> None:
    """Print a table; in a narrow terminal names go on in the next line, and nothing is cut off."""
    if screen.width < _NARROWEST:
        table.width = _NARROWEST
    screen.print(table)


def problem_count(error: ProfileError) -> str:
    """Return how many problems there are in how many files."""
    files = len({problem.file for problem in error.problems})
    return f"{count(len(error.problems), 'problem')} in {count(files, 'file')}."


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


@contextlib.contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """Show a bar on a terminal's standard error while directories are rendered."""
    if not sys.stderr.isatty():
        yield lambda _directory: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (BarColumn(20), MofNCompleteColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console(sys.stderr), transient=True) as bar:
        task = bar.add_task("", total=total)

        def step(directory: str) -> None:
            bar.update(task, advance=1, description=directory)

        yield step


def written(out: Path, cells: Sequence[Cell], plan: Plan, users: UserFiles) -> None:
    """Print what a synth did, what it left alone, and the next commands."""
    screen = console()
    print_table(screen, _table(plan))
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
