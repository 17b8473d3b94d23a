"""`list` and `explain`: the matrix and its values, judged.

Node.js starts only for a field of a manifest, and for no value that `explain` names itself.
"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from ira_manifests import listing, provenance, provenance_fields, report_cells, terminal
from ira_manifests.cli import common
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.provenance_fields import Held


def list_command(
    profiles_folder: common.ProfilesFolder = None,
    namespace: common.Namespace = None,
    workload_name: common.WorkloadName = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show the matrix: what each cell runs on, and whether it fits.

    Below it stand the pairs of GPU type and model that are not in the matrix, and why.
    """
    matrix = common.load(profiles_folder, workload_name=workload_name, namespace=namespace)
    rows, absent = listing.rows(matrix), list(listing.absent(matrix))
    if as_json:
        found = {
            "cells": [row.to_json() for row in rows],
            "absent": [vars(pair) for pair in absent],
        }
        terminal.say(json.dumps(found, indent=2))
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
    namespace: common.Namespace = None,
    workload_name: common.WorkloadName = None,
) -> None:
    """Explain a cell: where its memory goes, what limits it, where each value comes from."""
    matrix = common.load(profiles_folder, workload_name=workload_name, namespace=namespace)
    known = gpu in matrix.profiles.gpus and model in matrix.profiles.models
    if known and (gpu, model) not in matrix and field is None:
        report_cells.absent(listing.Absent(gpu, model, listing.why(matrix, gpu, model)))
        return
    cell = matrix[gpu, model]
    values = provenance.values(matrix, cell)
    if field is None:
        report_cells.explained(cell, values)
        return
    named = [value for value in values if value.name == field]
    if named:
        report_cells.value(named[0])
    else:
        report_cells.answers(field, provenance_fields.find(_held(matrix, cell), field))


def _held(matrix: Matrix, cell: Cell) -> list[Held]:
    """Render the directories of a cell, with the values that profiles decide in each."""
    known = provenance.values(matrix, cell)
    values = {"kind": "ConfigMap", "data": cell.runtime_values}
    return [
        Held(
            directory.name,
            [*directory.objects.values(), values],
            provenance.within(known, queued=directory.name == cell.queued_directory),
        )
        for directory in common.render(matrix, [cell])
        if directory.cell
    ]
