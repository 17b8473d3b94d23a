"""cdk8s constructs of the reference architecture. Importing them starts Node.js."""

from ira_manifests.nodejs import boot

with boot.booting():
    from ira_manifests.constructs.model_download_job import ModelDownloadJob
    from ira_manifests.constructs.provisioning_request import ProvisioningRequest
    from ira_manifests.constructs.vllm_deployment import VllmDeployment

__all__ = ["ModelDownloadJob", "ProvisioningRequest", "VllmDeployment"]
