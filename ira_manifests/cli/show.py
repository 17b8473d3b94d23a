"""`list` and `explain`: the matrix and its values, judged.

Node.js starts only for a field of a manifest that no profile decides.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ira_manifests import listing, provenance, report, report_cells
from ira_manifests.cli import common
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.provenance import Value


def list_command(
    profiles_folder: common.ProfilesFolder = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the matrix: what each cell runs on, and whether it fits.

    Below it stand the pairs of GPU type and model that are not in the matrix, and why.
    """
    matrix = common.load(profiles_folder)
    rows, absent = listing.rows(matrix), list(listing.absent(matrix))
    if as_json:
        found = {
            "cells": [row.to_json() for row in rows],
            "absent": [vars(pair) for pair in absent],
        }
        report.say(json.dumps(found, indent=2))
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
    matrix = common.load(profiles_folder)
    cell = matrix[gpu, model]
    if field is not None:
        report_cells.value(_value(matrix, cell, field))
    else:
        report_cells.explained(cell, provenance.values(matrix, cell))


def _value(matrix: Matrix, cell: Cell, field: str) -> Value:
    """Return the value of one field; a field that no profile decides must be rendered."""
    known = provenance.values(matrix, cell)
    found = provenance.find(known, field)
    if found is not None:
        return found
    objects = [
        item
        for directory in common.render(matrix, [cell])
        if directory.cell
        for item in directory.objects.values()
    ]
    return provenance.find_rendered(known, objects, field)
