"""A finding as a value: which rule, where, what, and what to do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ira_manifests.errors import Problem
from ira_manifests.profiles.yaml_source import Document, Path, dotted
from ira_manifests.rules.catalogue import BAD_PROFILE, RULES, Rule, Severity


@dataclass(frozen=True, order=True)
class Finding:
    """One thing found. `line` and `column` count from 1; `cell` is "gpu/model", or empty."""

    file: str
    line: int
    column: int
    rule_id: str
    field: str
    message: str
    hint: str
    cell: str = ""

    @property
    def rule(self) -> Rule:
        """The rule that found it."""
        return RULES.get(self.rule_id, BAD_PROFILE)

    @property
    def refuses(self) -> bool:
        """Whether it is an error, and not only a warning."""
        return self.rule.severity is Severity.ERROR


def found(  # a place is file, document and path; the rest is the finding's
    file: str,
    document: Document,
    path: Path,
    rule_id: str,
    message: str,
    hint: str,
    *,
    cell: str = "",
    at_key: bool = False,
) -> Finding:
    """Return a finding at the value (or the key) of `path` in a file."""
    place = document.keys.get(path) if at_key else None
    line, column = place or document.place(path)
    return Finding(file, line, column, rule_id, dotted(path), message, hint, cell)


def distinct(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, sorted; what several cells share by their model is told once."""
    once: dict[Finding, Finding] = {}
    for item in sorted(findings):
        everywhere = replace(item, cell="")
        once[everywhere] = everywhere if everywhere in once else item
    return list(once.values())


def of_problem(problem: Problem) -> Finding:
    """Return a problem of a profile as a finding, for formats that know nothing else."""
    hint = "mend the profile; nothing else was checked"
    return Finding(
        problem.file, problem.line, problem.column, BAD_PROFILE.id, problem.field,
        problem.message, hint,
    )  # fmt: skip
