"""`check`: what would go wrong, before it is applied."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from ira_manifests import formats, terminal
from ira_manifests.cli import common
from ira_manifests.errors import ProfileError
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.rules import cells as cell_rules
from ira_manifests.rules import run as rules
from ira_manifests.rules.catalogue import BAD_INPUT
from ira_manifests.rules.finding import Finding, distinct, of_problem
from ira_manifests.words import count


def command(
    *,
    out: Path,
    profiles_folder: Path | None,
    only: list[str] | None,
    namespace: str | None,
    workload_name: str | None,
    output_format: str,
    profiles_only: bool,
) -> int:
    """Check profiles, cells, rendered objects, and whether the output is stale."""
    try:
        matrix = common.load(profiles_folder, workload_name=workload_name, namespace=namespace)
    except ProfileError as error:
        if output_format != "text":  # whoever parses the output needs a whole one
            _print([of_problem(problem) for problem in error.problems], output_format, cells=0)
        raise
    cells = common.chosen(matrix, only)
    findings = rules.check_cells(matrix, cells)
    if profiles_only:
        findings = rules.apply_waivers(matrix, cells, findings, cell_rules.IDS)
    else:
        findings += _rendered(matrix, cells, out, partial=bool(only))
        findings = rules.apply_waivers(matrix, cells, findings)
    findings = distinct(findings)
    _print(findings, output_format, len(cells))
    if any(finding.rule_id == BAD_INPUT.id for finding in findings):
        return common.BAD_INPUT
    return common.FINDINGS if any(finding.refuses for finding in findings) else 0


def _rendered(matrix: Matrix, cells: list[Cell], out: Path, *, partial: bool) -> list[Finding]:
    from ira_manifests import folder, tree
    from ira_manifests.rules import judge

    seen = common.rendered(matrix, cells, out)
    files = {each.name: each.files for each in seen}
    plan = tree.compare(tree.tree_of(files), folder.look(out, files), partial=partial)
    return [
        *judge.check_seen(seen, out),
        *judge.check_output(out, plan),
        *_users_files(out, matrix),
    ]


def _users_files(out: Path, matrix: Matrix) -> Iterator[Finding]:
    """Look at what the user wrote into base/: of the token at its shape only."""
    from ira_manifests import folder
    from ira_manifests.rules import model_config, token_file

    config = folder.model_config(out)
    if config is not None:
        served = dict.fromkeys(matrix.profiles.known_model_ids, "is the known id")
        for cell in reversed(list(matrix.values())):  # of several cells the first is named
            served[cell.model.model_id] = f"{cell.directory} serves"
        yield from model_config.check(str(folder.config_path(out)), config, served)
    token = folder.token_file(out)
    if token is not None:
        yield from token_file.check(str(folder.token_path(out)), token)


def _print(findings: list[Finding], output_format: str, cells: int) -> None:
    show = formats.formatter(output_format, colour=terminal.colourful(sys.stdout))
    shown = show(findings)
    if shown:
        terminal.say(shown)
    if output_format == "text":
        errors = sum(finding.refuses for finding in findings)
        summary = f"{count(errors, 'error')}, {count(len(findings) - errors, 'warning')}"
        terminal.say(f"{count(cells, 'cell')} checked: {summary}.")
