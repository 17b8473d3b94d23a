"""`check`: what would go wrong, before it is applied."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from ira_manifests.cli import common, formats, terminal
from ira_manifests.errors import IraError, OutputError
from ira_manifests.layout import LINKS
from ira_manifests.messages import count
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.rules import waivers
from ira_manifests.rules.bad_input import bad_input
from ira_manifests.rules.catalogue import BAD_INPUT
from ira_manifests.rules.cells.subjects import CELL
from ira_manifests.rules.check_cells import check_cells
from ira_manifests.rules.finding import Finding, distinct, unreadable


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
        cells = common.chosen(matrix, only)
    except IraError as error:
        if output_format != "text":
            tell(error, output_format)
        raise
    findings, failure = check_cells(matrix, cells), None
    if profiles_only:
        findings = waivers.apply(matrix, cells, findings, CELL.ids)
    else:
        try:
            # What is found before an error stays found.
            findings.extend(_on_disk(matrix, cells, out, partial=bool(only)))
            findings = waivers.apply(matrix, cells, findings)
        except IraError as error:
            failure = error
            findings = waivers.apply(matrix, cells, findings, CELL.ids)
    findings = distinct(findings)
    if failure is not None and output_format != "text":
        findings += bad_input(failure)
    if output_format in ("github", "sarif"):
        findings = [replace(item, file=_in_git(item.file, out)) for item in findings]
    _print(findings, output_format, len(cells))
    if failure is not None:
        raise failure
    if any(finding.rule_id == BAD_INPUT for finding in findings):
        return common.BAD_INPUT
    return common.FINDINGS if any(finding.refuses for finding in findings) else 0


def tell(error: IraError, output_format: str) -> None:
    """Print an error as a whole document, for whoever parses the output."""
    _print(list(bad_input(error)), output_format, cells=0)


def _on_disk(matrix: Matrix, cells: list[Cell], out: Path, *, partial: bool) -> Iterator[Finding]:
    from ira_manifests.output import folder, tree
    from ira_manifests.rules import check_objects

    yield from _users_files(out, matrix)
    seen = common.rendered(matrix, cells, out)
    yield from check_objects.check_seen(seen, out)
    files = {each.name: each.files for each in seen}
    plan = tree.compare(tree.tree_of(files, LINKS), folder.look(out, files), partial=partial)
    yield from check_objects.check_output(out, plan)


def _users_files(out: Path, matrix: Matrix) -> Iterator[Finding]:
    """Look at what the user wrote into base/: of the token at its shape only."""
    from ira_manifests.output import folder
    from ira_manifests.rules import check_user_files as rules

    check_config = partial(rules.check_model_config, ids=rules.ids_of(matrix))
    for path, read, check in (
        (folder.config_path(out), folder.model_config, check_config),
        (folder.token_path(out), folder.token_file, rules.check_token_file),
    ):
        try:
            content = read(out)
        except OutputError as error:
            yield unreadable(str(path), str(error), "make it a text file, or remove it")
            continue
        if content is not None:
            yield from check(str(path), content)


def _in_git(file: str, out: Path) -> str:
    """Return the path by which Git knows a file, which is none below a link."""
    for link, target in LINKS.items():
        inside = file.removeprefix(f"{out / link}/")
        if inside != file and (out / link).is_symlink():
            return str(out / target / inside)
    return file


def _print(findings: list[Finding], output_format: str, cells: int) -> None:
    stream = sys.stdout
    colour, columns = terminal.colourful(stream), terminal.width(stream)
    show = formats.formatter(output_format, colour=colour, columns=columns)
    shown = show(findings)
    if shown:
        terminal.say(shown)
    if output_format == "text":
        errors = sum(finding.refuses for finding in findings)
        summary = f"{count(errors, 'error')}, {count(len(findings) - errors, 'warning')}"
        terminal.say(f"{count(cells, 'cell')} checked: {summary}.")
