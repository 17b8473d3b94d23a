"""Queued cells wait for the capacity that they request, and use no other."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from testing.objects import Json
from testing.project import copy_profiles
from tests.cluster import gke
from tests.cluster.cells import MACHINE_OF_CELL, QUEUED_CELLS, directory_of, synth, workload_of
from tests.cluster.kubectl import KubectlError
from tests.cluster.miniature import added_nodes, provision_request
from tests.cluster.namespace import Namespace
from tests.cluster.observed import changes_in, pod_of, serving_pod, why_unschedulable

each_cell = pytest.mark.parametrize("cell", QUEUED_CELLS)


@each_cell
def test_a_pod_waits_for_its_request_and_is_bound_to_the_machine_that_comes(
    namespace: Namespace, filled_dist: Path, cell: str
) -> None:
    workload = workload_of(cell)
    directory = str(_directory(filled_dist, cell))
    namespace.kubectl("apply", "-k", directory)
    pod = pod_of(namespace, workload)
    # The scheduler's reason: the Pod may use none of the existing machines, whatever their room.
    reason = why_unschedulable(namespace, pod["metadata"]["name"])
    assert "untolerated taint" in reason
    assert "1 node(s) didn't match Pod's node affinity/selector" in reason
    assert "Insufficient" not in reason

    provision_request(namespace.cluster.api, _path_of_request(namespace, workload))
    machine = gke.node(gke.queued_pool(MACHINE_OF_CELL[cell], "queued"))
    with added_nodes(namespace.cluster.api, machine):
        serving = serving_pod(namespace, workload)
        assert serving["spec"]["nodeName"] == machine["metadata"]["name"]
        row = namespace.kubectl("get", f"deployment/{workload}", "--no-headers").split()
        assert row[:2] == [workload, "1/1"]
        listed = namespace.kubectl(
            "get", "provisioningrequest.autoscaling.x-k8s.io", "--no-headers"
        )
        assert listed.split()[0] == workload
        assert changes_in(namespace.kubectl("apply", "-k", directory)) == []
        namespace.kubectl("delete", "-k", directory, "--timeout=60s")


@each_cell
def test_the_request_asks_for_what_its_deployments_pod_asks_for(
    namespace: Namespace, filled_dist: Path, cell: str
) -> None:
    workload = workload_of(cell)
    namespace.kubectl("apply", "-k", str(_directory(filled_dist, cell)))

    deployment = namespace.get("deployments", workload)
    (pod_set,) = namespace.get("provisioningrequests", workload)["spec"]["podSets"]
    requested = namespace.get("podtemplates", pod_set["podTemplateRef"]["name"])["template"]
    template = deployment["spec"]["template"]
    assert pod_set["count"] == deployment["spec"]["replicas"] == 1
    assert _asked_for(requested["spec"]) == _asked_for(template["spec"])
    notes = template["metadata"]["annotations"]
    assert notes["autoscaling.x-k8s.io/consume-provisioning-request"] == workload


def test_a_pod_that_was_pending_is_made_again_once_it_is_deleted(
    namespace: Namespace, filled_dist: Path
) -> None:
    namespace.kubectl("apply", "-k", str(_directory(filled_dist, "h100-llama3")))
    pending = pod_of(namespace, "vllm-h100")
    provision_request(namespace.cluster.api, _path_of_request(namespace, "vllm-h100"))

    namespace.kubectl("delete", f"pod/{pending['metadata']['name']}")

    with added_nodes(namespace.cluster.api, gke.node(gke.queued_pool("a3-highgpu-4g", "queued"))):
        serving = serving_pod(namespace, "vllm-h100")
        assert serving["metadata"]["uid"] != pending["metadata"]["uid"]
        namespace.clear_pods()


def test_a_named_pool_is_the_only_one_that_is_taken(namespace: Namespace, tmp_path: Path) -> None:
    profile = copy_profiles(tmp_path) / "gpus" / "h100.yaml"
    profile.write_text(f"{profile.read_text()}queued_node_pool: {gke.QUEUED_POOL}\n")
    dist = synth(tmp_path, "--profiles", tmp_path / "profiles")
    named, other = gke.node(gke.queued_pool()), gke.node(gke.queued_pool(name="another"))

    with added_nodes(namespace.cluster.api, other):
        namespace.kubectl("apply", "-k", str(_directory(dist, "h100-llama4-scout")))
        why_unschedulable(namespace, pod_of(namespace, "vllm-h100")["metadata"]["name"])
        with added_nodes(namespace.cluster.api, named):
            serving = serving_pod(namespace, "vllm-h100")
            assert serving["spec"]["nodeName"] == named["metadata"]["name"]
            namespace.clear_pods()


def test_another_queued_directory_is_refused_until_the_old_one_is_deleted(
    namespace: Namespace, filled_dist: Path
) -> None:
    old, new = (_directory(filled_dist, cell) for cell in ("h100-gemma3-27b", "h100-llama3"))
    namespace.kubectl("apply", "-k", str(old))

    with pytest.raises(KubectlError, match="immutable"):
        namespace.kubectl("apply", "-k", str(new))

    namespace.kubectl("delete", "-k", str(old), "--timeout=60s")
    namespace.kubectl("apply", "-k", str(new))


def _directory(dist: Path, cell: str) -> Path:
    return dist / f"{directory_of(cell)}-queued"


def _path_of_request(namespace: Namespace, workload: str) -> str:
    return f"{namespace.path('provisioningrequests')}/{workload}"


def _asked_for(spec: Json) -> str:
    """Returns the fields of a Pod that decide which machines it fits."""
    resources = {container["name"]: container["resources"] for container in spec["containers"]}
    placement = {key: spec.get(key) for key in ("nodeSelector", "affinity", "tolerations")}
    return yaml.safe_dump({"resources": resources, **placement})
