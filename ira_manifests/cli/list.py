"""`list`: the matrix, judged."""

from __future__ import annotations

from pathlib import Path

from ira_manifests.analysis import matrix_summary
from ira_manifests.cli import common, list_report, terminal
from ira_manifests.errors import IraError


def command(
    *,
    profiles_folder: Path | None,
    namespace: str | None,
    workload_name: str | None,
    as_json: bool,
) -> int:
    """List all cells: the machine of each, and whether its model fits."""
    try:
        matrix = common.load(profiles_folder, workload_name=workload_name, namespace=namespace)
    except IraError as error:
        if as_json:
            _print_problems(error)
        raise
    rows, absent = matrix_summary.rows(matrix), list(matrix_summary.absent(matrix))
    if as_json:
        import json

        found = {
            "cells": [row.to_json() for row in rows],
            "absent": [vars(pair) for pair in absent],
        }
        terminal.say(json.dumps(found, indent=2))
    else:
        list_report.matrix(rows, absent)
    return 0


def _print_problems(error: IraError) -> None:
    """Print an error as a JSON document, for whoever parses the output."""
    import json

    from ira_manifests.cli import formats
    from ira_manifests.rules.bad_input import bad_input

    problems = [formats.to_json(finding) for finding in bad_input(error)]
    terminal.say(json.dumps({"problems": problems}, indent=2))
