"""What became of what was applied."""

from __future__ import annotations

from tests.cluster.api import wait_until
from tests.cluster.namespace import Namespace
from tests.cluster.objects import condition
from tests.support import Json


def node_of(namespace: Namespace, pod: Json) -> Json:
    return namespace.cluster.api.get(f"/api/v1/nodes/{pod['spec']['nodeName']}")


def endpoints(namespace: Namespace, service: str) -> list[Json]:
    slices = namespace.items("endpointslices", **{"kubernetes.io/service-name": service})
    return [endpoint for one in slices for endpoint in one["endpoints"] or []]


def why_unschedulable(namespace: Namespace, pod: str) -> str:
    def reason() -> Json:
        scheduled = condition(namespace.get("pods", pod), "PodScheduled")
        return scheduled if scheduled.get("reason") == "Unschedulable" else {}

    return str(wait_until(reason, f"unschedulable: {pod}")["message"])
