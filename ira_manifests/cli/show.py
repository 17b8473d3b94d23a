"""`list` and `explain`: the matrix and its values, judged.

Node.js starts only for a field of a manifest, and for no value that `explain` names itself.
"""

from __future__ import annotations

import json
from pathlib import Path

from ira_manifests import listing, provenance, provenance_fields, report_cells, terminal
from ira_manifests.cli import common
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.provenance_fields import Held


def list_command(
    *,
    profiles_folder: Path | None,
    namespace: str | None,
    workload_name: str | None,
    as_json: bool,
) -> int:
    """Show the matrix: what each cell runs on, and whether it fits."""
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
    return 0


def explain_command(
    *,
    gpu: str,
    model: str,
    field: str | None,
    profiles_folder: Path | None,
    namespace: str | None,
    workload_name: str | None,
) -> int:
    """Explain a cell: where its memory goes, what limits it, where each value comes from."""
    matrix = common.load(profiles_folder, workload_name=workload_name, namespace=namespace)
    known = gpu in matrix.profiles.gpus and model in matrix.profiles.models
    if known and (gpu, model) not in matrix and field is None:
        report_cells.absent(listing.Absent(gpu, model, listing.why(matrix, gpu, model)))
        return 0
    cell = matrix[gpu, model]
    values = provenance.values(matrix, cell)
    if field is None:
        report_cells.explained(cell, values)
        return 0
    named = [value for value in values if value.name == field]
    if named:
        report_cells.value(named[0])
    else:
        report_cells.answers(field, provenance_fields.find(_held(matrix, cell), field))
    return 0


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
