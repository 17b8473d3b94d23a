"""cdk8s constructs of the reference architecture.

A construct is imported on first use, which starts Node.js. Importing `manifests` does not start it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ira_manifests.constructs.autoscaling import Autoscaling
    from ira_manifests.constructs.disruption_budget import DisruptionBudget
    from ira_manifests.constructs.inference_gateway import InferenceGateway
    from ira_manifests.constructs.model_download_job import ModelDownloadJob
    from ira_manifests.constructs.monitoring import Monitoring
    from ira_manifests.constructs.network_access import NetworkAccess
    from ira_manifests.constructs.provisioning_request import ProvisioningRequest
    from ira_manifests.constructs.vllm_deployment import VllmDeployment

__all__ = [
    "Autoscaling",
    "DisruptionBudget",
    "InferenceGateway",
    "ModelDownloadJob",
    "Monitoring",
    "NetworkAccess",
    "ProvisioningRequest",
    "VllmDeployment",
]

_MODULES = {
    "Autoscaling": "autoscaling",
    "DisruptionBudget": "disruption_budget",
    "InferenceGateway": "inference_gateway",
    "ModelDownloadJob": "model_download_job",
    "Monitoring": "monitoring",
    "NetworkAccess": "network_access",
    "ProvisioningRequest": "provisioning_request",
    "VllmDeployment": "vllm_deployment",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
