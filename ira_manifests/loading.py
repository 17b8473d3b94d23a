"""Reads a folder of profiles with all checks, including those that need the rules."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType

from ira_manifests.errors import InputError, Problem
from ira_manifests.profiles.loader import Profiles
from ira_manifests.profiles.matrix import Matrices, Matrix, Options, read_matrices
from ira_manifests.rules import waivers


def load_matrix(
    folder: str | os.PathLike[str] | None = None,
    *,
    workload_name: str | None = None,
    namespace: str | None = None,
    environment: str = "",
) -> Matrix:
    """Read the profiles and return their matrix.

    `folder`: the profiles folder; default ./profiles, else the copy inside the package. If it has
    models, what else it lacks is taken from that copy: `Matrix.profiles.packaged`.
    `workload_name`: a name template that replaces the platform's, such as "vllm-{gpu}-{model}".
    `namespace`: a namespace that replaces the platform's.
    `environment`: the environment whose cells to return, with what its file changes. Default: those
    of the walkthrough, without any environment's file.

    Raises `ProfileError` with all problems of all files and arguments, and `InputError` if only the
    folder, a template or the environment's name is invalid.
    """
    if folder is not None and not isinstance(folder, str | os.PathLike):
        raise InputError(f"folder is a value of type {type(folder).__name__}; it must be a path")
    options, names = Options(workload_name, namespace), (environment,) if environment else ()
    found = read_matrices(folder, options, names, _further)
    return found.environments[environment] if environment else found.walkthrough


def load_environments(
    folder: str | os.PathLike[str] | None = None,
    *,
    workload_name: str | None = None,
    namespace: str | None = None,
) -> dict[str, Matrix]:
    """Read the profiles and return the matrix of each environment by its name, sorted.

    The arguments and errors are those of `load_matrix`; an argument replaces the value of every
    environment.
    """
    found = read_matrices(folder, Options(workload_name, namespace), None, _further)
    return dict(found.environments)


def load_matrices(
    folder: str | os.PathLike[str],
    options: Options,
    environments: Collection[str] | None = None,
    contents: Mapping[str, bytes] = MappingProxyType({}),
) -> Matrices:
    """Read the profiles and return all of their matrices, for the command line.

    `environments`: the names of those to read. Default: all. `contents`: what some files are taken
    to hold, by their path.
    """
    return read_matrices(folder, options, environments, _further, contents)


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
