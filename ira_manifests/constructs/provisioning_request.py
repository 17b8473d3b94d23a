"""`ProvisioningRequest`: Dynamic Workload Scheduler capacity for a workload."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ira_manifests.constructs._beside import cell_of, make_way
from ira_manifests.constructs._model_server import ModelServer
from ira_manifests.constructs._node import (
    ApiObject,
    Construct,
    Derived,
    added,
    json_of,
    namespace_in,
    path,
)
from ira_manifests.constructs._pods import consumers, is_scaled
from ira_manifests.constructs.autoscaling import Autoscaling
from ira_manifests.constructs.manifests import provisioning_request as manifests
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.workload import templates_of
from ira_manifests.errors import InputError
from ira_manifests.kubernetes import queued_capacity as queued


class ProvisioningRequest(Derived):
    """A request for queued capacity, and the PodTemplate that it refers to.

    Objects: PodTemplate (id "PodTemplate"), ProvisioningRequest (id "Default").

    `workload`: the workload that consumes the capacity. Its Pods get the annotations that consume
    the request, the node selector of queued nodes instead of the compute class, and the toleration
    of their taint. Name, count and PodTemplate are read from the Deployment or LeaderWorkerSet when
    it is rendered, so patches of it, earlier or later, also apply to the request. Patches of the
    two objects themselves are applied last. An autoscaler that the cell's profiles ask for is
    removed, because a request is for a fixed number of Pods.

    The request's spec is immutable in the cluster. The PodTemplate's name therefore ends in a hash
    of the fields that decide on which nodes its Pods fit: applying a request for other nodes fails,
    instead of silently keeping the old request.

    Raises `InputError` if the GPU type has no queued capacity, if the Deployment also selects other
    capacity, such as Spot, if the workload has a request or an autoscaler already, and if the
    chart's namespace is not the workload's.
    """

    workload: ModelServer
    """The workload that consumes the capacity."""
    name: str
    """Name of the request when the construct was added."""

    def __init__(self, scope: Construct, id: str, *, workload: ModelServer) -> None:
        cell = cell_of(scope, id, workload)
        if not cell.gpu.queued:
            raise InputError(
                f"{path(scope, id)}: the GPU type {cell.gpu_name} has no queued capacity; "
                "its profile says so with queued: true"
            )
        namespace = namespace_in(scope, id, workload.namespace)
        make_way(workload, Autoscaling)
        self.workload = workload
        self.name, additions = _changes(workload)
        objects = manifests.objects(cell, self.name, workload.bucket)
        super().__init__(scope, id, added(scope, namespace, objects), workload, additions)
        consumers.add(workload)

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
        """Return the rendered workload; raise `InputError` if it can't consume the request."""
        for template in templates_of(deployment):
            annotations = template.get("metadata", {}).get("annotations", {})
            for annotation in (queued.CONSUME, queued.CLASS):
                if annotation not in annotations:
                    raise InputError(
                        f"{self.workload.node.path}: a patch took the annotation {annotation} from "
                        "the Pods; add no ProvisioningRequest, or leave the annotation"
                    )
            _refuse_other_capacity(self.workload, template["spec"].get("nodeSelector", {}))
        return deployment


def _changes(workload: ModelServer) -> tuple[str, Json]:
    """Return what moves a workload's Pods from the compute class to queued capacity.

    It is the name of the request to consume, which is the Deployment's, and the values to add to
    the Deployment, by JSON pointer. Earlier patches of the Deployment are kept; later ones override
    the values.
    """
    if workload in consumers:
        raise InputError(
            f"{workload.node.path} consumes a ProvisioningRequest already; add one for each "
            "workload"
        )
    if is_scaled(workload):
        raise InputError(
            f"{workload.node.path} has an autoscaler, and a ProvisioningRequest is for a fixed "
            "number of Pods; leave one of the two out"
        )
    deployment = json_of(workload, "Default")
    additions = manifests.additions(workload.cell, deployment)
    for pointer, value in additions.items():
        if pointer.endswith("/nodeSelector"):
            _refuse_other_capacity(workload, value)
    return str(deployment["metadata"]["name"]), additions


def _refuse_other_capacity(workload: ModelServer, node_selector: Mapping[str, str]) -> None:
    """Raise `InputError` if a node selector selects capacity that can't be queued."""
    for key, reason in queued.excluded(node_selector).items():
        raise InputError(f"{workload.node.path}: drop the node selector {key}: {reason}")
