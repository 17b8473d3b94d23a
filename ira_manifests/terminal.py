"""Standard output and standard error: lines, tables, colours, a bar. Imports next to nothing."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, TextIO

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
