"""`explain`: the values of a cell, judged and with their sources; or the page of a rule.

Node.js starts only for a field of a manifest, and for no value that `explain` names itself.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ira_manifests.analysis import provenance
from ira_manifests.cli import common, explain_report
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix

if TYPE_CHECKING:
    from ira_manifests.analysis.field_lookup import Answer
    from ira_manifests.analysis.provenance import Value
    from ira_manifests.output.directory import Directory


def command(
    *,
    rule: str | None,
    gpu: str,
    model: str,
    field: str | None,
    profiles_folder: Path | None,
    namespace: str | None,
    workload_name: str | None,
) -> int:
    """Explain a cell (where its memory goes, what limits it, where values come from) or a rule."""
    if rule is not None:
        _say_rule(rule)
        return 0
    matrix = common.load(profiles_folder, workload_name=workload_name, namespace=namespace)
    known = gpu in matrix.profiles.gpus and model in matrix.profiles.models
    if known and (gpu, model) not in matrix and field is None:
        from ira_manifests.analysis import matrix_summary

        explain_report.absent(
            matrix_summary.Absent(gpu, model, matrix_summary.why(matrix, gpu, model))
        )
        return 0
    cell = matrix[gpu, model]
    values = provenance.values(matrix, cell)
    if field is None:
        explain_report.explained(cell, values)
        return 0
    named = [value for value in values if value.name == field]
    if named:
        explain_report.value(named[0])
    else:
        explain_report.answers(field, _found(matrix, cell, field, values))
    return 0


def _say_rule(rule: str) -> None:
    from ira_manifests.rules import registry

    explain_report.rule(registry.get(rule))


def _found(matrix: Matrix, cell: Cell, field: str, known: list[Value]) -> list[Answer]:
    """Render the directories of a cell, and find the field. `known`: what profiles decide."""
    from ira_manifests.analysis.field_lookup import Held, find

    values = {"kind": "ConfigMap", "data": cell.runtime_values}
    held = [
        Held(
            directory.name,
            [*directory.objects.values(), values],
            provenance.within(known, queued=directory.name == cell.queued_directory),
        )
        for directory in _directories(matrix, cell)
    ]
    return find(held, field)


def _directories(matrix: Matrix, cell: Cell) -> list[Directory]:
    from ira_manifests.layout import BASE, MODEL_DOWNLOAD, TOP
    from ira_manifests.nodejs import boot

    with boot.explained():
        from ira_manifests.render import render

        return list(render(matrix, [cell], known=(TOP, BASE, MODEL_DOWNLOAD)))
