"""All rules over a matrix and its directories, waivers applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ira_manifests.directory import RUNTIME_CONFIG, Directory
from ira_manifests.profiles import yaml_source
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.yaml_source import START, Place
from ira_manifests.rules import cells, objects, platform, queue, workloads
from ira_manifests.rules.catalogue import RULES
from ira_manifests.rules.finding import Finding, found
from ira_manifests.rules.workloads import Hit
from ira_manifests.tree import Plan


def check_cells(matrix: Matrix, chosen: Iterable[Cell]) -> list[Finding]:
    """Return what the rules of cells find, before waivers. Nothing is rendered."""
    return [
        *platform.check(matrix),
        *(item for cell in chosen for item in cells.check(matrix, cell)),
    ]


def check_directory(directory: Directory, out: Path) -> list[Finding]:
    """Return what the rules of objects find in a rendered directory, before waivers."""
    rules = (workloads.check, workloads.unmatched_targets, queue.check, objects.check)
    hits = [hit for rule in rules for hit in rule(directory)]
    return [_finding(directory, out, hit) for hit in hits]


def check_output(out: Path, plan: Plan) -> Iterator[Finding]:
    """Yield a finding for each file of the output folder that is not what the profiles say."""
    hint = "run synth with the same options"
    for paths, message in (
        (plan.created, "is missing"),
        (plan.updated, "is not what the profiles say"),
        (plan.removed, "is no longer generated"),
        (plan.blocked, "was not written by synth and is in its way"),
    ):
        for path in paths:
            yield Finding(str(out / path), *START, "IRA028", "", message, hint)


def apply_waivers(
    matrix: Matrix, chosen: Iterable[Cell], findings: Iterable[Finding]
) -> list[Finding]:
    """Return the findings that no waiver covers, and one for each waiver that covers none."""
    cells, everything = list(chosen), list(findings)
    found_by = {(item.cell, item.rule_id) for item in everything}
    needless = [
        _needless(matrix, cell, rule)
        for cell in cells
        for rule in cell.profile.waive
        if ("/".join(cell.key), rule) not in found_by
    ]
    return sorted([*waived(cells, everything), *needless])


def waived(chosen: Iterable[Cell], findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that no waiver covers."""
    waivers = {("/".join(cell.key), rule) for cell in chosen for rule in cell.profile.waive}
    return [item for item in findings if (item.cell, item.rule_id) not in waivers]


def _needless(matrix: Matrix, cell: Cell, rule: str) -> Finding:
    source = matrix.profiles.sources["models", cell.model_name]
    path = ("cells", cell.gpu_name, "waive", rule)
    message = f"{rule} ({RULES[rule].name}) is waived and finds nothing here"
    hint = "remove the waiver, so that it can't hide what comes later"
    return found(
        source.file, source.document, path, "IRA029", message, hint,
        cell="/".join(cell.key), at_key=True,
    )  # fmt: skip


def _finding(directory: Directory, out: Path, hit: Hit) -> Finding:
    file = str(out / directory.name / hit.file)
    line, column = _place(directory, hit)
    field = yaml_source.dotted(hit.path)
    return Finding(file, line, column, hit.rule, field, hit.message, hit.hint, directory.cell)


def _place(directory: Directory, hit: Hit) -> Place:
    content = directory.files.get(hit.file, b"")
    if hit.file == RUNTIME_CONFIG:
        lines = content.decode().splitlines()
        starts = (
            number for number, line in enumerate(lines, 1) if line.startswith(f"{hit.path[0]}=")
        )
        return Place(next(starts, 1), 1)
    document, _ = yaml_source.read(hit.file, content)
    return document.keys.get(hit.path) or document.place(hit.path)
