"""`ProvisioningRequest`: Dynamic Workload Scheduler capacity for a workload."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ira_manifests.constructs._node import Derived, path
from ira_manifests.constructs.manifests import provisioning_request as manifests
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.vllm_deployment import VllmDeployment
from ira_manifests.errors import InputError
from ira_manifests.kubernetes import queued_capacity as queued

if TYPE_CHECKING:
    from cdk8s import ApiObject
    from constructs import Construct


class ProvisioningRequest(Derived):
    """A request for queued capacity, and the PodTemplate that it refers to.

    Objects: PodTemplate (id "PodTemplate"), ProvisioningRequest (id "Default").

    `workload`: the workload that consumes the capacity. Its Deployment gets the annotations that
    consume the request, the node selector of queued nodes instead of the compute class, and the
    toleration of their taint. Name, count and PodTemplate are read from the Deployment when it is
    rendered, so patches of the Deployment, earlier or later, also apply to the request. Patches of
    the two objects themselves are applied last.

    The request's spec is immutable in the cluster. The PodTemplate's name therefore ends in a hash
    of the fields that decide on which nodes its Pods fit: applying a request for other nodes fails,
    instead of silently keeping the old request.

    Raises `InputError` if the GPU type has no queued capacity, or if the Deployment also selects
    other capacity, such as Spot.
    """

    def __init__(self, scope: Construct, id: str, *, workload: VllmDeployment) -> None:
        cell = workload.cell
        if not cell.gpu.queued:
            raise InputError(
                f"{path(scope, id)}: the GPU type {cell.gpu_name} has no queued capacity; "
                "its profile says so with queued: true"
            )
        self.workload = workload
        self.name, additions = workload.consume()
        objects = manifests.objects(cell, self.name, workload.bucket)
        super().__init__(scope, id, objects, workload, additions)
        workload.consumed()

    @property
    def pod_template(self) -> ApiObject:
        """The PodTemplate."""
        return self._object(manifests.TEMPLATE)

    @property
    def request(self) -> ApiObject:
        """The ProvisioningRequest."""
        return self._object(manifests.REQUEST)

    def _derive(self, inputs: str) -> str:
        rendered = json.loads(inputs)
        deployment = self._checked(rendered["source"])
        template = manifests.computed_template(deployment)
        patched = rendered.get(manifests.TEMPLATE, template)
        request = manifests.computed_request(
            self.workload.cell, deployment, patched["metadata"]["name"]
        )
        return json.dumps({manifests.TEMPLATE: template, manifests.REQUEST: request})

    def _checked(self, deployment: Json) -> Json:
        """Return the rendered Deployment; raise `InputError` if it can't consume the request."""
        template = deployment.get("spec", {}).get("template", {})
        annotations = template.get("metadata", {}).get("annotations", {})
        for annotation in (queued.CONSUME, queued.CLASS):
            if annotation not in annotations:
                raise InputError(
                    f"{self.workload.node.path}: a patch took the annotation {annotation} from "
                    "the Pods; add no ProvisioningRequest, or leave the annotation"
                )
        self.workload.refuse_other_capacity(template["spec"].get("nodeSelector", {}))
        return deployment
