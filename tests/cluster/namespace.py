"""A namespace for one test: applies, reads and deletes its objects."""

from __future__ import annotations

import contextlib
import json
import secrets
import subprocess
from collections.abc import Iterator

from testing.objects import Json
from tests.cluster.api import wait_until
from tests.cluster.controlplane import ControlPlane

_NAMESPACES = "/api/v1/namespaces"
_GROUP = {
    "deployments": "/apis/apps/v1",
    "replicasets": "/apis/apps/v1",
    "statefulsets": "/apis/apps/v1",
    "jobs": "/apis/batch/v1",
    "endpointslices": "/apis/discovery.k8s.io/v1",
    "provisioningrequests": "/apis/autoscaling.x-k8s.io/v1",
    "horizontalpodautoscalers": "/apis/autoscaling/v2",
    "poddisruptionbudgets": "/apis/policy/v1",
    "networkpolicies": "/apis/networking.k8s.io/v1",
    "inferencepools": "/apis/inference.networking.k8s.io/v1",
    "inferenceobjectives": "/apis/inference.networking.x-k8s.io/v1alpha2",
    "leaderworkersets": "/apis/leaderworkerset.x-k8s.io/v1",
    "httproutes": "/apis/gateway.networking.k8s.io/v1",
}
_OWNERS_OF_PODS = ("deployments", "replicasets", "statefulsets", "jobs")


class Namespace:
    """A namespace of a control plane that enforces a level of the Pod Security Standards."""

    def __init__(self, cluster: ControlPlane, pod_security: str, name: str = "") -> None:
        self.name = name or f"test-{secrets.token_hex(4)}"
        self.cluster = cluster
        labels = {
            "pod-security.kubernetes.io/enforce": pod_security,
            "pod-security.kubernetes.io/enforce-version": "latest",
        }
        manifest: Json = {"metadata": {"name": self.name, "labels": labels}}
        cluster.api.create(_NAMESPACES, manifest)
        account = f"{self.path('serviceaccounts')}/default"
        wait_until(lambda: cluster.api.exists(account), f"made: {account}")

    def clear(self) -> None:
        """Deletes the namespace; returns when none of its Pods uses a machine."""
        self.clear_pods()
        self.cluster.api.delete(f"{_NAMESPACES}/{self.name}")

    def clear_pods(self) -> None:
        """Deletes all Pods and their controllers; returns when they are gone."""
        for resource in _OWNERS_OF_PODS:
            self.cluster.api.delete(self.path(resource))
        self.cluster.api.delete(self.path("pods"), grace_seconds=0)
        wait_until(lambda: not self.items("pods"), f"empty: {self.name}")

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        """Calls kubectl in the namespace; KubectlError if it fails."""
        return self.cluster.kubectl("--namespace", self.name, *arguments, stdin=stdin)

    def run_kubectl(
        self, *arguments: str, stdin: str | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Calls kubectl in the namespace and returns its exit code and output."""
        return self.cluster.kubectl.run("--namespace", self.name, *arguments, stdin=stdin)

    def apply(self, *manifests: Json) -> str:
        """Applies objects as `kubectl apply` does; returns what it prints."""
        return self.kubectl("apply", "--filename=-", stdin=_as_list(manifests))

    def path(self, resource: str) -> str:
        """The path of a list of the namespace, such as that of `pods`."""
        return f"{_GROUP.get(resource, '/api/v1')}/namespaces/{self.name}/{resource}"

    def get(self, resource: str, name: str) -> Json:
        """Reads an object of the namespace."""
        return self.cluster.api.get(f"{self.path(resource)}/{name}")

    def exists(self, resource: str, name: str) -> bool:
        """Tells whether the namespace has an object."""
        return self.cluster.api.exists(f"{self.path(resource)}/{name}")

    def items(self, resource: str, **labels: str) -> list[Json]:
        """Reads the objects of the namespace that have some labels."""
        selector = ",".join(f"{key}={value}" for key, value in labels.items())
        return self.cluster.api.items(f"{self.path(resource)}?labelSelector={selector}")

    def uids(self, *resources: str) -> dict[str, str]:
        """The identities of objects, which change if an object is deleted and made again."""
        return {
            f"{resource}/{item['metadata']['name']}": item["metadata"]["uid"]
            for resource in resources
            for item in self.items(resource)
        }


@contextlib.contextmanager
def namespace_on(cluster: ControlPlane, pod_security: str, name: str = "") -> Iterator[Namespace]:
    """A namespace during the block."""
    namespace = Namespace(cluster, pod_security, name)
    try:
        yield namespace
        cluster.check()
    finally:
        namespace.clear()


def _as_list(manifests: tuple[Json, ...]) -> str:
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
