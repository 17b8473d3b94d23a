"""`ModelServer`: a workload as the constructs beside it see it."""

from __future__ import annotations

from ira_manifests.constructs._node import ApiObject, Composite
from ira_manifests.constructs.manifests import vllm_deployment as manifests
from ira_manifests.profiles.cell import Cell


class ModelServer(Composite):
    """A workload that serves a model, such as `VllmDeployment`."""

    cell: Cell
    """The model, the GPU type and their settings."""
    bucket: str | None
    """The bucket that holds the model; None inside a kustomize directory."""
    name: str
    """Name of the Deployment and the Service."""
    namespace: str | None
    """Namespace of the objects: the chart's, else the platform's. None: that of kubectl's context.
    """

    @property
    def service(self) -> ApiObject:
        """The Service."""
        return self._object("Service")

    @property
    def deployment(self) -> ApiObject:
        """The Deployment; the LeaderWorkerSet of a cell of several nodes."""
        return self._object("Default")

    @property
    def selector(self) -> dict[str, str]:
        """The labels that select only this workload's Pods; immutable once applied."""
        return manifests.selector(self.cell)
