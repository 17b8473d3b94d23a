"""Decorators that register a function as a rule, and the groups that run rules.

The function's docstring is the rule's page: its first line is the summary, and the whole is what
`explain IRA012` prints and what `make docs` writes to `docs/rules.md`.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from dataclasses import replace
from functools import wraps
from typing import Generic, TypeVar

from ira_manifests.rules import catalogue
from ira_manifests.rules.catalogue import Needs, Rule, Severity
from ira_manifests.rules.finding import Finding

S = TypeVar("S")
Check = Callable[[S], Iterator[Finding]]
"""A function that checks a subject and yields findings; the decorator fills in their rule."""

_NO_PAGE = "Python was started with -OO, which drops the text of this rule: start it without."


class Group(Generic[S]):
    """The checks of one kind of subject; the modules of one package define all of them."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._checks: list[tuple[Needs, Check[S]]] = []
        self._ids: set[str] = set()

    def run(self, subject: S, known: Container[Needs] = frozenset(Needs)) -> Iterator[Finding]:
        """Yield the findings in a subject of all checks whose needs are known."""
        for check in self.checks(known):
            yield from check(subject)

    def checks(self, known: Container[Needs]) -> list[Check[S]]:
        """Return the checks whose needs are known."""
        catalogue.load(self._package)
        return [check for needs, check in self._checks if needs in known]

    @property
    def ids(self) -> frozenset[str]:
        """The ids that `rule` registers in this group; those that `also` adds are not included."""
        catalogue.load(self._package)
        return frozenset(self._ids)

    def add(self, rule_id: str, check: Check[S], needs: Needs, *, own: bool) -> Check[S]:
        """Add a check, and return it wrapped so that its findings have the rule's id."""

        @wraps(check)
        def named(subject: S) -> Iterator[Finding]:
            for item in check(subject):
                yield replace(item, rule_id=rule_id)

        catalogue.add_check(rule_id, needs)
        self._checks.append((needs, named))
        if own:
            self._ids.add(rule_id)
        return named


def rule(
    id: str, name: str, severity: Severity, group: Group[S], needs: Needs = Needs.OURS
) -> Callable[[Check[S]], Check[S]]:
    """Register a function as a rule, with its docstring as the rule's page.

    `needs`: what it must know; with any other than `Needs.OURS`, `lint` runs it on other trees.
    Raises `ValueError` for an id or a name in use, and for a retired id.
    """

    def register(check: Check[S]) -> Check[S]:
        catalogue.add(Rule(id, name, severity, check.__doc__ or _NO_PAGE))
        return group.add(id, check, needs, own=True)

    return register


def also(id: str, group: Group[S], needs: Needs = Needs.OURS) -> Callable[[Check[S]], Check[S]]:
    """Register a function as a further check of a rule, such as for another kind of subject."""

    def register(check: Check[S]) -> Check[S]:
        return group.add(id, check, needs, own=False)

    return register
