"""Every serving field on the API server: its Pods are admitted, scheduled and rolled out."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from ira_manifests.profiles.serving_fields import ServingFields
from testing.objects import Json
from testing.serving_fields import with_every_field
from tests.cluster.api import wait_until
from tests.cluster.cells import directory_of, synth
from tests.cluster.controlplane import ControlPlane
from tests.cluster.gke import class_pool, node
from tests.cluster.miniature import added_nodes
from tests.cluster.namespace import Namespace, namespace_on
from tests.cluster.observed import changes_in, node_of, why_unschedulable

CELL, NAME = "h100-gemma3-27b", "vllm-h100"
ZONE = "topology.kubernetes.io/zone"
OBJECTS = {"autoscaling", "monitoring", "disruption_budget", "network_access", "gateway"}
"""Fields whose objects `test_serving_objects.py` applies."""


@dataclass(frozen=True)
class Applied:
    """The cell with every field, rolled out."""

    namespace: Namespace
    directory: Path

    @property
    def deployment(self) -> Json:
        return self.namespace.get("deployments", NAME)

    @property
    def service(self) -> Json:
        return self.namespace.get("services", NAME)

    @property
    def pods(self) -> list[Json]:
        pods = self.namespace.items("pods", **{"app.kubernetes.io/instance": NAME})
        return [each for each in pods if "deletionTimestamp" not in each["metadata"]]

    def roll_out(self) -> None:
        self.namespace.kubectl("apply", "-k", str(self.directory))
        self.namespace.kubectl("rollout", "status", f"deployment/{NAME}", "--timeout=120s")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fields")
    return synth(folder, "--profiles", with_every_field(folder))


@pytest.fixture(scope="module")
def applied(cluster: ControlPlane, dist: Path) -> Iterator[Applied]:
    """The cell where Pods are held to `restricted`, with machines in two zones."""
    _create_priority_class(cluster)
    machines = [node(class_pool("gpu-h100-80gb-high-x1"), number) for number in (1, 2, 3)]
    machines[-1]["metadata"]["labels"][ZONE] = "us-central1-b"
    with added_nodes(cluster.api, *machines), namespace_on(cluster, "restricted") as namespace:
        found = Applied(namespace, dist / directory_of(CELL))
        found.roll_out()
        yield found


def server(pod: Json) -> Json:
    (found,) = [each for each in pod["spec"]["containers"] if each["name"] == "inference-server"]
    return dict(found)


def variable(pod: Json, name: str) -> Json:
    (found,) = [each for each in server(pod)["env"] if each["name"] == name]
    return dict(found)


def _args(word: str) -> Callable[[Json], bool]:
    return lambda pod: word in server(pod)["args"]


OF_PODS: dict[str, Callable[[Json], Any]] = {
    "priority_class": lambda pod: pod["spec"]["priority"] == 1000,
    "image_pull_secrets": lambda pod: pod["spec"]["imagePullSecrets"] == [{"name": "registry"}],
    "node_selector": lambda pod: (
        pod["spec"]["nodeSelector"]["cloud.google.com/gke-os-distribution"] == "cos"
    ),
    "labels": lambda pod: pod["metadata"]["labels"]["team"] == "search",
    "pod_labels": lambda pod: pod["metadata"]["labels"]["tier"] == "gpu",
    "pod_annotations": lambda pod: (
        pod["metadata"]["annotations"]["example.com/restarted"] == "true"
    ),
    "served_model_names": _args("--served-model-name"),
    "chat_template": lambda pod: any(
        word.startswith("--chat-template") for word in server(pod)["args"]
    ),
    "tool_call_parser": _args("--tool-call-parser=pythonic"),
    "reasoning_parser": _args("--reasoning-parser=qwen3"),
    "lora_adapters": lambda pod: (
        "/gcs/acme/sql-lora" in [each["mountPath"] for each in server(pod)["volumeMounts"]]
    ),
    "max_loras": _args("--max-loras=2"),
    "max_lora_rank": _args("--max-lora-rank=32"),
    "speculative": lambda pod: any(
        word.startswith("--speculative-config=") for word in server(pod)["args"]
    ),
    "args": _args("--enable-prefix-caching"),
    "env": lambda pod: (
        variable(pod, "VLLM_LOGGING_LEVEL")["value"] == "DEBUG"
        and variable(pod, "VLLM_API_KEY")["valueFrom"]["secretKeyRef"]["name"] == "vllm-api-key"
        and variable(pod, "EXTRA")["valueFrom"]["configMapKeyRef"]["optional"]
    ),
    "volumes": lambda pod: "extra" in [each["name"] for each in pod["spec"]["volumes"]],
    "volume_mounts": lambda pod: (
        "/extra" in [each["mountPath"] for each in server(pod)["volumeMounts"]]
    ),
    "containers": lambda pod: "shipper" in [each["name"] for each in pod["spec"]["containers"]],
    "init_containers": lambda pod: (
        [(each["name"], each.get("restartPolicy")) for each in pod["spec"]["initContainers"]]
        == [("prepare", None), ("proxy", "Always")]
    ),
    "patches": lambda pod: pod["spec"]["dnsConfig"]["options"] == [{"name": "ndots", "value": "2"}],
}

OF_WORKLOADS: dict[str, Callable[[Applied], Any]] = {
    "replicas": lambda applied: applied.deployment["status"]["availableReplicas"] == 2,
    "strategy": lambda applied: (
        applied.deployment["spec"]["strategy"]
        == {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    ),
    "topology_spread": lambda applied: zones(applied) == ["us-central1-a", "us-central1-b"],
    "annotations": lambda applied: all(
        each["metadata"]["annotations"]["example.com/owner"] == "search"
        for each in (applied.deployment, applied.service)
    ),
    "service_labels": lambda applied: (
        applied.service["metadata"]["labels"]["exposed"] == "inside"
        and "exposed" not in applied.deployment["metadata"]["labels"]
    ),
    "service_annotations": lambda applied: (
        applied.service["metadata"]["annotations"]["example.com/dns"] == "chat"
    ),
    "patches": lambda applied: applied.service["spec"]["sessionAffinity"] == "ClientIP",
}


def zones(applied: Applied) -> list[str]:
    """The zones of the Pods' machines."""
    nodes = [node_of(applied.namespace, pod) for pod in applied.pods]
    return sorted(each["metadata"]["labels"][ZONE] for each in nodes)


def test_no_field_is_left_out() -> None:
    assert OF_PODS.keys() | OF_WORKLOADS.keys() | OBJECTS == ServingFields.model_fields.keys()


@pytest.mark.parametrize("field", OF_PODS)
def test_a_field_reaches_the_pods(applied: Applied, field: str) -> None:
    assert len(applied.pods) == 2
    assert all(OF_PODS[field](pod) for pod in applied.pods)


@pytest.mark.parametrize("field", OF_WORKLOADS)
def test_a_field_reaches_the_workload(applied: Applied, field: str) -> None:
    assert OF_WORKLOADS[field](applied)


def test_applied_again_all_of_it_is_unchanged(applied: Applied) -> None:
    output = applied.namespace.kubectl("apply", "-k", str(applied.directory))
    assert changes_in(output) == []


def test_a_rolling_update_replaces_the_pods_one_after_the_other(applied: Applied) -> None:
    before = {pod["metadata"]["uid"] for pod in applied.pods}
    values = applied.directory / "vllm-runtime-config.env"
    values.write_text(values.read_text().replace("MAX_MODEL_LEN=131072", "MAX_MODEL_LEN=65536"))

    applied.roll_out()

    after = wait_until(lambda: pods if len(pods := applied.pods) == 2 else [], f"two Pods: {NAME}")
    assert not before & {pod["metadata"]["uid"] for pod in after}
    assert zones(applied) == ["us-central1-a", "us-central1-b"]


def test_a_pod_waits_for_a_machine_in_the_right_zone(applied: Applied) -> None:
    applied.namespace.kubectl("scale", f"deployment/{NAME}", "--replicas=4")

    def waiting() -> list[str]:
        pods = applied.pods
        names = [pod["metadata"]["name"] for pod in pods if "nodeName" not in pod["spec"]]
        return names if (len(pods), len(names)) == (4, 1) else []

    (name,) = wait_until(waiting, f"three of four Pods have a machine: {NAME}")
    reason = why_unschedulable(applied.namespace, name)
    assert "didn't match pod topology spread constraints" in reason
    applied.roll_out()
    wait_until(lambda: len(applied.pods) == 2, f"two Pods: {NAME}")


def test_the_directory_on_queued_capacity_has_the_fields_and_patches_as_well(
    restricted_namespace: Namespace, dist: Path, applied: Applied
) -> None:
    directory = dist / f"{directory_of(CELL)}-queued"
    restricted_namespace.kubectl("apply", "-k", str(directory))

    (template,) = restricted_namespace.items("podtemplates")
    wanted = restricted_namespace.get("deployments", NAME)["spec"]["template"]["spec"]
    spec = template["template"]["spec"]
    for field in ("dnsConfig", "priorityClassName", "initContainers", "volumes"):
        assert spec[field] == wanted[field]


def _create_priority_class(cluster: ControlPlane) -> None:
    manifest: Json = {"metadata": {"name": "serving"}, "value": 1000}
    cluster.api.create("/apis/scheduling.k8s.io/v1/priorityclasses", manifest)
