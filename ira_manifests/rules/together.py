"""Findings of several matrices: each told once, and waivers that one of them needs."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.rules import waivers
from ira_manifests.rules.finding import Finding


class Judged(NamedTuple):
    """The chosen cells of a matrix, and what the rules found in them, before waivers."""

    matrix: Matrix
    cells: Sequence[Cell]
    findings: Sequence[Finding]


class Checked(NamedTuple):
    """What a run has checked.

    Attributes:
        rules: the rules that ran; None for all.
        out: the output folder, in which the files of environments are.
        narrowed: whether only some environments were chosen, so that others may need a waiver.
    """

    judged: Sequence[Judged]
    rules: Container[str] | None
    out: Path
    narrowed: bool = False

    @property
    def findings(self) -> list[Finding]:
        """The findings that no waiver covers, those that several environments share once."""
        needed = {
            place
            for matrix, cells, findings in self.judged
            for place in waivers.needed(matrix, cells, findings)
        }
        return self._once(
            (matrix.environment, item)
            for matrix, cells, findings in self.judged
            for item in waivers.apply(matrix, cells, findings, self.rules, needed)
            if not (self.narrowed and _may_be_needed(matrix, item))
        )

    def _once(self, found: Iterable[tuple[str, Finding]]) -> list[Finding]:
        firsts: dict[Finding, Finding] = {}
        having: dict[Finding, set[str]] = {}
        for environment, item in found:
            first = firsts.setdefault(self._everywhere(environment, item), item)
            having.setdefault(first if environment else item, set()).add(environment)
        every = {each.matrix.environment for each in self.judged}
        return sorted(
            replace(
                item, environments=() if names & {""} or names == every else tuple(sorted(names))
            )
            for item, names in having.items()
        )

    def _everywhere(self, environment: str, item: Finding) -> Finding:
        """Return a finding as other environments have it: lines of generated files may differ."""
        if not item.file.startswith(f"{self.out}/"):
            return item
        inside = item.file.removeprefix(f"{self.out / environment}/")
        return replace(item, file=str(self.out / inside), line=1, column=1)


def _may_be_needed(matrix: Matrix, item: Finding) -> bool:
    """Return whether it is of a waiver that an environment which was not checked may need."""
    return item.rule_id == waivers.NEEDLESS and item.file != matrix.profiles.of_environment.file
