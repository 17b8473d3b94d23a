"""The objects by which a controller applies the output: Argo CD's and Flux's. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.gitops import argo_cd, flux
from ira_manifests.output.directory import Directory
from ira_manifests.profiles.matrix import Matrix


def directories(matrix: Matrix) -> Iterator[Directory]:
    """Yield the directories of the controller that applies a matrix's output, if there is one."""
    platform = matrix.platform
    if platform.argo_cd is not None:
        yield from argo_cd.directories(matrix, platform.argo_cd)
    if platform.flux is not None:
        yield flux.directory(matrix, platform.flux)
