"""The command line: parse, call, print, exit. 0 is fine, 1 is findings, 2 is bad input."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated

import typer

from ira_manifests import folder, names, profiles, report, terraform, tree
from ira_manifests.errors import (
    InputError,
    IraError,
    OutputError,
    ProfileError,
    did_you_mean,
    one_of,
)
from ira_manifests.profiles.matrix import Cell, Matrix

FINDINGS = 1
BAD_INPUT = 2
_INTERRUPTED = 130

app = typer.Typer(
    help="GPU × model profiles to the exact kustomize directories that serve open models on GKE.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80},
)


def _version(asked: bool) -> None:
    if asked:
        from ira_manifests import __version__

        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def _main(
    _: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    pass


@contextlib.contextmanager
def _errors_are_one_message() -> Iterator[None]:
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


@app.command()
def synth(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder to write to.", metavar="FOLDER")
    ] = Path("dist"),
    profiles_folder: Annotated[
        Path | None,
        typer.Option(
            "--profiles",
            "-p",
            metavar="FOLDER",
            help="Folder of the profiles. [default: ./profiles, else the packaged copy]",
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="GPU/MODEL",
            help="Write this cell only, such as h100/llama3 or 'h100/*'. Repeatable.",
        ),
    ] = None,
    bucket: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Set the model's bucket in base/ira-model-config.env."),
    ] = None,
    terraform_output: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|-",
            help=f"Take the bucket from: terraform output -json {terraform.OUTPUT}",
        ),
    ] = None,
    model_id: Annotated[
        str | None,
        typer.Option(
            metavar="ORG/NAME",
            help="Set the model to download in base/ira-model-config.env.",
        ),
    ] = None,
    namespace: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Namespace of all objects. [default: the kubectl context's]"
        ),
    ] = None,
    workload_name: Annotated[
        str | None,
        typer.Option(
            metavar="TEMPLATE",
            help="Name of the Deployments, such as vllm-{gpu}-{model} to run several models of "
            "one GPU type side by side. [default: vllm-{gpu}]",
        ),
    ] = None,
    check: Annotated[
        bool,
        typer.Option("--check", help="Write nothing; show a diff and exit with 1 when stale."),
    ] = False,
) -> None:
    """Write the kustomize directories of the matrix."""
    with _errors_are_one_message():
        matrix = profiles.load_matrix(
            profiles_folder, workload_name=workload_name, namespace=namespace
        )
        cells = _chosen(matrix, only or [])
        values = _config_values(matrix, bucket, terraform_output, model_id)
        if check and values:
            raise InputError("--check writes nothing, so it takes no --bucket and no --model-id")
        rendered = _render(matrix, cells)
        found = folder.look(out, rendered)
        plan = tree.compare(rendered, found, partial=bool(only))
        if check:
            _check(out, rendered, found, plan)
        else:
            users = folder.write(out, rendered, plan, values)
            report.written(out, matrix, cells, plan, users)


def _check(out: Path, rendered: tree.Tree, found: tree.Found, plan: tree.Plan) -> None:
    for line in tree.diff(rendered, found, plan):
        typer.echo(line)
    if plan.stale:
        typer.echo(report.stale(out, plan), err=True)
        raise typer.Exit(FINDINGS)
    typer.echo(f"{out} is up to date: {len(plan.unchanged)} files.")


def _render(matrix: Matrix, cells: list[Cell]) -> tree.Tree:
    from ira_manifests.synth import synth as render  # starts Node.js

    directories = 1 + sum(len(cell.directories) for cell in cells)
    with report.progress(directories) as step:
        return render(matrix, cells, step)


def _chosen(matrix: Matrix, patterns: list[str]) -> list[Cell]:
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


def _config_values(
    matrix: Matrix, bucket: str | None, terraform_output: str | None, model_id: str | None
) -> dict[str, str]:
    """Return the keys of base/ira-model-config.env that the command line names."""
    if bucket is not None and terraform_output is not None:
        raise InputError("--bucket and --terraform-output both name the bucket; give one of them")
    if terraform_output is not None:
        text, source = _read_text(terraform_output)
        bucket = terraform.model_bucket(text, matrix.platform.bucket_suffix, source)
    values = {}
    if bucket is not None:
        _refuse(f"the bucket {bucket!r}", names.check_bucket(bucket))
        values["IRA_BUCKET_NAME"] = bucket
    if model_id is not None:
        _refuse(f"the model id {model_id!r}", names.check_hub_id(model_id))
        _refuse(f"the model id {model_id!r}", _differs_in_case(matrix, model_id))
        values["MODEL_ID"] = model_id
    return values


def _refuse(what: str, problem: str | None) -> None:
    if problem:
        raise InputError(f"{what} {problem}")


def _differs_in_case(matrix: Matrix, model_id: str) -> str | None:
    """The folder in the bucket has the id's case, and the server looks for its own."""
    for cell in matrix.values():
        served = cell.model.model_id
        if served.casefold() == model_id.casefold() and served != model_id:
            return f"differs in case from {served!r}, which {cell.directory} serves; use that one"
    return None


def _read_text(path: str) -> tuple[str, str]:
    source = "standard input" if path == "-" else path
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return content.decode("utf-8-sig"), source
    except OSError as error:
        raise OutputError(f"{source} can't be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(f"{source} is not UTF-8 text") from None
