"""`VllmDeployment`: one model on one GPU type, served by vLLM's OpenAI-compatible server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ira_manifests.constructs._node import Composite, holds, new_in, path
from ira_manifests.constructs.manifests import provisioning_request
from ira_manifests.constructs.manifests import vllm_deployment as manifests
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.errors import InputError
from ira_manifests.kubernetes import names
from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.profiles.cell import Cell

if TYPE_CHECKING:
    from cdk8s import ApiObject
    from constructs import Construct


class VllmDeployment(Composite):
    """A Deployment, its Service and its Kubernetes service account.

    Objects: ServiceAccount (id "ServiceAccount", with the first workload of its model in a
    chart), ConfigMap (id "ConfigMap", only with `bucket`), Service (id "Service"), Deployment
    (id "Default", so `ApiObject.of(construct)`).

    `cell`: what runs where. `bucket`: the bucket that holds the model; with it the construct
    stands on its own. Default: none, for a kustomize directory that generates the ConfigMap
    `ira-model-configmap` and puts the bucket's name in place.
    `service_account`: the name of an account that exists. Default: the cell's, which is added.

    Raises `InputError` for a name that is none, and for a second workload of one name in a chart.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        cell: Cell,
        bucket: str | None = None,
        service_account: str | None = None,
    ) -> None:
        if bucket is not None:
            names.require("the bucket", bucket, names.check_bucket)
        if service_account is not None:
            names.require("the service account", service_account, names.check_subdomain)
        self.cell, self.bucket, self.name = cell, bucket, cell.workload_name
        self._consumes = False
        if holds(scope, "Deployment", self.name):
            raise InputError(
                f"{path(scope, id)}: the chart has a Deployment {self.name} already; name "
                'workloads apart, such as with load_matrix(workload_name="vllm-{gpu}-{model}")'
            )
        objects = manifests.objects(cell, bucket=bucket, service_account=service_account)
        super().__init__(scope, id, new_in(scope, objects))

    @property
    def service(self) -> ApiObject:
        """The Service."""
        return self._object("Service")

    @property
    def deployment(self) -> ApiObject:
        """The Deployment."""
        return self._object("Default")

    @property
    def selector(self) -> dict[str, str]:
        """The labels that only this workload's Pods carry; never changed once applied."""
        return manifests.selector(self.cell)

    def consume(self) -> tuple[str, Json]:
        """Return what moves the Pods from the compute class to queued capacity.

        For `ProvisioningRequest`: the name of the request that they consume, which is the
        Deployment's, and what to add to the Deployment, by JSON pointer. What the caller patched
        until now stays; what the caller patches later wins.
        Raises `InputError` the second time, and where a patch asks for other capacity as well.
        """
        if self._consumes:
            raise InputError(
                f"{self.node.path} consumes a ProvisioningRequest already; add one for each "
                "workload"
            )
        deployment = self._json("Default")
        additions = provisioning_request.additions(self.cell, deployment)
        self.refuse_other_capacity(additions[provisioning_request.NODE_SELECTOR])
        return str(deployment["metadata"]["name"]), additions

    def consumed(self) -> None:
        """Note that the request has been added; a second one is refused."""
        self._consumes = True

    def refuse_other_capacity(self, node_selector: Mapping[str, str]) -> None:
        """Raise `InputError` where a node selector asks for what is never queued."""
        for key, reason in queued.excluded(node_selector).items():
            raise InputError(f"{self.node.path}: drop the node selector {key}: {reason}")
