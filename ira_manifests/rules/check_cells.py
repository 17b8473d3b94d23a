"""All rules over a matrix and its cells, and waivers. Nothing is rendered."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator

from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules import flags, platform, pools, registry, shared_names
from ira_manifests.rules.cells import resolved as cells
from ira_manifests.rules.finding import Finding, found


def check_cells(matrix: Matrix, chosen: Iterable[Cell]) -> list[Finding]:
    """Return what the rules of cells find, before waivers."""
    those = list(chosen)
    return [
        *platform.check(matrix),
        *flags.check_release(matrix),
        *shared_names.check(matrix, those),
        *(item for cell in those for item in cells.check(matrix, cell)),
        *(item for cell in those for item in flags.check_cell(matrix, cell)),
        *(item for cell in those for item in pools.check(matrix, cell)),
    ]


def apply_waivers(
    matrix: Matrix,
    chosen: Iterable[Cell],
    findings: Iterable[Finding],
    applied: Container[str] | None = None,
) -> list[Finding]:
    """Return the findings that no waiver covers, and one for each waiver that covers none.

    `applied`: the rules that ran, by default all; a waiver of another one may be needed.
    """
    cells, everything = list(chosen), list(findings)
    found_by = {(item.cell, item.rule_id) for item in everything}
    needless = [
        _needless(matrix, cell, rule)
        for cell in cells
        for rule in cell.profile.waive
        if _ran(rule, applied) and (cell.name, rule) not in found_by
    ]
    needless += _needless_of_models(matrix, cells, found_by, applied)
    return sorted([*waived(cells, everything), *needless])


def waived(chosen: Iterable[Cell], findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that no waiver covers."""
    waivers = {(cell.name, rule) for cell in chosen for rule in cell.waived}
    return [item for item in findings if (item.cell, item.rule_id) not in waivers]


def _ran(rule: str, applied: Container[str] | None) -> bool:
    return applied is None or rule in applied


def _needless_of_models(
    matrix: Matrix,
    cells: list[Cell],
    found_by: set[tuple[str, str]],
    applied: Container[str] | None,
) -> Iterator[Finding]:
    """Yield waivers of models that cover nothing in any cell, where all of them were looked at."""
    by_model: dict[str, list[Cell]] = {}
    for cell in cells:
        by_model.setdefault(cell.model_name, []).append(cell)
    for same in by_model.values():
        model = same[0].model
        for rule in model.waive if len(same) == len(model.cells) else ():
            if _ran(rule, applied) and not any((cell.name, rule) in found_by for cell in same):
                yield _needless(matrix, same[0], rule, of_model=True)


def _needless(matrix: Matrix, cell: Cell, rule: str, *, of_model: bool = False) -> Finding:
    source = matrix.profiles.sources["models", cell.model_name]
    path: Path = ("waive", rule) if of_model else ("cells", cell.gpu_name, "waive", rule)
    message = f"{rule} ({registry.get(rule).name}) is waived and finds nothing here"
    hint = "remove the waiver, so that it can't hide what comes later"
    return found(
        source.file, source.document, path, "IRA029", message, hint,
        cell="" if of_model else cell.name, at_key=True,
    )  # fmt: skip
