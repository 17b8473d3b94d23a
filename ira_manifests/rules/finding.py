"""A finding: its rule, place, message and hint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ira_manifests.messages import visible
from ira_manifests.profiles.source import Source
from ira_manifests.profiles.yaml_source import Path, dotted
from ira_manifests.rules import catalogue
from ira_manifests.rules.catalogue import BAD_INPUT, Rule, Severity

NOWHERE = ""
"""The file of a finding without a file, such as one of a command-line option."""

MOST_TOLD = 5
"""Findings of one rule in one of the user's files that are reported one by one."""


@dataclass(frozen=True, order=True)
class Finding:
    """One problem. `line` and `column` count from 1; `cell` is "gpu/model", or empty.

    `file` is a profile, a file of the output, or, in an app, the path of a construct. `field` is a
    dotted path in it, or empty where it is meant as a whole. `hint` says what to do, or what
    happens otherwise.

    A rule leaves `rule_id` empty; the rule's decorator fills it in.
    """

    file: str
    line: int
    column: int
    rule_id: str
    field: str
    message: str
    hint: str
    cell: str = ""
    environments: tuple[str, ...] = ()
    """The environments that have it, if not all that were checked do."""
    reach: tuple[str, ...] = ()
    """The kustomizations in which the fault of a base is, where it is one of other authors'."""

    @property
    def rule(self) -> Rule:
        """The rule that found it."""
        return catalogue.get(self.rule_id)

    @property
    def severity(self) -> Severity:
        """The severity of its rule."""
        return self.rule.severity

    @property
    def refuses(self) -> bool:
        """Whether it is an error, and not only a warning."""
        return self.severity is Severity.ERROR

    @property
    def text(self) -> str:
        """Field, message, hint and rule in one sentence, without the place."""
        field = f"{self.field}: " if self.field else ""
        return visible(f"{field}{self.message}; {self.hint} ({self.rule_id} {self.rule.name})")


def found(
    source: Source, path: Path, message: str, hint: str, *, cell: str = "", at_key: bool = False
) -> Finding:
    """Return a finding at the value (or the key) of `path` in a profile, without a rule's id."""
    at = source.at(path, at_key=at_key)
    return Finding(at.file, at.line, at.column, "", dotted(at.path), message, hint, cell)


def distinct(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings, sorted; one that several cells share by their model is kept once."""
    once: dict[Finding, Finding] = {}
    for item in sorted(findings):
        everywhere = replace(item, cell="")
        once[everywhere] = everywhere if everywhere in once else item
    return list(once.values())


def condensed(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings of one file; more than `MOST_TOLD` of a rule become one with a count."""
    by_rule: dict[str, list[Finding]] = {}
    for item in findings:
        by_rule.setdefault(item.rule_id, []).append(item)
    return [
        each
        for same in by_rule.values()
        for each in (same if len(same) <= MOST_TOLD else [_one_for_all(same)])
    ]


def _one_for_all(same: Sequence[Finding]) -> Finding:
    first = same[0]
    places = ", ".join(str(item.line) for item in same[1:MOST_TOLD])
    more = f"and {len(same) - 1} more such findings, the next in lines {places}"
    return replace(first, message=f"{first.message}; {more}")


def unreadable(file: str, message: str, hint: str) -> Finding:
    """Return the finding of a file that can't be read, at its first line."""
    return Finding(file, 1, 1, BAD_INPUT, "", message, hint)
