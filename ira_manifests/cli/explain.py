"""`explain`: the values of a cell, or of the download, with their sources; or a rule's page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ira_manifests.cli import common, explain_report
from ira_manifests.provenance import explained
from ira_manifests.provenance.explained import ExplainedDirectory, Value


def command(
    *,
    rule: str | None,
    download: bool,
    words: Sequence[str],
    field: str | None,
    profiles_folder: Path | None,
    namespace: str | None,
    workload_name: str | None,
) -> int:
    """Explain a cell (its memory, limits and sources of values), the download or a rule."""
    if rule is not None:
        _say_rule(rule)
        return 0
    matrix = common.load(profiles_folder, workload_name=workload_name, namespace=namespace)
    if download:
        directory = explained.model_download(matrix)
        if field is None:
            explain_report.directory(directory)
        else:
            _say_field(field, [directory], directory.values)
        return 0
    from ira_manifests.cli import cell_names

    (gpu, model), field = cell_names.pair_and_field(matrix, words)
    known = gpu in matrix.profiles.gpus and model in matrix.profiles.models
    if known and (gpu, model) not in matrix and field is None:
        from ira_manifests.analysis import matrix_summary

        explain_report.absent(
            matrix_summary.Absent(gpu, model, matrix_summary.why(matrix, gpu, model))
        )
        return 0
    cell = matrix[gpu, model]
    directories = explained.directories(matrix, cell)
    values = explained.values(directories)
    if field is None:
        explain_report.explained(cell, values)
    else:
        _say_field(field, directories, values)
    return 0


def _say_field(
    field: str, directories: Sequence[ExplainedDirectory], values: Sequence[Value]
) -> None:
    named = [value for value in values if value.name == field]
    if named:
        explain_report.value(named[0])
    else:
        from ira_manifests.provenance import field_lookup

        explain_report.answers(field, field_lookup.find(directories, field))


def _say_rule(rule: str) -> None:
    from ira_manifests.rules import catalogue

    explain_report.rule(catalogue.get(rule))
