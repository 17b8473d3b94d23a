"""Waivers of rules in profiles: applies them, and finds unknown and needless ones."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ira_manifests.errors import Problem, did_you_mean
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.loader import Profiles
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.source import At
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules import catalogue
from ira_manifests.rules.catalogue import BAD_INPUT, Severity
from ira_manifests.rules.finding import Finding, found
from ira_manifests.rules.registry import Group, rule


def unknown(profiles: Profiles) -> Iterator[Problem]:
    """Yield a problem for each waiver of a rule that does not exist or can't be waived."""
    # From the text as it was read, since a model may have other problems as well.
    for (kind, _), source in profiles.sources.items():
        for path in _waivers(source.document.data) if kind == "models" else ():
            rule_id = str(path[-1])
            if rule_id == BAD_INPUT or catalogue.find(rule_id) is None:
                close = did_you_mean(rule_id, catalogue.rules().keys() - {BAD_INPUT})
                message = f"is an unknown rule; write an id such as IRA005{close}"
                yield source.problem(path, message, at_key=True)


def _waivers(data: Any) -> Iterator[Path]:
    """Yield the place of each waiver in what a model's file holds, be it well-formed or not."""
    yield from (("waive", rule_id) for rule_id in _inner(data, "waive"))
    cells = _inner(data, "cells")
    for gpu, cell in cells.items():
        yield from (("cells", gpu, "waive", rule_id) for rule_id in _inner(cell, "waive"))
        for name in cell if isinstance(cell, Mapping) else ():
            path = ("cells", gpu, name, "waive")
            yield from ((*path, rule_id) for rule_id in _inner(_inner(cell, name), "waive"))


def _inner(data: Any, key: str) -> Mapping[str, Any]:
    inner = data.get(key) if isinstance(data, Mapping) else None
    return inner if isinstance(inner, Mapping) else {}


class _Applied(NamedTuple):
    """Cells with their waivers and findings, and the rules that ran."""

    matrix: Matrix
    cells: list[Cell]
    found_by: set[tuple[str, str]]
    """The cell and the rule of each finding."""
    rules: Container[str] | None
    needed: Container[At]
    """The places of waivers that cover a finding in another matrix."""

    def is_needless(self, cells: Iterable[Cell], rule_id: str) -> bool:
        """Return whether a rule ran and found nothing in any of the cells."""
        ran = self.rules is None or rule_id in self.rules
        return ran and not any((cell.name, rule_id) in self.found_by for cell in cells)

    def finding(self, cell: Cell, path: Path, rule_id: str, cell_name: str) -> Iterator[Finding]:
        """Yield the finding of a waiver, unless another matrix needs it."""
        source = self.matrix.profiles.sources["models", cell.model_name]
        if source.at((*path, "waive", rule_id), at_key=True) in self.needed:
            return
        message = f"{rule_id} ({catalogue.get(rule_id).name}) is waived but has no finding here"
        hint = "remove the waiver: it would hide later findings"
        place: Path = (*path, "waive", rule_id)
        yield found(source, place, message, hint, cell=cell_name, at_key=True)


_WAIVERS: Group[_Applied] = Group(__name__)


NEEDLESS = "IRA029"


@rule(NEEDLESS, "waiver-without-finding", Severity.ERROR, _WAIVERS)
def waiver_without_finding(applied: _Applied) -> Iterator[Finding]:
    """A waived rule finds nothing to waive.

    A cell, or a model for all of its cells, waives a rule that finds nothing there any more. Left
    in place, the waiver hides the next real finding.
    """
    for cell in applied.cells:
        for rule_id in cell.profile.waive:
            if applied.is_needless([cell], rule_id):
                yield from applied.finding(cell, cell.path, rule_id, cell.name)
    by_model: dict[str, list[Cell]] = {}
    for cell in applied.cells:
        by_model.setdefault(cell.model_name, []).append(cell)
    for cells in by_model.values():
        model = cells[0].model
        if len(cells) < len(list(model.every_cell)):
            continue  # a cell that was not checked may need the waiver
        for rule_id in model.waive:
            if applied.is_needless(cells, rule_id):
                yield from applied.finding(cells[0], (), rule_id, "")


def apply(
    matrix: Matrix,
    chosen: Iterable[Cell],
    findings: Iterable[Finding],
    rules: Container[str] | None = None,
    needed: Container[At] = (),
) -> list[Finding]:
    """Return the findings that no waiver covers, and a finding for each needless waiver.

    `rules`: the rules that ran, by default all; waivers of other rules are not judged. `needed`:
    the places of waivers that are needed elsewhere.
    """
    cells, everything = list(chosen), list(findings)
    found_by = {(item.cell, item.rule_id) for item in everything}
    needless = _WAIVERS.run(_Applied(matrix, cells, found_by, rules, needed))
    return sorted([*waived(cells, everything), *needless])


def needed(matrix: Matrix, chosen: Iterable[Cell], findings: Iterable[Finding]) -> Iterator[At]:
    """Yield the place of each waiver that covers a finding."""
    found_by = {(item.cell, item.rule_id) for item in findings}
    for cell in chosen:
        source = matrix.profiles.sources["models", cell.model_name]
        for path, waive in ((cell.path, cell.profile.waive), ((), cell.model.waive)):
            for rule_id in waive:
                if (cell.name, rule_id) in found_by:
                    yield source.at((*path, "waive", rule_id), at_key=True)


def waived(chosen: Iterable[Cell], findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that no waiver covers."""
    waivers = {(cell.name, rule_id) for cell in chosen for rule_id in cell.waived}
    return [item for item in findings if (item.cell, item.rule_id) not in waivers]
