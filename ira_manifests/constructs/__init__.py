"""cdk8s constructs of the reference architecture. Importing them starts Node.js."""

from ira_manifests import node

node.prepare()  # before any of the modules below imports cdk8s

from ira_manifests.constructs.model_download_job import ModelDownloadJob  # noqa: E402
from ira_manifests.constructs.provisioning_request import ProvisioningRequest  # noqa: E402
from ira_manifests.constructs.vllm_deployment import VllmDeployment  # noqa: E402

__all__ = ["ModelDownloadJob", "ProvisioningRequest", "VllmDeployment"]
