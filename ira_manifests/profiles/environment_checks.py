"""Validation of what an environment says beside the profiles that it changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ira_manifests.errors import Problem
from ira_manifests.profiles import cell_patterns
from ira_manifests.profiles.cell import given_cells
from ira_manifests.profiles.loader import Profiles


def problems(profiles: Profiles) -> Iterator[Problem]:
    """Yield the problems of an environment's own fields."""
    if not profiles.environment:
        return
    if profiles.platform is not None and profiles.platform.bucket is None:
        message = "is missing: name the environment's bucket here or in platform.yaml, so that its "
        message += "directories need no file of yours"
        yield profiles.of_environment.problem(("bucket",), message)
    if not _all_read(profiles):
        return  # the cells of a broken profile are not known
    source = profiles.of_environment
    every = given_cells(replace(profiles, patterns=()))
    names = [given.name_of(model) for model, given in every]
    for pattern in cell_patterns.unmatched(profiles.patterns, names):
        path = ("cells", profiles.patterns.index(pattern))
        yield source.problem(path, cell_patterns.names_no_cell(pattern, names))


def _all_read(profiles: Profiles) -> bool:
    held = {"gpus": profiles.gpus, "models": profiles.models}
    return all(held.values()) and all(
        name in held[kind] for kind, name in profiles.sources if kind in held
    )
