"""Every rule by its id: name, severity and page.

`registry.rule` adds them. Modules of rules are imported when something is asked of them, so that a
short command does not pay for all.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from textwrap import dedent

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


_RULES: dict[str, Rule] = {}


def add(rule: Rule) -> None:
    """Add a rule. Raises `ValueError` for an id or a name that another rule has, or had."""
    if rule.id in RETIRED:
        raise ValueError(f"{rule.id} was the id of a rule that is gone; take a new one")
    for other in _RULES.values():
        if rule.id == other.id or rule.name == other.name:
            raise ValueError(f"{rule.id} {rule.name} is taken: there is {other.id} {other.name}")
    _RULES[rule.id] = rule


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
