"""`list` and `explain`: the matrix and its values, judged. Neither starts Node.js."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ira_manifests import explain, listing, profiles, report_cells
from ira_manifests.cli import common


def list_command(
    profiles_folder: common.ProfilesFolder = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the matrix: what each cell runs on, and whether it fits.

    Below it stand the pairs of GPU type and model that are not in the matrix, and why.
    """
    with common.errors_are_one_message():
        matrix = profiles.load_matrix(profiles_folder)
        rows, absent = listing.rows(matrix), list(listing.absent(matrix))
        if as_json:
            found = {
                "cells": [row.to_json() for row in rows],
                "absent": [vars(pair) for pair in absent],
            }
            typer.echo(json.dumps(found, indent=2, ensure_ascii=False))
        else:
            report_cells.matrix(rows, absent)


def explain_command(
    gpu: Annotated[str, typer.Argument(metavar="GPU", help="GPU type, such as h100.")],
    model: Annotated[str, typer.Argument(metavar="MODEL", help="Model, such as llama3.")],
    field: Annotated[
        str | None,
        typer.Argument(
            metavar="[FIELD]",
            help="One value, by its name or the path of its field in the manifest.",
        ),
    ] = None,
    profiles_folder: common.ProfilesFolder = None,
) -> None:
    """Explain a cell: where its memory goes, what limits it, where each value comes from."""
    with common.errors_are_one_message():
        matrix = profiles.load_matrix(profiles_folder)
        cell = matrix[gpu, model]
        if field is not None:
            report_cells.value(explain.value_of(matrix, cell, field))
        else:
            report_cells.explained(cell, explain.values(matrix, cell))
