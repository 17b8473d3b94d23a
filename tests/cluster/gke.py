"""GKE in miniature: Node objects of its machines, from a small table.

Labels and taints are those of GKE's autoscaler (GoogleCloudPlatform/cluster-autoscaler): a node
made for a compute class carries the class as label and as taint; flex-start is a label;
`gke-accelerator-count` exists on Autopilot only. What the base platform adds is from its Terraform
(GoogleCloudPlatform/accelerated-platforms, `platforms/gke/base/core`): its own node pools carry
the taint `on-demand`, the system's one another, and a class allows 32 Pods on a node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from testing.objects import Json
from tests.cluster.machines import MACHINES, Machine

COMPUTE_CLASS = "cloud.google.com/compute-class"
ACCELERATOR = "cloud.google.com/gke-accelerator"
NODE_POOL = "cloud.google.com/gke-nodepool"
FLEX_START = "cloud.google.com/gke-flex-start"
DRIVER = "cloud.google.com/gke-gpu-driver-version"
INSTANCE_TYPE = "node.kubernetes.io/instance-type"
GPU = "nvidia.com/gpu"
QUEUED_POOL = "gpu-h100x8-a3h8-dws"
PODS_ON_CLASS_NODE = 32

_PROVISIONING = "cloud.google.com/gke-provisioning"
_REGION = "us-central1"
_ZONE = "us-central1-a"
_PODS_ON_NODE = 110

MACHINE_OF_CLASS = {
    "gpu-l4-24gb-x2": MACHINES["g2-standard-24"],
    "gpu-l4-24gb-x4": MACHINES["g2-standard-48"],
    "gpu-l4-24gb-x8": MACHINES["g2-standard-96"],
    "gpu-h100-80gb-high-x1": MACHINES["a3-highgpu-1g"],
    "gpu-h100-80gb-high-x2": MACHINES["a3-highgpu-2g"],
    "gpu-h100-80gb-high-x4": MACHINES["a3-highgpu-4g"],
    "gpu-h100-80gb-high-x8": MACHINES["a3-highgpu-8g"],
    "gpu-h100-80gb-mega-x8": MACHINES["a3-megagpu-8g"],
    "gpu-h200-141gb-ultra-x8": MACHINES["a3-ultragpu-8g"],
}


@dataclass(frozen=True)
class NodePool:
    """Nodes of one kind; every taint has the effect NoSchedule."""

    name: str
    machine: Machine
    labels: Mapping[str, str]
    taints: Mapping[str, str]
    max_pods: int = _PODS_ON_NODE


def node_pools() -> list[NodePool]:
    """The pools whose nodes exist from the start: ordinary ones and those of compute classes.

    The classes of the machines that queued provisioning uses have a flex-start pool as well:
    its nodes are the ones that look most like queued ones.
    """
    return [
        NodePool(
            "system",
            MACHINES["e2-standard-4"],
            {"resource-type": "system"},
            {"components.gke.io/gke-managed-components": "true"},
        ),
        NodePool(
            "cpu-n4s8",
            MACHINES["n4-standard-8"],
            {"resource-model": "n4", "resource-type": "cpu"},
            {"on-demand": "true"},
        ),
        *(class_pool(name) for name in MACHINE_OF_CLASS),
        class_pool("gpu-h100-80gb-high-x8", flex_start=True),
        class_pool("gpu-h200-141gb-ultra-x8", flex_start=True),
    ]


def class_pool(compute_class: str, *, flex_start: bool = False) -> NodePool:
    """A node pool as the autoscaler creates it for a compute class."""
    return NodePool(
        f"nap-{compute_class.removeprefix('gpu-')}{'-flex' if flex_start else ''}",
        MACHINE_OF_CLASS[compute_class],
        {COMPUTE_CLASS: compute_class, **(_flex_start_labels() if flex_start else {})},
        {COMPUTE_CLASS: compute_class, GPU: "present"},
        max_pods=PODS_ON_CLASS_NODE,
    )


def queued_pool(machine: str = "a3-highgpu-8g", name: str = QUEUED_POOL) -> NodePool:
    """A node pool with queued provisioning; it has nodes once a request is Provisioned."""
    return NodePool(
        name,
        MACHINES[machine],
        {"resource-type": "gpu", **_flex_start_labels()},
        {"on-demand": "true", "cloud.google.com/gke-queued": "true", GPU: "present"},
    )


def node(pool: NodePool, number: int = 0) -> Json:
    """The Node object of one machine of a pool."""
    name = f"gke-test-{pool.name}-{number}"
    machine = pool.machine
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **_labels(pool)}},
        "spec": {
            "taints": [
                {"key": key, "value": value, "effect": "NoSchedule"}
                for key, value in pool.taints.items()
            ],
        },
        "status": {
            "capacity": _resources(pool, machine.millicpus, machine.memory),
            "allocatable": _resources(
                pool, machine.allocatable_millicpus, machine.allocatable_memory()
            ),
            "nodeInfo": _node_info(),
        },
    }


def _labels(pool: NodePool) -> dict[str, str]:
    labels = {
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        INSTANCE_TYPE: pool.machine.name,
        "topology.kubernetes.io/region": _REGION,
        "topology.kubernetes.io/zone": _ZONE,
        NODE_POOL: pool.name,
        _PROVISIONING: "standard",
        "cloud.google.com/gke-os-distribution": "cos",
        "cloud.google.com/machine-family": pool.machine.name.split("-")[0],
        "iam.gke.io/gke-metadata-server-enabled": "true",
    }
    if pool.machine.accelerator:
        # Settings of the base platform's node pools and compute classes.
        labels |= {ACCELERATOR: pool.machine.accelerator, DRIVER: "latest"}
    return {**labels, **pool.labels}


def _flex_start_labels() -> dict[str, str]:
    return {FLEX_START: "true", _PROVISIONING: "flex-start"}


def _resources(pool: NodePool, millicpus: int, memory: int) -> dict[str, str]:
    resources = {
        "cpu": f"{millicpus}m",
        "memory": f"{memory // 1024}Ki",
        "ephemeral-storage": "90Gi",
        "pods": str(pool.max_pods),
    }
    if pool.machine.gpus:
        resources[GPU] = str(pool.machine.gpus)
    return resources


def _node_info() -> dict[str, str]:
    unknown = ("bootID", "kernelVersion", "kubeProxyVersion", "machineID", "systemUUID")
    return {
        **dict.fromkeys(unknown, ""),
        "architecture": "amd64",
        "containerRuntimeVersion": "simulated",
        "kubeletVersion": "simulated",
        "operatingSystem": "linux",
        "osImage": "simulated",
    }
