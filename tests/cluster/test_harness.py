"""The harness itself, with small hand-written objects: its real parts behave as on GKE."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.cluster import gke, hand_made
from tests.cluster.api import wait_until
from tests.cluster.base_platform import COMPUTE_CLASSES
from tests.cluster.controlplane import ControlPlane
from tests.cluster.namespace import Namespace
from tests.cluster.objects import has_condition
from tests.cluster.observed import node_of

_LEASES = "/apis/coordination.k8s.io/v1/namespaces"


def test_the_api_server_serves_the_pinned_version(cluster: ControlPlane) -> None:
    go_mod = (Path(__file__).parent / "controlplane" / "go.mod").read_text()
    version = cluster.api.get("/version")["gitVersion"]
    assert f"\tk8s.io/kubernetes {version} " in go_mod


def test_every_machine_of_the_miniature_is_ready(cluster: ControlPlane) -> None:
    nodes = {node["metadata"]["name"]: node for node in cluster.api.items("/api/v1/nodes")}
    assert set(nodes) == {gke.node(pool)["metadata"]["name"] for pool in gke.node_pools()}
    assert all(has_condition(node, "Ready") for node in nodes.values())
    for pool in gke.node_pools():
        made = gke.node(pool)
        served = nodes[made["metadata"]["name"]]
        assert _numbers(served["status"]["allocatable"]) == _numbers(made["status"]["allocatable"])
        assert served["spec"]["taints"] == made["spec"]["taints"]


def test_every_kubelet_holds_the_lease_of_its_node(cluster: ControlPlane) -> None:
    def held() -> set[str]:
        leases = cluster.api.items(f"{_LEASES}/kube-node-lease/leases")
        return {lease["metadata"]["name"] for lease in leases if "renewTime" in lease["spec"]}

    nodes = {gke.node(pool)["metadata"]["name"] for pool in gke.node_pools()}
    wait_until(lambda: nodes <= held(), "held: the Leases of all nodes")


def test_the_compute_classes_are_there(cluster: ControlPlane) -> None:
    names = {item["metadata"]["name"] for item in cluster.api.items(COMPUTE_CLASSES)}
    assert names == set(gke.MACHINE_OF_CLASS)


@pytest.mark.parametrize("compute_class", gke.MACHINE_OF_CLASS)
def test_a_deployment_runs_on_the_machine_of_its_class(
    namespace: Namespace, compute_class: str
) -> None:
    namespace.apply(hand_made.server(compute_class, gpus=1))
    namespace.kubectl("rollout", "status", "deployment/server", "--timeout=30s")
    assert namespace.kubectl("get", "deployment/server").split("\n")[1].split()[1] == "1/1"
    (pod,) = namespace.items("pods")
    labels = node_of(namespace, pod)["metadata"]["labels"]
    assert labels[gke.COMPUTE_CLASS] == compute_class
    assert labels[gke.INSTANCE_TYPE] == gke.MACHINE_OF_CLASS[compute_class].name


def test_a_server_keeps_running(namespace: Namespace) -> None:
    namespace.apply(hand_made.server("gpu-l4-24gb-x2", gpus=1))
    namespace.kubectl("rollout", "status", "deployment/server", "--timeout=30s")
    time.sleep(1.5)
    (pod,) = namespace.items("pods")
    assert pod["status"]["phase"] == "Running"
    assert has_condition(pod, "Ready")


def test_a_pod_that_selects_a_class_gets_its_toleration_and_no_other(namespace: Namespace) -> None:
    namespace.apply(hand_made.server("gpu-l4-24gb-x2", gpus=1))
    (pod,) = wait_until(lambda: namespace.items("pods"), "made: a Pod")
    tolerated = {toleration["key"]: toleration for toleration in pod["spec"]["tolerations"]}
    assert tolerated[gke.COMPUTE_CLASS]["value"] == "gpu-l4-24gb-x2"
    assert set(tolerated) == {
        gke.COMPUTE_CLASS,
        gke.GPU,
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
    }


def test_a_pod_that_selects_no_class_gets_no_toleration_for_one(namespace: Namespace) -> None:
    namespace.apply(hand_made.pod({"cpu": "1"}, selector={"kubernetes.io/os": "linux"}))
    keys = {entry["key"] for entry in namespace.get("pods", "pod")["spec"]["tolerations"]}
    assert gke.COMPUTE_CLASS not in keys


def test_a_job_gets_its_disk_completes_and_is_collected(namespace: Namespace) -> None:
    namespace.apply(hand_made.claim(), hand_made.job(ttl_seconds=2))
    assert namespace.get("persistentvolumeclaims", "scratch")["status"]["phase"] == "Pending"
    namespace.kubectl("wait", "--for=condition=Complete", "job/transfer", "--timeout=30s")
    claim = namespace.get("persistentvolumeclaims", "scratch")
    assert claim["status"]["phase"] == "Bound"
    assert claim["status"]["capacity"] == {"storage": "1Ti"}
    (pod,) = namespace.items("pods")
    assert pod["status"]["phase"] == "Succeeded"
    chosen = claim["metadata"]["annotations"]["volume.kubernetes.io/selected-node"]
    assert pod["spec"]["nodeName"] == chosen == "gke-test-cpu-n4s8-0"
    wait_until(lambda: not namespace.exists("jobs", "transfer"), "collected: the Job")
    wait_until(lambda: not namespace.items("pods"), "collected: its Pod")


def test_a_claim_without_a_pod_waits_for_its_first_one(namespace: Namespace) -> None:
    namespace.apply(hand_made.claim())
    time.sleep(1)
    assert namespace.get("persistentvolumeclaims", "scratch")["status"]["phase"] == "Pending"


def test_a_deleted_claim_takes_its_volume_with_it(namespace: Namespace) -> None:
    namespace.apply(hand_made.claim(), hand_made.job(ttl_seconds=600))
    namespace.kubectl("wait", "--for=condition=Complete", "job/transfer", "--timeout=30s")
    volume = namespace.get("persistentvolumeclaims", "scratch")["spec"]["volumeName"]
    namespace.kubectl("delete", "job/transfer", "persistentvolumeclaim/scratch", "--timeout=30s")
    path = f"/api/v1/persistentvolumes/{volume}"
    wait_until(lambda: not namespace.cluster.api.exists(path), "gone: the volume")


def test_a_running_jobs_deletion_leaves_nothing(namespace: Namespace) -> None:
    job = hand_made.job(ttl_seconds=600)
    del job["spec"]["template"]["spec"]["volumes"]
    namespace.apply(job)
    wait_until(lambda: namespace.items("pods"), "made: a Pod")
    namespace.kubectl("delete", "job/transfer", "--timeout=30s")
    wait_until(lambda: not namespace.items("pods"), "gone: its Pod")


def _numbers(resources: dict[str, str]) -> dict[str, int]:
    """The server writes 1024Ki as 1Mi."""
    units = {"m": 1, "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "": 1}
    numbers = {}
    for name, quantity in resources.items():
        digits = quantity.rstrip("KMGim")
        numbers[name] = int(digits) * units[quantity[len(digits) :]]
    return numbers
