"""Waivers of rules in profiles."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.errors import Problem, did_you_mean
from ira_manifests.profiles.loader import Profiles
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules import registry
from ira_manifests.rules.registry import BAD_INPUT


def unknown(profiles: Profiles) -> Iterator[Problem]:
    """Yield a problem for each waiver of a rule that there is not, or that can't be waived."""
    for name, model in profiles.models.items():
        waived: list[tuple[Path, str]] = [(("waive", rule), rule) for rule in model.waive]
        for gpu, cell in model.cells.items():
            waived += [(("cells", gpu, "waive", rule), rule) for rule in cell.waive]
        for path, rule in waived:
            if rule == BAD_INPUT or registry.find(rule) is None:
                close = did_you_mean(rule, registry.rules().keys() - {BAD_INPUT})
                message = f"is an unknown rule; write an id such as IRA005{close}"
                yield profiles.sources["models", name].problem(path, message, at_key=True)
