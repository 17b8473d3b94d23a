"""Reads a folder of profiles with all checks, including those that need the rules."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ira_manifests.errors import Problem
from ira_manifests.profiles.loader import Profiles
from ira_manifests.profiles.matrix import Matrix, read_matrix
from ira_manifests.rules import waivers


def load_matrix(
    folder: str | os.PathLike[str] | None = None,
    *,
    workload_name: str | None = None,
    namespace: str | None = None,
) -> Matrix:
    """Read the profiles and return their matrix.

    `folder`: the profiles folder; default ./profiles, else the copy inside the package. If it has
    models, what else it lacks is taken from that copy: `Matrix.profiles.packaged`.
    `workload_name`: a name template that replaces the platform's, such as "vllm-{gpu}-{model}".
    `namespace`: a namespace that replaces the platform's.

    Raises `ProfileError` with all problems of all files and arguments, and `InputError` if only the
    folder or a template is invalid.
    """
    return read_matrix(folder, workload_name=workload_name, namespace=namespace, further=_further)


def _further(profiles: Profiles) -> Iterator[Problem]:
    yield from waivers.unknown(profiles)
    if _have_patches(profiles):
        from ira_manifests.constructs.manifests import patch_checks

        yield from patch_checks.problems(profiles)


def _have_patches(profiles: Profiles) -> bool:
    if profiles.platform is None:
        return False
    models = profiles.models.values()
    of_cells = (given.profile.patches for model in models for given in model.every_cell)
    return bool(profiles.platform.inference.patches) or any(
        (*(model.patches for model in models), *of_cells)
    )
