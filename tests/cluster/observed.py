"""Observes the state of applied objects."""

from __future__ import annotations

import functools

from testing.objects import Json
from tests.cluster.api import wait_until
from tests.cluster.kubectl import Kubectl
from tests.cluster.namespace import Namespace
from tests.cluster.objects import condition

_INSTANCE = "app.kubernetes.io/instance"
# Objects that Kubernetes creates in every namespace, and events.
_NOT_THE_USERS = {"configmap/kube-root-ca.crt", "serviceaccount/default"}
_RECORDS = {"events", "events.events.k8s.io"}


def changes_in(output: str) -> list[str]:
    """The lines of `kubectl apply` that do not say `unchanged`."""
    return [line for line in output.splitlines() if not line.endswith(" unchanged")]


def pod_of(namespace: Namespace, workload: str) -> Json:
    """Waits for the only Pod of a workload and returns it."""
    (pod,) = wait_until(
        lambda: namespace.items("pods", **{_INSTANCE: workload}), f"made: a Pod of {workload}"
    )
    return pod


def serving_pod(namespace: Namespace, workload: str) -> Json:
    """Waits until a Deployment's rollout is complete and returns its only Pod."""
    namespace.kubectl("rollout", "status", f"deployment/{workload}", "--timeout=60s")
    return pod_of(namespace, workload)


def node_of(namespace: Namespace, pod: Json) -> Json:
    """The node that a Pod is bound to."""
    return namespace.cluster.api.get(f"/api/v1/nodes/{pod['spec']['nodeName']}")


def wait_until_alone_behind(namespace: Namespace, service: str, pod: Json) -> None:
    """Waits until a Service leads to one ready Pod and to no other."""
    expected = [(pod["metadata"]["name"], True)]

    def found() -> list[tuple[str, bool]]:
        slices = namespace.items("endpointslices", **{"kubernetes.io/service-name": service})
        return [
            (endpoint["targetRef"]["name"], endpoint["conditions"]["ready"])
            for one in slices
            for endpoint in one["endpoints"] or []
        ]

    wait_until(lambda: found() == expected, f"alone behind {service}: {expected[0][0]}")


def why_unschedulable(namespace: Namespace, pod: str) -> str:
    """The scheduler's reason for leaving a Pod Pending."""

    def reason() -> Json:
        scheduled = condition(namespace.get("pods", pod), "PodScheduled")
        return scheduled if scheduled.get("reason") == "Unschedulable" else {}

    return str(wait_until(reason, f"unschedulable: {pod}")["message"])


def objects_of(namespace: Namespace) -> set[str]:
    """All objects in the namespace, of every kind that the API server has."""
    names = namespace.kubectl("get", _kinds(namespace.cluster.kubectl), "--output=name").split()
    return set(names) - _NOT_THE_USERS


@functools.cache
def _kinds(kubectl: Kubectl) -> str:
    listing = kubectl("api-resources", "--namespaced", "--verbs=list", "--output=name")
    return ",".join(sorted(set(listing.split()) - _RECORDS))
