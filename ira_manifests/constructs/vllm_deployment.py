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
    (id "Default", so `ApiObject.of(construct)` returns it).

    `cell`: the model, the GPU type and their settings.
    `bucket`: the bucket that holds the model; with it, the construct also adds a ConfigMap.
    Default: none, for a kustomize directory that generates the ConfigMap `ira-model-configmap` and
    inserts the bucket's name.
    `service_account`: the name of an existing account. Default: the cell's account, which is added.

    Raises `InputError` for an invalid name, and for a second workload of the same name in a chart.
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
        """The labels that select only this workload's Pods; immutable once applied."""
        return manifests.selector(self.cell)

    def consume(self) -> tuple[str, Json]:
        """Return the changes that move the Pods from the compute class to queued capacity.

        For `ProvisioningRequest`: the name of the request to consume, which is the Deployment's,
        and the values to add to the Deployment, by JSON pointer. Earlier patches of the Deployment
        are kept; later ones override the values.
        Raises `InputError` if the workload already consumes a request, or if a patch also selects
        other capacity.
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
        """Mark the workload as consuming a request; a second `consume` fails."""
        self._consumes = True

    def refuse_other_capacity(self, node_selector: Mapping[str, str]) -> None:
        """Raise `InputError` if a node selector selects capacity that can't be queued."""
        for key, reason in queued.excluded(node_selector).items():
            raise InputError(f"{self.node.path}: drop the node selector {key}: {reason}")
