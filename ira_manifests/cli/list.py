"""`list`: the matrix, judged."""

from __future__ import annotations

from pathlib import Path

from ira_manifests.analysis import matrix_summary
from ira_manifests.analysis.matrix_summary import Absent, Row
from ira_manifests.cli import common, documents, list_report
from ira_manifests.cli.question import Question
from ira_manifests.errors import InputError
from ira_manifests.profiles.matrix import Matrices


def command(
    *,
    model_id: str | None,
    source: Path | None,
    revision: str | None,
    gpus: list[str] | None,
    max_model_len: int | None,
    profiles_folder: Path | None,
    environments: list[str] | None,
    namespace: str | None,
    workload_name: str | None,
    as_json: bool,
) -> int:
    """List all cells: the machine of each, and whether its model fits."""
    question = Question(model_id, source, tuple(gpus or ()), max_model_len, revision)
    matrices = common.load_all(
        profiles_folder, environments, workload_name=workload_name, namespace=namespace
    )
    rows, absent = _found(matrices, environments, question)
    if as_json:
        found = {
            "cells": [row.to_json() for row in rows],
            "absent": [vars(pair) for pair in absent],
        }
        documents.say(found)
    else:
        list_report.matrix(rows, absent)
    return 0


def _found(
    matrices: Matrices, environments: list[str] | None, question: Question
) -> tuple[list[Row], list[Absent]]:
    """Return the rows of all cells, or of those of one model, and the pairs without a cell."""
    if question.model_id is None and question.source is None:
        if question.options:
            raise InputError(f"{question.options[0]} needs a model: give its id, ORG/NAME")
        every = common.wanted(matrices, environments)
        absent = [pair for matrix in every for pair in matrix_summary.absent(matrix)]
        rows = [row for matrix in every for row in matrix_summary.rows(matrix)]
        return rows, list(dict.fromkeys(absent))
    from ira_manifests.cli import asking

    answer = asking.ask(common.only(matrices, environments), question)
    return [matrix_summary.row(cell) for cell in answer.cells], list(answer.left_out)
