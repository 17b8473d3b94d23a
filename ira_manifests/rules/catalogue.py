"""Every rule by its id: name, severity and page.

`registry.rule` adds them. Modules of rules are imported on first use, so that a short command does
not load all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from textwrap import dedent

BAD_INPUT = "IRA000"
"""The rule for problems that no other rule covers; it can't be waived."""

RETIRED = frozenset({"IRA044"})
"""Ids of removed rules; an id is never used again."""

# Modules that register rules. Those that need nothing rendered come first: see `find`.
_PLACES = (
    "ira_manifests.rules.bad_input",
    "ira_manifests.rules.waivers",
    "ira_manifests.rules.cells",
    "ira_manifests.rules.user_files",
    "ira_manifests.rules.objects",
    "ira_manifests.rules.clusters",
    "ira_manifests.rules.sources",
)


class Severity(StrEnum):
    """Whether a finding refuses the cell, only warns, or says what is not judged."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Needs(StrEnum):
    """What a check must know of a tree to judge it; of `OURS`, only the trees that we write."""

    OURS = "the names, files and conventions of this project"
    PART = "some of the objects' fields: all that it judges is in one of them"
    OBJECTS = "the objects as they are applied"
    RELEASE = "the release of vLLM in the image"
    MODEL = "the model's geometry, the GPU type and the server's arguments"


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
    def heading(self) -> str:
        """The heading of its page, such as "IRA002 little-margin (warning)"."""
        return f"{self.id} {self.name} ({self.severity})"

    @property
    def anchor(self) -> str:
        """The fragment by which GitHub, GitLab and the site reach that heading."""
        return f"{self.id.lower()}-{self.name}-{self.severity}"

    @property
    def page(self) -> str:
        """The rule's documentation in Markdown: the problem and its effect in production."""
        summary, _, more = self.text.partition("\n")
        return f"{summary}\n{dedent(more)}".strip()


_RULES: dict[str, Rule] = {}
_OF_ANY_TREE: set[str] = set()


def add(rule: Rule) -> None:
    """Add a rule. Raises `ValueError` for an id or a name in use, and for a retired id."""
    if rule.id in RETIRED:
        raise ValueError(f"{rule.id} was the id of a rule that is gone; take a new one")
    for other in _RULES.values():
        if rule.id == other.id or rule.name == other.name:
            raise ValueError(f"{rule.id} {rule.name} is taken: there is {other.id} {other.name}")
    _RULES[rule.id] = rule


def add_check(rule_id: str, needs: Needs) -> None:
    """Note a check of a rule, by what it needs."""
    if needs is not Needs.OURS:
        _OF_ANY_TREE.add(rule_id)


def of_any_tree() -> frozenset[str]:
    """Return the ids of the rules that `lint` applies to the trees of other authors."""
    _ = rules()
    return frozenset(_OF_ANY_TREE)


@cache
def load(place: str) -> None:
    """Import a module; of a package, all of its modules."""
    package = import_module(place)
    for module in iter_modules(getattr(package, "__path__", ())):
        import_module(f"{place}.{module.name}")


def find(id: str) -> Rule | None:
    """Return a rule, or None for an unknown id; imports modules only until the rule is found."""
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
