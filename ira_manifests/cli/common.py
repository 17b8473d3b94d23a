"""What the commands share: options, exit codes, and how an error becomes one message."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ira_manifests import report
from ira_manifests.errors import InputError, IraError, ProfileError, did_you_mean, one_of
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix

if TYPE_CHECKING:
    from ira_manifests.directory import Directory

FINDINGS = 1
BAD_INPUT = 2
_INTERRUPTED = 130

Out = Annotated[Path, typer.Option("--out", "-o", help="Folder of the output.", metavar="FOLDER")]
ProfilesFolder = Annotated[
    Path | None,
    typer.Option(
        "--profiles",
        "-p",
        metavar="FOLDER",
        help="Folder of the profiles. [default: ./profiles, else the packaged copy]",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="GPU/MODEL",
        help="This cell only, such as h100/llama3 or 'h100/*'. Repeatable.",
    ),
]
Namespace = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="Namespace of all objects. [default: the kubectl context's]"),
]
WorkloadName = Annotated[
    str | None,
    typer.Option(
        metavar="TEMPLATE",
        help="Name of the Deployments, such as vllm-{gpu}-{model} to run several models of one "
        "GPU type side by side. [default: vllm-{gpu}]",
    ),
]


@contextlib.contextmanager
def errors_are_one_message() -> Iterator[None]:
    """Turn what a user got wrong into a message on standard error and exit code 2."""
    try:
        yield
    except ProfileError as error:
        typer.echo(str(error), err=True)
        typer.echo(report.problem_count(error), err=True)
        raise typer.Exit(BAD_INPUT) from None
    except IraError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(BAD_INPUT) from None
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise typer.Exit(_INTERRUPTED) from None
    except BrokenPipeError:  # the reader of a pipe has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(FINDINGS) from None


def chosen(matrix: Matrix, patterns: list[str] | None) -> list[Cell]:
    """Return the cells that the patterns of --only name; without patterns, all."""
    if not patterns:
        return list(matrix.values())
    by_name = {"/".join(key): cell for key, cell in matrix.items()}
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in by_name):
            raise InputError(
                f"--only {pattern!r} names no cell of the matrix; it has {one_of(by_name)}"
                f"{did_you_mean(pattern, by_name)}"
            )
    return [
        cell
        for name, cell in by_name.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    ]


def render(matrix: Matrix, cells: list[Cell]) -> tuple[Directory, ...]:
    """Render the directories of the cells, with a bar on a terminal. Starts Node.js."""
    from ira_manifests.synth import render as render_directories

    directories = 1 + sum(len(cell.directories) for cell in cells)
    with report.progress(directories) as step:
        return render_directories(matrix, cells, step)
