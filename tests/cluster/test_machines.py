"""Scheduling on machines and Pod Security of namespaces, with hand-written objects."""

from __future__ import annotations

import pytest

from tests.cluster import gke, hand_made
from tests.cluster.kubectl import KubectlError
from tests.cluster.machines import MACHINES
from tests.cluster.namespace import Namespace
from tests.cluster.observed import why_unschedulable


@pytest.mark.parametrize(
    ("resources", "reason"),
    [
        ({gke.GPU: "2"}, f"1 Insufficient {gke.GPU}"),
        ({gke.GPU: "1", "cpu": "26"}, "1 Insufficient cpu"),
        ({gke.GPU: "1", "memory": "234Gi"}, "1 Insufficient memory"),
    ],
)
def test_a_pod_that_asks_for_more_than_its_machine_leaves_stays_pending(
    namespace: Namespace, resources: dict[str, str], reason: str
) -> None:
    """The machine has 26 CPUs and 234 GiB; it keeps a part of both for itself."""
    selector = {gke.COMPUTE_CLASS: "gpu-h100-80gb-high-x1"}
    namespace.apply(hand_made.pod(resources, selector=selector))
    assert reason in why_unschedulable(namespace, "pod")


def test_a_pod_may_ask_for_all_that_its_machine_leaves(namespace: Namespace) -> None:
    machine = MACHINES["a3-highgpu-1g"]
    resources = {
        gke.GPU: "1",
        "cpu": f"{machine.allocatable_millicpus}m",
        "memory": str(machine.allocatable_memory() // 1024 * 1024),
    }
    namespace.apply(hand_made.pod(resources, selector={gke.COMPUTE_CLASS: "gpu-h100-80gb-high-x1"}))
    namespace.kubectl("wait", "--for=condition=Ready", "pod/pod", "--timeout=30s")


def test_a_pod_that_tolerates_no_gpu_node_stays_pending(namespace: Namespace) -> None:
    pod = hand_made.pod({"cpu": "1"}, selector={gke.COMPUTE_CLASS: "gpu-l4-24gb-x8"})
    del pod["spec"]["tolerations"]
    namespace.apply(pod)
    assert "untolerated taint" in why_unschedulable(namespace, "pod")


def test_a_baseline_namespace_refuses_host_paths_and_admits_fuse_volumes(
    namespace: Namespace,
) -> None:
    pod = hand_made.pod({"cpu": "1"})
    pod["spec"]["volumes"] = [{"name": "gcsfuse", "csi": {"driver": "gcsfuse.csi.storage.gke.io"}}]
    namespace.apply(pod)
    pod["metadata"]["name"] = "host"
    pod["spec"]["volumes"] = [{"name": "host", "hostPath": {"path": "/"}}]
    with pytest.raises(KubectlError, match='violates PodSecurity "baseline:latest": hostPath'):
        namespace.apply(pod)


def test_a_restricted_namespace_refuses_what_baseline_admits(
    restricted_namespace: Namespace,
) -> None:
    with pytest.raises(KubectlError, match='violates PodSecurity "restricted:latest"'):
        restricted_namespace.apply(hand_made.pod({"cpu": "1"}))
    pod = hand_made.pod({"cpu": "1"})
    pod["spec"]["securityContext"] = {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    pod["spec"]["containers"][0]["securityContext"] = {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
    }
    restricted_namespace.apply(pod)
