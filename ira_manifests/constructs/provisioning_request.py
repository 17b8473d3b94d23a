"""`ProvisioningRequest`: Dynamic Workload Scheduler capacity for a workload."""

from __future__ import annotations

import json

from cdk8s import ApiObject
from constructs import Construct

from ira_manifests.constructs import _objects as objects
from ira_manifests.constructs._jsii_batch import Derived
from ira_manifests.constructs.vllm_deployment import VllmDeployment
from ira_manifests.errors import InputError
from ira_manifests.kubernetes import labels as keys
from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.kubernetes.names import MAX_LABEL
from ira_manifests.profiles.cell import Cell

# What decides which machine a Pod fits: a template that differs here needs capacity of its own.
_OF_POD = (
    "affinity",
    "nodeName",
    "nodeSelector",
    "overhead",
    "priorityClassName",
    "resourceClaims",
    "resources",
    "runtimeClassName",
    "schedulerName",
    "tolerations",
    "topologySpreadConstraints",
)
_OF_CONTAINER = ("resources", "restartPolicy")

_TEMPLATE = "PodTemplate"


class ProvisioningRequest(Derived):
    """A request for queued capacity, and the PodTemplate that says what it is for.

    Objects: PodTemplate (id "PodTemplate"), ProvisioningRequest (id "Default").

    `workload`: who consumes the capacity. Its Deployment gets the consuming annotations, the
    node selector of queued nodes in the place of the compute class, and the toleration of their
    taint. Name, count and PodTemplate are read from the Deployment when it is rendered, so a
    patch of the Deployment, early or late, is in the request as well. Patches of the two objects
    themselves are applied last.

    The request's spec is immutable in the cluster. The PodTemplate's name therefore ends in a
    hash of what decides where its Pods fit: a request for another shape is refused when it is
    applied, and never mistaken for the old one.

    Raises `InputError` where the GPU type has no queued capacity, or where the Deployment asks
    for other capacity as well, such as Spot.
    """

    def __init__(self, scope: Construct, id: str, *, workload: VllmDeployment) -> None:
        cell = workload.cell
        if not cell.gpu.queued:
            raise InputError(
                f"{objects.path(scope, id)}: the GPU type {cell.gpu_name} has no queued capacity; "
                "its profile says so with queued: true"
            )
        self.workload = workload
        queue = cell.platform.queued_provisioning
        self.name, additions = workload.consume(
            queue.provisioning_class,
            node_selector=_node_selector(cell),
            tolerations=objects.tolerations(queue.tolerations),
            progress_deadline_seconds=queue.wait_seconds + cell.platform.engine.startup_seconds,
        )
        super().__init__(scope, id, self._manifests(), workload, additions)
        workload.consumed()

    @property
    def pod_template(self) -> ApiObject:
        """The PodTemplate."""
        return self._object(_TEMPLATE)

    @property
    def request(self) -> ApiObject:
        """The ProvisioningRequest."""
        return self._object("Default")

    def _manifests(self) -> list[objects.Json]:
        labels = {
            **objects.labels("vllm", self.workload.name, "capacity"),
            **self.workload.bucket_label,
        }
        # The release of the Pods' engine, which the image's tag need not name.
        version = {keys.VERSION: self.workload.cell.platform.engine.version}
        return [
            objects.manifest(
                _TEMPLATE,
                api_version="v1",
                kind="PodTemplate",
                name=self.name,
                labels={**labels, **version, queued.WARDEN_LABEL: "true"},
                body={},
            ),
            objects.manifest(
                "Default",
                api_version=queued.API_VERSION,
                kind="ProvisioningRequest",
                name=self.name,
                labels=labels,
                body={},
            ),
        ]

    def _derive(self, inputs: str) -> str:
        rendered = json.loads(inputs)
        deployment = self._checked(rendered["source"])
        template = _template(deployment)
        patched = rendered.get(_TEMPLATE, template)
        request = self._request(deployment, patched["metadata"]["name"])
        return json.dumps({_TEMPLATE: template, "Default": request})

    def _checked(self, deployment: objects.Json) -> objects.Json:
        """Return the consumer as it is now, or raise `InputError` where it can't be one."""
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

    def _request(self, deployment: objects.Json, template_name: str) -> objects.Json:
        annotations = deployment["spec"]["template"]["metadata"]["annotations"]
        queue = self.workload.cell.platform.queued_provisioning
        parameters = {"maxRunDurationSeconds": str(queue.max_run_duration_seconds)}
        if queue.valid_until_seconds is not None:
            parameters["ValidUntilSeconds"] = str(queue.valid_until_seconds)
        return {
            "metadata": {"name": annotations[queued.CONSUME]},
            "spec": {
                "provisioningClassName": annotations[queued.CLASS],
                "parameters": parameters,
                "podSets": [
                    {
                        "count": deployment["spec"].get("replicas", 1),
                        "podTemplateRef": {"name": template_name},
                    }
                ],
            },
        }


def _template(deployment: objects.Json) -> objects.Json:
    name = _template_name(deployment)
    template = deployment["spec"]["template"]
    for container in _containers(template["spec"]):
        _requests_from_limits(container)
    return {"metadata": {"name": name}, "template": template}


def _node_selector(cell: Cell) -> dict[str, str]:
    pool = cell.gpu.queued_node_pool
    if pool is not None:
        return {queued.NODE_POOL: pool}  # whose driver is what it was made with
    return {
        queued.ACCELERATOR: cell.machine.accelerator,
        queued.FLEX_START: "true",
        queued.DRIVER: "latest",
    }


def _containers(pod: objects.Json) -> list[objects.Json]:
    return [*pod.get("initContainers", []), *pod.get("containers", [])]


def _requests_from_limits(container: objects.Json) -> None:
    """Copy limits to missing requests, as the API server does for Pods but not for templates."""
    resources = container.get("resources", {})
    if "limits" in resources:
        resources["requests"] = {**resources["limits"], **resources.get("requests", {})}


def _template_name(deployment: objects.Json) -> str:
    pod = deployment["spec"]["template"]["spec"]
    shape = {
        "pod": {key: pod[key] for key in _OF_POD if key in pod},
        "containers": [
            {key: container[key] for key in _OF_CONTAINER if key in container}
            for container in _containers(pod)
        ],
    }
    suffix = "-" + objects.fingerprint(shape, 8)
    return str(deployment["metadata"]["name"])[: MAX_LABEL - len(suffix)] + suffix
