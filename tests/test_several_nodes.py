"""`nodes` of a cell: its LeaderWorkerSet, what the nodes start, and what can't be served so."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cdk8s import App, Chart, JsonPatch

import ira_manifests as ira
from ira_manifests.errors import ProfileError
from ira_manifests.output.directory import Directory
from ira_manifests.rendering import render
from ira_manifests.rules import check_cells, check_objects
from testing.edits import edit_profile
from testing.kubectl import kustomize
from testing.objects import Json, objects_in, the
from testing.project import copy_profiles
from tests.schemas import VERSIONS, validate
from tests.support import ira as run
from tests.support import line_named

CELL = "h100/llama3"
NODES = {"tensor_parallel: 4": "tensor_parallel: 8\n    pipeline_parallel: 2\n    nodes: 2"}
LEADS = "leaderworkerset.sigs.k8s.io/worker-index"


def edited(folder: Path, edits: Mapping[str, str] = NODES) -> Path:
    profiles = copy_profiles(folder)
    edit_profile(profiles, CELL, edits)
    edit_profile(profiles, "platform.yaml", {"vllm-{gpu}": "vllm-{gpu}-{model}"})
    return profiles


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> list[Json]:
    """The objects of the cell's directory, as kubectl renders them."""
    folder = edited(tmp_path_factory.mktemp("nodes")).parent
    result = run("synth", cwd=folder)
    assert result.returncode == 0, result.stderr
    return objects_in(kustomize(folder / "dist/online-inference-gpu-h100-llama3"))


def of_group(objects: list[Json]) -> Any:
    return the(objects, "LeaderWorkerSet")["spec"]["leaderWorkerTemplate"]


def server(template: Json) -> Json:
    return dict(template["spec"]["containers"][0])


def test_a_group_has_a_pod_for_each_node_with_its_share_of_the_gpus(applied: list[Json]) -> None:
    group = of_group(applied)
    assert "Deployment" not in {item["kind"] for item in applied}
    assert group["size"] == 2
    assert group["restartPolicy"] == "RecreateGroupOnPodRestart"
    for template in (group["leaderTemplate"], group["workerTemplate"]):
        assert server(template)["resources"]["limits"]["nvidia.com/gpu"] == "8"
        machine = template["spec"]["nodeSelector"]["cloud.google.com/compute-class"]
        assert machine == "gpu-h100-80gb-high-x8"


def test_each_node_starts_the_engine_with_its_rank_and_only_the_leader_has_an_api(
    applied: list[Json],
) -> None:
    """Options of vllm/engine/arg_utils.py; `--headless` is that of vllm/entrypoints/cli/serve.py.

    The variables are those of kubernetes-sigs/lws, api/leaderworkerset/v1.
    """
    group = of_group(applied)
    leader, worker = server(group["leaderTemplate"]), server(group["workerTemplate"])
    own = [
        "--nnodes=$(LWS_GROUP_SIZE)",
        "--node-rank=$(LWS_WORKER_INDEX)",
        "--master-addr=$(LWS_LEADER_ADDRESS)",
    ]
    assert leader["args"][-3:] == own
    assert worker["args"] == [*leader["args"], "--headless"]
    assert {"startupProbe", "livenessProbe", "readinessProbe", "ports"} <= leader.keys()
    assert leader.keys() - worker.keys() == {
        "startupProbe", "livenessProbe", "readinessProbe", "ports", "lifecycle",
    }  # fmt: skip
    assert worker["volumeMounts"] == leader["volumeMounts"]


def test_it_has_the_fields_of_its_kind(applied: list[Json]) -> None:
    validate(the(applied, "LeaderWorkerSet"), VERSIONS[-1])


def test_the_service_leads_to_leaders_alone(applied: list[Json]) -> None:
    assert the(applied, "Service")["spec"]["selector"][LEADS] == "0"


def test_the_controllers_service_of_addresses_has_a_name_of_its_own(applied: list[Json]) -> None:
    """By kubernetes-sigs/lws, pkg/utils/controller: an existing Service is taken for it."""
    workload = the(applied, "LeaderWorkerSet")
    assert workload["spec"]["networkConfig"] == {"subdomainPolicy": "UniquePerReplica"}
    assert the(applied, "Service")["metadata"]["name"] == workload["metadata"]["name"]


@pytest.mark.parametrize("config", [None, {"subdomainPolicy": "Shared"}])
def test_a_service_in_the_place_of_the_controllers_is_found(
    tmp_path: Path, config: Json | None
) -> None:
    matrix = ira.load_matrix(edited(tmp_path))
    cell = matrix["h100", "llama3"]
    (found,) = [each for each in render(matrix, [cell]) if each.name == cell.directory]
    objects = copy.deepcopy(dict(found.objects))
    objects["leader-worker-set.yaml"]["spec"]["networkConfig"] = config
    findings = check_objects.check_directory(replace(found, objects=objects), Path("dist"))
    assert {item.rule_id for item in findings} == {"IRA017"}
    assert "Service vllm-h100-llama3 is also what the controller of" in findings[0].message


def test_the_pods_of_a_group_read_the_config_map_that_kustomize_names(applied: list[Json]) -> None:
    name = the(applied, "ConfigMap")["metadata"]["name"]
    group = of_group(applied)
    read = {
        item["valueFrom"]["configMapKeyRef"]["name"]
        for template in (group["leaderTemplate"], group["workerTemplate"])
        for container in template["spec"]["containers"]
        for item in container["env"]
        if "valueFrom" in item
    }
    assert read == {name}


def test_a_bucket_reaches_each_node(tmp_path: Path) -> None:
    folder = edited(tmp_path).parent
    assert run("synth", "--bucket", "acme-ira-model", cwd=folder).returncode == 0
    group = of_group(objects_in(kustomize(folder / "dist/online-inference-gpu-h100-llama3")))
    for template in (group["leaderTemplate"], group["workerTemplate"]):
        volumes = {item["name"]: item for item in template["spec"]["volumes"]}
        assert volumes["gcsfuse"]["csi"]["volumeAttributes"]["bucketName"] == "acme-ira-model"


def test_nothing_is_found_but_a_margin_and_nothing_is_called_measured(tmp_path: Path) -> None:
    matrix = ira.load_matrix(edited(tmp_path))
    findings = list(check_cells.check_cells(matrix, [matrix["h100", "llama3"]]))
    assert {item.rule_id for item in findings} <= {"IRA002", "IRA043"}
    rows = json.loads(run("list", "--json", cwd=tmp_path).stdout)["cells"]
    (row,) = [each for each in rows if (each["gpu"], each["model"]) == ("h100", "llama3")]
    assert row["gpus"] == 16
    assert not row["measured"]


def test_one_request_is_for_all_pods_of_all_groups(tmp_path: Path) -> None:
    """GKE takes one pod set a request: leader and workers ask for the same."""
    profiles = edited(tmp_path)
    edit_profile(profiles, CELL, {"    nodes: 2\n": "    nodes: 2\n    replicas: 3\n"})
    assert run("synth", cwd=tmp_path).returncode == 0
    objects = objects_in(kustomize(tmp_path / "dist/online-inference-gpu-h100-llama3-queued"))
    request, template = the(objects, "ProvisioningRequest"), the(objects, "PodTemplate")
    (pod_set,) = request["spec"]["podSets"]
    assert pod_set["count"] == 6
    assert pod_set["podTemplateRef"]["name"] == template["metadata"]["name"]
    group = of_group(objects)
    for each in (group["leaderTemplate"], group["workerTemplate"]):
        annotations = each["metadata"]["annotations"]
        assert (
            annotations["autoscaling.x-k8s.io/consume-provisioning-request"] == "vllm-h100-llama3"
        )
        assert each["spec"]["nodeSelector"] == template["template"]["spec"]["nodeSelector"]
        assert "cloud.google.com/gke-queued" in {t["key"] for t in each["spec"]["tolerations"]}
        assert server(each)["resources"] == server(template["template"])["resources"]
    validate(the(objects, "LeaderWorkerSet"), VERSIONS[-1])
    validate(template, VERSIONS[-1])


def queued(folder: Path) -> Directory:
    matrix = ira.load_matrix(edited(folder))
    cell = matrix["h100", "llama3"]
    (found,) = [each for each in render(matrix, [cell]) if each.name == cell.queued_directory]
    return found


def test_nothing_is_wrong_with_groups_on_queued_capacity(tmp_path: Path) -> None:
    assert check_objects.check_directory(queued(tmp_path), Path("dist")) == []


def test_a_request_for_groups_that_is_not_their_pods_is_found(tmp_path: Path) -> None:
    found = queued(tmp_path)
    objects = copy.deepcopy(dict(found.objects))
    objects["provisioning-request.yaml"]["spec"]["podSets"][0]["count"] = 1
    group = objects["leader-worker-set.yaml"]["spec"]["leaderWorkerTemplate"]
    server(group["workerTemplate"])["resources"]["requests"]["memory"] = "1G"
    findings = check_objects.check_directory(replace(found, objects=objects), Path("dist"))
    texts = [(item.rule_id, item.message) for item in findings]
    assert ("IRA019", "count is 1 and the LeaderWorkerSet has 2 Pods") in texts
    assert ("IRA018", "resources differ from those of vllm-h100-llama3") in texts


def test_what_changes_groups_on_queued_capacity_is_explained(tmp_path: Path) -> None:
    edited(tmp_path)
    field = "LeaderWorkerSet spec.leaderWorkerTemplate.workerTemplate.spec.nodeSelector"
    shown = run("explain", f"{CELL}", field, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    assert "profiles/gpus/h100.yaml" in shown.stdout


def test_a_request_in_an_app_is_for_all_pods(tmp_path: Path) -> None:
    cell = ira.load_matrix(edited(tmp_path))["h100", "llama3"]
    chart = Chart(App(), "x")
    workload = ira.VllmDeployment(chart, "vllm", cell=cell, bucket="acme")
    ira.ProvisioningRequest(chart, "capacity", workload=workload)
    workload.deployment.add_json_patch(JsonPatch.add("/spec/replicas", 2))
    (pod_set,) = the(chart.to_json(), "ProvisioningRequest")["spec"]["podSets"]
    assert pod_set["count"] == 4
    assert {item.rule_id for item in ira.check(chart)} <= {"IRA002"}  # a small margin


PATCHES = """\
    patches:
      - kind: LeaderWorkerSet
        json_patch:
          - {op: add, path: /spec/leaderWorkerTemplate/workerTemplate/spec/hostNetwork, value: true}
      - kind: LeaderWorkerSet
        strategic_merge: {spec: {leaderWorkerTemplate: {leaderTemplate: {spec: {hostIPC: true}}}}}
"""


def patched(folder: Path, patches: str) -> Path:
    profiles = edited(folder)
    edit_profile(profiles, CELL, {"    nodes: 2\n": f"    nodes: 2\n{patches}"})
    return profiles


def test_patches_reach_the_pods_of_a_group(tmp_path: Path) -> None:
    folder = patched(tmp_path, PATCHES).parent
    assert run("synth", cwd=folder).returncode == 0
    objects = objects_in(kustomize(folder / "dist/online-inference-gpu-h100-llama3"))
    group = of_group(objects)
    assert group["leaderTemplate"]["spec"].get("hostIPC") is True
    assert group["workerTemplate"]["spec"].get("hostNetwork") is True
    validate(the(objects, "LeaderWorkerSet"), VERSIONS[-1])
    field = "LeaderWorkerSet spec.leaderWorkerTemplate.workerTemplate.spec.hostNetwork"
    line = line_named(run("explain", CELL, field, cwd=folder), folder)
    assert line == "      - kind: LeaderWorkerSet"


GROUP = "/spec/leaderWorkerTemplate"
SERVER = f"{GROUP}/workerTemplate/spec/containers/0"
WRONG_PATCHES = {
    "size": (f"{GROUP}/size", "3", "set nodes"),
    "label": (f"{GROUP}/workerTemplate/metadata/labels/app.kubernetes.io~1instance", "other",
              "the Pods would not be found"),
    "args": (f"{SERVER}/args/0", "/other", "set args"),
    "gpus": (f"{SERVER}/resources/limits/nvidia.com~1gpu", "'4'", "set tensor_parallel"),
    "class": (f"{GROUP}/leaderTemplate/spec/nodeSelector/cloud.google.com~1compute-class", "other",
              "set compute_class"),
    "typo": (f"{GROUP}/workerTemplate/spec/hostNetwrok", "true", "is an unknown key"),
    "type": (f"{GROUP}/workerTemplate/spec/tolerations", "none", "it must be a list"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG_PATCHES)
def test_a_patch_of_what_is_decided_for_a_group_is_refused(tmp_path: Path, name: str) -> None:
    path, value, message = WRONG_PATCHES[name]
    operation = f"{{op: add, path: {path}, value: {value}}}"
    patch = f"    patches:\n      - kind: LeaderWorkerSet\n        json_patch: [{operation}]\n"
    with pytest.raises(ProfileError) as error:
        ira.load_matrix(patched(tmp_path, patch))
    (found,) = error.value.messages
    assert "cells.h100.patches[0]" in found
    assert message in found


def test_one_name_for_a_deployment_and_a_group_is_found(tmp_path: Path) -> None:
    profiles = edited(tmp_path)
    edit_profile(profiles, "platform.yaml", {"vllm-{gpu}-{model}": "vllm-{gpu}"})
    shown = run("check", cwd=tmp_path).stdout
    assert "IRA017" in shown
    assert "h100/llama3 and h100/gemma3-27b would be a Deployment and a LeaderWorkerSet" in shown


REFUSED = {
    "uneven": ({"tensor_parallel: 4": "tensor_parallel: 4\n    nodes: 3"},
               "is 3, which does not divide the 4 GPUs of tensor_parallel 4"),
    "old": ({"tensor_parallel: 4": "nodes: 2\n    engine: {version: 0.11.0, run_as_user: null}\n"
             "    tensor_parallel: 4"}, "needs vLLM 0.11.1 or newer"),
    "strategy": ({"tensor_parallel: 4": "nodes: 2\n    strategy: {type: recreate}\n"
                  "    tensor_parallel: 4"}, "can't be given with nodes"),
    "budget": ({"tensor_parallel: 4": "nodes: 2\n    disruption_budget: {min_available: 1}\n"
                "    tensor_parallel: 4"}, "can't be given with nodes"),
    "variable": ({"tensor_parallel: 4": "nodes: 2\n    env: {LWS_GROUP_SIZE: '3'}\n"
                  "    tensor_parallel: 4"}, "is what the controller of LeaderWorkerSets gives"),
    "ray": ({"tensor_parallel: 4": "nodes: 2\n    args: [--distributed-executor-backend=ray]\n"
             "    tensor_parallel: 4"}, "a server on several nodes needs mp"),
    "flag": ({"tensor_parallel: 4": "args: [--nnodes=2]\n    tensor_parallel: 4"}, "set nodes"),
    "too many": ({"tensor_parallel: 4": "tensor_parallel: 32\n    nodes: 2"}, "over 2 nodes"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_several_nodes_can_not_be_is_refused_in_words(tmp_path: Path, name: str) -> None:
    edits, message = REFUSED[name]
    with pytest.raises(ProfileError) as error:
        ira.load_matrix(edited(tmp_path, edits))
    assert message in str(error.value)


def test_a_group_of_another_size_than_its_parallel_sizes_is_found(tmp_path: Path) -> None:
    matrix = ira.load_matrix(edited(tmp_path))
    cell = matrix["h100", "llama3"]
    (found,) = [each for each in render(matrix, [cell]) if each.name == cell.directory]
    assert check_objects.check_directory(found, Path("dist")) == []
    objects = copy.deepcopy(dict(found.objects))
    objects["leader-worker-set.yaml"]["spec"]["leaderWorkerTemplate"]["size"] = 3
    findings = check_objects.check_directory(replace(found, objects=objects), Path("dist"))
    assert {item.rule_id for item in findings} == {"IRA011"}
    assert "3 Pods with 8 GPUs each, and the parallel sizes make 16" in findings[0].message
