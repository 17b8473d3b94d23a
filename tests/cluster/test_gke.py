"""GKE in miniature, without a cluster: its arithmetic, its labels and its taints."""

from __future__ import annotations

import pytest

from testing.objects import Json
from tests.cluster import gke
from tests.cluster.machines import MACHINES

_KIB = 1024
_TIB = 2**40


def test_a_node_with_eight_h100s_has_the_allocatable_of_a_published_one() -> None:
    """As printed by a GKE user for a node without image streaming."""
    machine = MACHINES["a3-highgpu-8g"]
    assert machine.allocatable_millicpus == 207410
    assert machine.allocatable_memory(streams_images=False) / _KIB == pytest.approx(
        1885812064, rel=0.001
    )


def test_an_ordinary_node_has_the_allocatable_of_the_documentations_example() -> None:
    """4 CPUs and 16 GB, on GKE's page on planning node sizes."""
    machine = MACHINES["e2-standard-4"]
    assert machine.allocatable_millicpus == 3920
    assert machine.allocatable_memory() / _KIB == pytest.approx(13498416, rel=0.001)


@pytest.mark.parametrize("name", MACHINES)
def test_a_machine_keeps_something_for_itself_but_not_much(name: str) -> None:
    machine = MACHINES[name]
    assert 0.97 * machine.millicpus < machine.allocatable_millicpus < machine.millicpus
    assert 0.8 * machine.memory < machine.allocatable_memory() < machine.memory < 3 * _TIB


def test_every_compute_class_has_one_node_pool_of_its_own_machine() -> None:
    pools = [pool for pool in gke.node_pools() if gke.FLEX_START not in pool.labels]
    machines = {pool.labels.get(gke.COMPUTE_CLASS): pool.machine for pool in pools}
    machines.pop(None)
    assert machines == gke.MACHINE_OF_CLASS


def test_no_two_nodes_have_the_same_name() -> None:
    names = [gke.node(pool)["metadata"]["name"] for pool in [*gke.node_pools(), gke.queued_pool()]]
    assert len(set(names)) == len(names)


def test_a_class_node_says_what_it_is_and_keeps_other_pods_off() -> None:
    node = gke.node(gke.class_pool("gpu-h100-80gb-high-x4"))
    labels = node["metadata"]["labels"]
    assert labels[gke.COMPUTE_CLASS] == "gpu-h100-80gb-high-x4"
    assert labels[gke.ACCELERATOR] == "nvidia-h100-80gb"
    assert labels[gke.INSTANCE_TYPE] == "a3-highgpu-4g"
    assert labels["iam.gke.io/gke-metadata-server-enabled"] == "true"
    assert gke.FLEX_START not in labels
    assert _taints(node) == {
        "cloud.google.com/compute-class=gpu-h100-80gb-high-x4:NoSchedule",
        "nvidia.com/gpu=present:NoSchedule",
    }
    assert node["status"]["allocatable"][gke.GPU] == "4"


def test_a_queued_node_belongs_to_no_class_and_keeps_pods_off_that_are_not_queued() -> None:
    node = gke.node(gke.queued_pool())
    labels = node["metadata"]["labels"]
    assert labels[gke.NODE_POOL] == "gpu-h100x8-a3h8-dws"
    assert labels[gke.FLEX_START] == "true"
    assert labels[gke.ACCELERATOR] == "nvidia-h100-80gb"
    assert gke.COMPUTE_CLASS not in labels
    assert _taints(node) == {
        "on-demand=true:NoSchedule",
        "cloud.google.com/gke-queued=true:NoSchedule",
        "nvidia.com/gpu=present:NoSchedule",
    }


def test_an_ordinary_node_has_no_accelerator() -> None:
    pools = {pool.name: pool for pool in gke.node_pools()}
    node = gke.node(pools["cpu-n4s8"])
    assert gke.ACCELERATOR not in node["metadata"]["labels"]
    assert gke.GPU not in node["status"]["capacity"]
    assert _taints(node) == {"on-demand=true:NoSchedule"}


def _taints(node: Json) -> set[str]:
    return {
        f"{taint['key']}={taint['value']}:{taint['effect']}" for taint in node["spec"]["taints"]
    }
