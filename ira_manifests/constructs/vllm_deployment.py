"""`VllmDeployment`: one model on one GPU type, served by vLLM's OpenAI-compatible server."""

from __future__ import annotations

from ira_manifests.constructs._node import (
    ApiObject,
    Composite,
    Construct,
    added,
    holder,
    namespace_in,
    path,
)
from ira_manifests.constructs.manifests import vllm_deployment as manifests
from ira_manifests.errors import InputError
from ira_manifests.kubernetes import names
from ira_manifests.profiles.cell import Cell


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

    Raises `InputError` for an invalid name, for a second workload of the same name and namespace in
    the app, and if the chart's namespace is not the one that the platform names.
    """

    cell: Cell
    """The model, the GPU type and their settings."""
    bucket: str | None
    """The bucket that holds the model; None inside a kustomize directory."""
    name: str
    """Name of the Deployment and the Service."""
    namespace: str | None
    """Namespace of the objects: the chart's, else the platform's. None: that of kubectl's context.
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
        self.namespace = namespace_in(scope, id, cell.platform.namespace)
        other = holder(scope, self.namespace, "Deployment", self.name)
        if other is not None:
            raise InputError(
                f"{path(scope, id)}: {other} has added the Deployment {self.name} to this "
                "namespace already; name workloads apart, such as with "
                'load_matrix(workload_name="vllm-{gpu}-{model}")'
            )
        objects = manifests.objects(cell, bucket=bucket, service_account=service_account)
        super().__init__(scope, id, added(scope, self.namespace, objects))

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
