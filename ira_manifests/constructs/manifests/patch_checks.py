"""Validation of patches: that each changes an object, and leaves one of the right form."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.constructs.manifests import companions, patches, vllm_deployment
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.errors import IraError, PatchError, Problem
from ira_manifests.profiles.cell import Cell, cells_of, find_machine
from ira_manifests.profiles.loader import Profiles
from ira_manifests.profiles.patches import Patch
from ira_manifests.profiles.pod_checks import problem_at
from ira_manifests.profiles.settings import LEVELS, level_of


def problems(profiles: Profiles) -> Iterator[Problem]:
    """Yield the patches that can't be applied, and those that no cell of theirs has an object for.

    A patch of the platform or of a model is for those of its cells that have the object.
    """
    if profiles.platform is None:
        return
    matched: set[Problem] = set()
    unmatched: dict[Problem, None] = {}
    for cell in cells_of(profiles, profiles.platform):
        if not cell.settings.patches or find_machine(cell.gpu, cell.profile) is None:
            continue
        try:
            objects = list(unpatched(cell))
        except IraError:  # other checks report it
            continue
        yield from _of_accounts(profiles, cell)
        for number, patch in enumerate(cell.settings.patches):
            place = problem_at(profiles, cell, ("patches", number), _no_object(patch))
            if any(patches.matches(patch, item) for item in objects):
                matched.add(place)
                yield from _wrong(profiles, cell, number, objects)
            else:
                unmatched[place] = None
    yield from (each for each in unmatched if each not in matched)


def unpatched(cell: Cell) -> Iterator[Json]:
    """Yield the objects that a cell's patches can be for, as they are without them."""
    workload = vllm_deployment.unpatched(cell)
    yield from workload.values()
    yield from companions.unpatched(cell, workload["Default"], queued=False)


def _no_object(patch: Patch) -> str:
    named = f" named {patch.name}" if patch.name else ""
    return f"matches nothing: no cell has a {patch.kind}{named}"


def _wrong(profiles: Profiles, cell: Cell, number: int, objects: list[Json]) -> Iterator[Problem]:
    """Apply a patch to its objects, in place of those in the list."""
    patch = cell.settings.patches[number]
    for index, item in enumerate(objects):
        if not patches.matches(patch, item):
            continue
        try:
            objects[index] = patches.changed(patch, item)
        except PatchError as error:
            yield problem_at(profiles, cell, ("patches", number, *error.path), str(error))


def _of_accounts(profiles: Profiles, cell: Cell) -> Iterator[Problem]:
    for number, patch in enumerate(cell.settings.patches):
        level, _ = level_of(cell.levels, ["patches", number])
        if patch.kind == "ServiceAccount" and LEVELS[level] != "platform":
            message = "is for the ServiceAccount, which cells share; patch it in platform.yaml"
            yield problem_at(profiles, cell, ("patches", number, "kind"), message)
