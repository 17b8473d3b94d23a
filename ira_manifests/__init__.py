"""GPU × model profiles to the exact kustomize directories that serve open models on GKE.

The constructs start Node.js when they are first used, and not before.
"""

from __future__ import annotations

from importlib import import_module, metadata
from typing import TYPE_CHECKING, Any

from ira_manifests import node
from ira_manifests.errors import InputError, IraError, NodeError, OutputError, Problem, ProfileError
from ira_manifests.profiles import Cell, Matrix, load_matrix

node.prefer_packaged()

if TYPE_CHECKING:
    from ira_manifests.constructs import ModelDownloadJob, ProvisioningRequest, VllmDeployment

__all__ = [
    "Cell",
    "InputError",
    "IraError",
    "Matrix",
    "ModelDownloadJob",
    "NodeError",
    "OutputError",
    "Problem",
    "ProfileError",
    "ProvisioningRequest",
    "VllmDeployment",
    "load_matrix",
]

_CONSTRUCTS = ("ModelDownloadJob", "ProvisioningRequest", "VllmDeployment")


def __getattr__(name: str) -> Any:
    if name in _CONSTRUCTS:
        return getattr(import_module("ira_manifests.constructs"), name)
    if name == "__version__":
        return metadata.version("ira-manifests")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
