"""`ProvisioningRequest`: Dynamic Workload Scheduler capacity for a workload.

Facts: the ProvisioningRequest API (https://github.com/kubernetes/autoscaler, cluster-autoscaler/
apis) and GKE's how-to (https://cloud.google.com/kubernetes-engine/docs/how-to/provisioningrequest).
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import jsii
from cdk8s import ApiObject, ApiObjectMetadata
from constructs import Construct

from ira_manifests.constructs import _objects as objects
from ira_manifests.constructs.vllm_deployment import VllmDeployment
from ira_manifests.names import MAX_LABEL
from ira_manifests.profiles.cell import Cell

API_VERSION = "autoscaling.x-k8s.io/v1"
_CONSUME = "autoscaling.x-k8s.io/consume-provisioning-request"
_CLASS = "autoscaling.x-k8s.io/provisioning-class-name"

# What decides which machine a Pod fits: a template that differs here needs capacity of its own.
_SCHEDULING = ("nodeSelector", "affinity", "tolerations", "topologySpreadConstraints")


class _Derived(ApiObject):
    """An object that is computed from another when cdk8s renders it, caller's patches included."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        api_version: str,
        kind: str,
        metadata: ApiObjectMetadata,
        derive: Callable[[], objects.Json],
    ) -> None:
        super().__init__(scope, id, api_version=api_version, kind=kind, metadata=metadata)
        self._derive = derive

    @jsii.member(jsii_name="toJson")
    def to_json(self) -> Any:
        """Render the object and what it derives."""
        rendered = super().to_json()
        derived = self._derive()
        rendered["metadata"] |= derived.pop("metadata", {})
        return {**rendered, **derived}


class ProvisioningRequest(Construct):
    """A request for queued capacity, and the PodTemplate that says what it is for.

    Objects: PodTemplate (id "PodTemplate"), ProvisioningRequest (id "Default").

    `workload`: who consumes the capacity. Its Deployment gets the consuming annotations, the
    node selector of queued nodes in the place of the compute class, and the toleration of their
    taint. Name, count and PodTemplate are read from the Deployment when it is rendered, so a
    patch of the Deployment, early or late, is in the request as well.

    The request's spec is immutable in the cluster. The PodTemplate's name therefore ends in a
    hash of what decides where its Pods fit: a request for another shape is refused when it is
    applied, and never mistaken for the old one.
    """

    def __init__(self, scope: Construct, id: str, *, workload: VllmDeployment) -> None:
        super().__init__(scope, id)
        self.workload = workload
        self.name = workload.name
        cell = workload.cell
        queue = cell.platform.queued_provisioning
        workload.consume(
            self.name,
            annotations={_CONSUME: self.name, _CLASS: queue.provisioning_class},
            node_selector=_node_selector(cell),
            tolerations=objects.tolerations(queue.tolerations),
            progress_deadline_seconds=queue.wait_seconds + cell.platform.engine.startup_seconds,
        )
        labels = objects.labels("vllm", self.name, "capacity")
        self.pod_template = _Derived(
            self,
            "PodTemplate",
            api_version="v1",
            kind="PodTemplate",
            derive=self._template,
            metadata=ApiObjectMetadata(
                name=self.name,
                labels={**labels, "cloud.google.com/apply-warden-policies": "true"},
            ),
        )
        self.request = _Derived(
            self,
            "Default",
            api_version=API_VERSION,
            kind="ProvisioningRequest",
            metadata=ApiObjectMetadata(name=self.name, labels=labels),
            derive=self._spec,
        )

    def _template(self) -> objects.Json:
        deployment = self.workload.deployment.to_json()
        template = copy.deepcopy(deployment["spec"]["template"])
        for container in template["spec"]["containers"]:
            _requests_from_limits(container)
        return {"metadata": {"name": _template_name(deployment)}, "template": template}

    def _spec(self) -> objects.Json:
        deployment = self.workload.deployment.to_json()
        pod_set = {
            "count": deployment["spec"].get("replicas", 1),
            "podTemplateRef": {"name": _template_name(deployment)},
        }
        queue = self.workload.cell.platform.queued_provisioning
        parameters = {"maxRunDurationSeconds": str(queue.max_run_duration_seconds)}
        if queue.valid_until_seconds is not None:
            parameters["ValidUntilSeconds"] = str(queue.valid_until_seconds)
        return {
            "spec": {
                "provisioningClassName": queue.provisioning_class,
                "parameters": parameters,
                "podSets": [pod_set],
            }
        }


def _node_selector(cell: Cell) -> dict[str, str]:
    pool = cell.gpu.queued_node_pool
    if pool is not None:
        return {"cloud.google.com/gke-nodepool": pool}
    return {
        "cloud.google.com/gke-accelerator": cell.machine.accelerator,
        "cloud.google.com/gke-flex-start": "true",
    }


def _requests_from_limits(container: objects.Json) -> None:
    """Copy limits to missing requests, as the API server does for Pods but not for templates."""
    resources = container.get("resources", {})
    if "limits" in resources:
        resources["requests"] = {**resources["limits"], **resources.get("requests", {})}


def _template_name(deployment: objects.Json) -> str:
    pod = deployment["spec"]["template"]["spec"]
    shape = {key: pod.get(key) for key in _SCHEDULING}
    shape["resources"] = [container.get("resources") for container in pod["containers"]]
    suffix = "-" + objects.fingerprint(shape, 8)
    return str(deployment["metadata"]["name"])[: MAX_LABEL - len(suffix)] + suffix
