"""A finding as a value: which rule, where, what, and what to do."""

from __future__ import annotations

from dataclasses import dataclass

from ira_manifests.profiles.yaml_source import Document, Path, dotted
from ira_manifests.rules.catalogue import RULES, Rule, Severity


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
        return RULES[self.rule_id]

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
