"""GPU × model profiles to the exact kustomize directories that serve open models on GKE.

Names are imported when they are first used; the constructs start Node.js then, and not before.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # `signal` itself imports much
import sys

# While the command line is imported there is nothing to tidy up: an interrupt ends the process.
if (
    sys.argv[0].endswith(("-m", "ira-manifests", "ira_manifests/__main__.py"))
    and _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler
):
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ira_manifests.nodejs import packaged

packaged.prefer()

if TYPE_CHECKING:
    from ira_manifests.checking import check
    from ira_manifests.constructs import (
        Autoscaling,
        DisruptionBudget,
        InferenceGateway,
        ModelDownloadJob,
        Monitoring,
        NetworkAccess,
        ProvisioningRequest,
        VllmDeployment,
    )
    from ira_manifests.errors import (
        InputError,
        IraError,
        NodeError,
        OutputError,
        PatchError,
        Problem,
        ProfileError,
    )
    from ira_manifests.loading import load_environments, load_matrix
    from ira_manifests.memory import MemoryInputError
    from ira_manifests.output.directory import Directory
    from ira_manifests.output.tree import Plan
    from ira_manifests.profiles import Cell, Matrix, UnknownCellError
    from ira_manifests.rules.catalogue import Severity
    from ira_manifests.rules.finding import Finding
    from ira_manifests.vllm import UnknownReleaseError
    from ira_manifests.writing import render, write

__all__ = [
    "Autoscaling",
    "Cell",
    "Directory",
    "DisruptionBudget",
    "Finding",
    "InferenceGateway",
    "InputError",
    "IraError",
    "Matrix",
    "MemoryInputError",
    "ModelDownloadJob",
    "Monitoring",
    "NetworkAccess",
    "NodeError",
    "OutputError",
    "PatchError",
    "Plan",
    "Problem",
    "ProfileError",
    "ProvisioningRequest",
    "Severity",
    "UnknownCellError",
    "UnknownReleaseError",
    "VllmDeployment",
    "check",
    "load_environments",
    "load_matrix",
    "render",
    "write",
]

_MODULES = {
    "checking": ("check",),
    "constructs": (
        "Autoscaling",
        "DisruptionBudget",
        "InferenceGateway",
        "ModelDownloadJob",
        "Monitoring",
        "NetworkAccess",
        "ProvisioningRequest",
        "VllmDeployment",
    ),
    "errors": (
        "InputError",
        "IraError",
        "NodeError",
        "OutputError",
        "PatchError",
        "Problem",
        "ProfileError",
    ),
    "loading": ("load_environments", "load_matrix"),
    "memory": ("MemoryInputError",),
    "output.directory": ("Directory",),
    "output.tree": ("Plan",),
    "profiles": ("Cell", "Matrix", "UnknownCellError"),
    "rules.catalogue": ("Severity",),
    "rules.finding": ("Finding",),
    "vllm": ("UnknownReleaseError",),
    "writing": ("render", "write"),
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib import metadata

        return metadata.version("ira-manifests")
    for module, names in _MODULES.items():
        if name in names:
            return getattr(import_module(f"ira_manifests.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
