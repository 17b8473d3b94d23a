"""The rules of the project, each registered by the decorator of the function that checks it.

The function's docstring is the rule's page: its first line is the summary, and the whole is what
`explain IRA012` prints and what `make docs` writes to `docs/rules.md`. Modules of rules are
imported when something is asked of them, so that a short command does not pay for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache, wraps
from importlib import import_module
from pkgutil import iter_modules
from textwrap import dedent
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from ira_manifests.rules.finding import Finding

S = TypeVar("S")
Check = Callable[[S], Iterator["Finding"]]
"""What looks at a subject, and yields findings; their rule is filled in by the decorator."""

BAD_INPUT = "IRA000"
"""The rule of problems that no other rule is about; it can't be waived."""

RETIRED = frozenset({"IRA044"})
"""Ids of rules that are gone; an id is never used again."""

# Where rules are registered. What needs nothing rendered comes first: see `find`.
_PLACES = (
    "ira_manifests.rules.bad_input",
    "ira_manifests.rules.waivers",
    "ira_manifests.rules.cells",
    "ira_manifests.rules.user_files",
    "ira_manifests.rules.objects",
)
_NO_PAGE = "Python was started with -OO, which drops the text of this rule: start it without."


class Severity(StrEnum):
    """Whether a finding refuses the cell, or only tells."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Rule:
    """One rule. Its id is stable; `text` is the docstring of its function."""

    id: str
    name: str
    severity: Severity
    text: str

    @property
    def summary(self) -> str:
        """What is wrong, in a sentence."""
        return self.text.partition("\n")[0]

    @property
    def page(self) -> str:
        """What is wrong, and what goes wrong in production without the rule, in Markdown."""
        summary, _, more = self.text.partition("\n")
        return f"{summary}\n{dedent(more)}".strip()


class Group(Generic[S]):
    """The checks of one kind of subject, which are all in the modules of one package."""

    def __init__(self, package: str) -> None:
        self._package = package
        self._checks: list[Check[S]] = []
        self._ids: set[str] = set()

    def run(self, subject: S) -> Iterator[Finding]:
        """Yield what all checks find in a subject."""
        load(self._package)
        for check in self._checks:
            yield from check(subject)

    @property
    def ids(self) -> frozenset[str]:
        """The rules that `rule` registers in this group; those of `also` are of another one."""
        load(self._package)
        return frozenset(self._ids)

    def add(self, rule_id: str, check: Check[S], *, own: bool) -> Check[S]:
        """Add a check, and return it with its findings named after the rule."""

        @wraps(check)
        def named(subject: S) -> Iterator[Finding]:
            for item in check(subject):
                yield replace(item, rule_id=rule_id)

        self._checks.append(named)
        if own:
            self._ids.add(rule_id)
        return named


_RULES: dict[str, Rule] = {}


def rule(id: str, name: str, severity: Severity, group: Group[S]) -> Callable[[Check[S]], Check[S]]:
    """Register a function as a rule, with its docstring as the rule's page.

    Raises `ValueError` for an id or a name that another rule has, or had.
    """

    def register(check: Check[S]) -> Check[S]:
        if id in _RULES or id in RETIRED or name in {each.name for each in _RULES.values()}:
            raise ValueError(f"{id} {name} is the id or the name of another rule")
        _RULES[id] = Rule(id, name, severity, check.__doc__ or _NO_PAGE)
        return group.add(id, check, own=True)

    return register


def also(id: str, group: Group[S]) -> Callable[[Check[S]], Check[S]]:
    """Register a function as a further check of a rule that looks at several kinds of subjects."""

    def register(check: Check[S]) -> Check[S]:
        return group.add(id, check, own=False)

    return register


@cache
def load(place: str) -> None:
    """Import a module, and every module of it where it is a package."""
    package = import_module(place)
    for module in iter_modules(getattr(package, "__path__", ())):
        import_module(f"{place}.{module.name}")


def find(id: str) -> Rule | None:
    """Return a rule, or None for an unknown id; imports no more modules of rules than it must."""
    for place in _PLACES:
        if id in _RULES:
            break
        load(place)
    return _RULES.get(id)


def get(id: str) -> Rule:
    """Return a rule. Raises `KeyError` for an unknown id."""
    found = find(id)
    if found is None:
        raise KeyError(id)
    return found


def rules() -> dict[str, Rule]:
    """Return every rule by its id, in order."""
    for place in _PLACES:
        load(place)
    return dict(sorted(_RULES.items()))
