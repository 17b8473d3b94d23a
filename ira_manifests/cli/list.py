"""`list`: the matrix, judged."""

from __future__ import annotations

from pathlib import Path

from ira_manifests import listing, report_list, terminal
from ira_manifests.cli import common


def command(
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
        import json

        found = {
            "cells": [row.to_json() for row in rows],
            "absent": [vars(pair) for pair in absent],
        }
        terminal.say(json.dumps(found, indent=2))
    else:
        report_list.matrix(rows, absent)
    return 0
