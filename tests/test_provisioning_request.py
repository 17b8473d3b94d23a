"""Requests for queued capacity in a user's own cdk8s app follow their workload."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from cdk8s import ApiObject, App, Chart, JsonPatch

from ira_manifests import Cell, InputError, ProvisioningRequest, VllmDeployment, load_matrix
from testing.objects import template_of, the
from testing.project import copy_edited, copy_profiles

POD = "/spec/template/spec"
CONSUME = "autoscaling.x-k8s.io/consume-provisioning-request"
PLATFORM = "cloud.google.com"


@pytest.fixture
def workload(chart: Chart, cell: Cell) -> VllmDeployment:
    return VllmDeployment(chart, "vllm", cell=cell)


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_patch_of_the_deployment_is_in_the_request_as_well(
    when: str, chart: Chart, cell: Cell
) -> None:
    workload = VllmDeployment(chart, "vllm", cell=cell)

    def patch() -> None:
        pod = "/spec/template/spec"
        ApiObject.of(workload).add_json_patch(
            JsonPatch.replace("/spec/replicas", 3),
            JsonPatch.add(f"{pod}/priorityClassName", "high"),
            JsonPatch.replace(f"{pod}/containers/0/resources/requests/cpu", "20"),
            JsonPatch.replace(f"{pod}/containers/0/resources/limits/cpu", "20"),
        )

    if when == "before":
        patch()
    ProvisioningRequest(chart, "capacity", workload=workload)
    if when == "after":
        patch()

    objects = chart.to_json()
    pod_template = the(objects, "PodTemplate")
    assert pod_template["template"] == template_of(objects)
    assert pod_template["template"]["spec"]["priorityClassName"] == "high"
    (pod_set,) = the(objects, "ProvisioningRequest")["spec"]["podSets"]
    assert pod_set["count"] == 3
    assert pod_set["podTemplateRef"]["name"] == pod_template["metadata"]["name"]


def test_limits_become_requests_where_the_deployment_leaves_them_out(
    chart: Chart, cell: Cell
) -> None:
    workload = VllmDeployment(chart, "vllm", cell=cell)
    ApiObject.of(workload).add_json_patch(
        JsonPatch.remove("/spec/template/spec/containers/0/resources/requests")
    )
    ProvisioningRequest(chart, "capacity", workload=workload)

    server, _ = the(chart.to_json(), "PodTemplate")["template"]["spec"]["containers"]
    assert server["resources"]["requests"] == {"cpu": "10", "memory": "128G", "nvidia.com/gpu": "1"}


def test_only_what_places_pods_changes_the_name_of_the_template(cell: Cell) -> None:
    def name(*patches: JsonPatch) -> str:
        scope = Chart(App(), "chart")
        workload = VllmDeployment(scope, "vllm", cell=cell)
        ApiObject.of(workload).add_json_patch(*patches)
        ProvisioningRequest(scope, "capacity", workload=workload)
        return str(the(scope.to_json(), "PodTemplate")["metadata"]["name"])

    pod = "/spec/template/spec/containers/0"
    plain = name()
    assert re.fullmatch("vllm-h100-[0-9a-f]{8}", plain)
    assert name(JsonPatch.replace(f"{pod}/image", "vllm/vllm-openai:v0.27.0")) == plain
    assert name(JsonPatch.replace(f"{pod}/resources/requests/cpu", "20")) != plain


def test_a_second_request_for_a_workload_is_refused(chart: Chart, cell: Cell) -> None:
    workload = VllmDeployment(chart, "vllm", cell=cell)
    ProvisioningRequest(chart, "capacity", workload=workload)

    with pytest.raises(InputError, match="inference/vllm consumes a ProvisioningRequest already"):
        ProvisioningRequest(chart, "more", workload=workload)


def test_a_pool_that_the_profile_names_takes_the_place_of_the_other_selectors(
    tmp_path: Path,
) -> None:
    folder = copy_edited(tmp_path, "gpus/h100.yaml", ("# queued_node_pool", "queued_node_pool"))
    scope = Chart(App(), "chart")
    workload = VllmDeployment(scope, "vllm", cell=load_matrix(folder)["h100", "llama3"])
    ProvisioningRequest(scope, "capacity", workload=workload)

    selector = template_of(scope.to_json())["spec"]["nodeSelector"]
    assert selector == {"cloud.google.com/gke-nodepool": "gpu-h100x8-a3h8-dws"}


def test_a_rollout_that_waits_in_the_queue_is_not_called_stuck(chart: Chart, cell: Cell) -> None:
    workload = VllmDeployment(chart, "vllm", cell=cell)
    ProvisioningRequest(chart, "capacity", workload=workload)

    deadline = the(chart.to_json(), "Deployment")["spec"]["progressDeadlineSeconds"]
    assert deadline > 7 * 24 * 3600


def test_what_was_patched_before_the_request_stays(chart: Chart, workload: VllmDeployment) -> None:
    ApiObject.of(workload).add_json_patch(
        JsonPatch.add(f"{POD}/nodeSelector/topology.kubernetes.io~1zone", "us-east4-a"),
        JsonPatch.add("/spec/template/metadata/annotations/team", "llm"),
        JsonPatch.replace("/spec/progressDeadlineSeconds", 2_000_000),
    )
    ProvisioningRequest(chart, "capacity", workload=workload)

    objects = chart.to_json()
    template = template_of(objects)
    assert template["spec"]["nodeSelector"] == {
        f"{PLATFORM}/gke-accelerator": "nvidia-h100-80gb",
        f"{PLATFORM}/gke-flex-start": "true",
        f"{PLATFORM}/gke-gpu-driver-version": "latest",
        "topology.kubernetes.io/zone": "us-east4-a",
    }
    assert template["metadata"]["annotations"]["team"] == "llm"
    assert template["metadata"]["annotations"]["gke-gcsfuse/volumes"] == "true"
    assert the(objects, "Deployment")["spec"]["progressDeadlineSeconds"] == 2_000_000
    assert the(objects, "PodTemplate")["template"] == template


@pytest.mark.parametrize("part", ["nodeSelector", "tolerations"])
def test_what_was_removed_before_the_request_is_no_obstacle(
    part: str, chart: Chart, workload: VllmDeployment
) -> None:
    ApiObject.of(workload).add_json_patch(JsonPatch.remove(f"{POD}/{part}"))
    ProvisioningRequest(chart, "capacity", workload=workload)

    pod = template_of(chart.to_json())["spec"]
    queued = {"key": f"{PLATFORM}/gke-queued", "operator": "Equal", "value": "true",
              "effect": "NoSchedule"}  # fmt: skip
    assert queued in pod["tolerations"]
    assert pod["nodeSelector"][f"{PLATFORM}/gke-flex-start"] == "true"


def test_what_is_patched_after_the_request_wins(chart: Chart, workload: VllmDeployment) -> None:
    ProvisioningRequest(chart, "capacity", workload=workload)
    ApiObject.of(workload).add_json_patch(
        JsonPatch.replace(f"{POD}/nodeSelector", {f"{PLATFORM}/gke-nodepool": "mine"}),
        JsonPatch.replace("/spec/progressDeadlineSeconds", 600),
    )

    objects = chart.to_json()
    selector = {f"{PLATFORM}/gke-nodepool": "mine"}
    assert template_of(objects)["spec"]["nodeSelector"] == selector
    assert the(objects, "PodTemplate")["template"]["spec"]["nodeSelector"] == selector
    assert the(objects, "Deployment")["spec"]["progressDeadlineSeconds"] == 600


def test_the_two_objects_take_patches_of_their_own(chart: Chart, workload: VllmDeployment) -> None:
    request = ProvisioningRequest(chart, "capacity", workload=workload)
    request.request.add_json_patch(
        JsonPatch.add("/spec/parameters/ValidUntilSeconds", "7200"),
        JsonPatch.add("/metadata/annotations", {"team": "llm"}),
    )
    request.pod_template.add_json_patch(
        JsonPatch.replace("/metadata/name", "mine"),
        JsonPatch.add("/template/metadata/labels/team", "llm"),
    )

    objects = chart.to_json()
    template, rendered = the(objects, "PodTemplate"), the(objects, "ProvisioningRequest")
    assert rendered["spec"]["parameters"] == {
        "maxRunDurationSeconds": "604800", "ValidUntilSeconds": "7200",
    }  # fmt: skip
    assert rendered["metadata"]["annotations"] == {"team": "llm"}
    assert template["template"]["metadata"]["labels"]["team"] == "llm"
    assert template["metadata"]["name"] == "mine"
    assert rendered["spec"]["podSets"][0]["podTemplateRef"]["name"] == "mine"


@pytest.mark.parametrize("when", ["before", "after"])
def test_the_request_has_the_name_that_the_pods_consume(
    when: str, chart: Chart, workload: VllmDeployment
) -> None:
    rename = JsonPatch.replace("/metadata/name", "renamed")
    consumed = f"/spec/template/metadata/annotations/{CONSUME.replace('/', '~1')}"
    if when == "before":
        ApiObject.of(workload).add_json_patch(rename)
    ProvisioningRequest(chart, "capacity", workload=workload)
    if when == "after":
        ApiObject.of(workload).add_json_patch(rename, JsonPatch.replace(consumed, "renamed"))

    objects = chart.to_json()
    assert template_of(objects)["metadata"]["annotations"][CONSUME] == "renamed"
    assert the(objects, "ProvisioningRequest")["metadata"]["name"] == "renamed"
    assert the(objects, "PodTemplate")["metadata"]["name"].startswith("renamed-")


@pytest.mark.parametrize(
    ("path", "value", "changes"),
    [
        (f"{POD}/initContainers", [{"name": "warm", "image": "busybox:1.37.0", "resources": {
            "limits": {"cpu": "30"}}}], True),
        (f"{POD}/runtimeClassName", "gvisor", True),
        (f"{POD}/schedulerName", "volcano", True),
        (f"{POD}/priorityClassName", "high", True),
        (f"{POD}/affinity", {"podAntiAffinity": {}}, True),
        (f"{POD}/hostname", "vllm", False),
        (f"{POD}/containers/0/env/-", {"name": "A", "value": "1"}, False),
    ],
)  # fmt: skip
def test_another_shape_is_another_template(
    path: str, value: Any, changes: bool, cell: Cell
) -> None:
    names = set()
    for patches in ([], [JsonPatch.add(path, value)]):
        scope = Chart(App(), "chart")
        workload = VllmDeployment(scope, "vllm", cell=cell)
        ApiObject.of(workload).add_json_patch(*patches)
        ProvisioningRequest(scope, "capacity", workload=workload)
        names.add(the(scope.to_json(), "PodTemplate")["metadata"]["name"])

    assert len(names) == (2 if changes else 1)


def test_limits_of_init_containers_become_requests_too(
    chart: Chart, workload: VllmDeployment
) -> None:
    warm = {"name": "warm", "image": "busybox:1.37.0", "resources": {"limits": {"cpu": "30"}}}
    ApiObject.of(workload).add_json_patch(JsonPatch.add(f"{POD}/initContainers", [warm]))
    ProvisioningRequest(chart, "capacity", workload=workload)

    (init,) = the(chart.to_json(), "PodTemplate")["template"]["spec"]["initContainers"]
    assert init["resources"]["requests"] == {"cpu": "30"}


def test_the_longest_name_leaves_room_for_the_hash(chart: Chart) -> None:
    matrix = load_matrix(workload_name="vllm-{gpu}-" + "x" * 53)  # 63 characters with h100
    workload = VllmDeployment(chart, "vllm", cell=matrix["h100", "llama3"])
    ProvisioningRequest(chart, "capacity", workload=workload)

    objects = chart.to_json()
    template = the(objects, "PodTemplate")["metadata"]["name"]
    assert len(the(objects, "Deployment")["metadata"]["name"]) == 63
    assert re.fullmatch(r"vllm-h100-x{44}-[0-9a-f]{8}", template)


def test_a_request_that_may_not_wait_for_ever_says_how_long(tmp_path: Path, chart: Chart) -> None:
    folder = copy_profiles(tmp_path)
    platform = folder / "platform.yaml"
    platform.write_text(platform.read_text() + "  valid_until_seconds: 7200\n")
    workload = VllmDeployment(chart, "vllm", cell=load_matrix(folder)["h100", "llama3"])
    ProvisioningRequest(chart, "capacity", workload=workload)

    request = the(chart.to_json(), "ProvisioningRequest")
    assert request["spec"]["parameters"]["ValidUntilSeconds"] == "7200"


def test_a_gpu_type_without_a_queue_is_refused(chart: Chart) -> None:
    workload = VllmDeployment(chart, "vllm", cell=load_matrix()["l4", "gemma3-27b"])

    with pytest.raises(InputError, match="the GPU type l4 has no queued capacity"):
        ProvisioningRequest(chart, "capacity", workload=workload)


@pytest.mark.parametrize(
    "key",
    [
        f"{PLATFORM}/gke-spot",
        f"{PLATFORM}/reservation-name",
        f"{PLATFORM}/gke-max-run-duration-seconds",
    ],
)
def test_a_selector_of_other_capacity_is_refused(
    key: str, chart: Chart, workload: VllmDeployment
) -> None:
    path = f"{POD}/nodeSelector/{key.replace('/', '~1')}"
    ApiObject.of(workload).add_json_patch(JsonPatch.add(path, "true"))

    with pytest.raises(InputError, match=f"inference/vllm: drop the node selector {key}"):
        ProvisioningRequest(chart, "capacity", workload=workload)


def test_so_is_one_that_comes_later(chart: Chart, workload: VllmDeployment) -> None:
    ProvisioningRequest(chart, "capacity", workload=workload)
    path = f"{POD}/nodeSelector/cloud.google.com~1compute-class"
    ApiObject.of(workload).add_json_patch(JsonPatch.add(path, "gpu-h100-80gb-high-x1"))

    with pytest.raises(Exception, match=r"drop the node selector \S+/compute-class"):
        chart.to_json()


def test_a_request_that_failed_can_be_tried_again(chart: Chart, workload: VllmDeployment) -> None:
    with pytest.raises(RuntimeError, match="already a Construct"):
        ProvisioningRequest(chart, "vllm", workload=workload)
    ProvisioningRequest(chart, "capacity", workload=workload)

    assert the(chart.to_json(), "ProvisioningRequest")["metadata"]["name"] == "vllm-h100"


def test_a_patch_that_fits_nothing_names_its_construct(
    chart: Chart, workload: VllmDeployment
) -> None:
    request = ProvisioningRequest(chart, "capacity", workload=workload)
    request.request.add_json_patch(JsonPatch.replace("/spec2/a/b", "x"))

    with pytest.raises(RuntimeError, match="construct at path 'inference/capacity/Default'"):
        chart.to_json()


def test_a_consumer_without_the_class_of_its_request_is_refused(
    chart: Chart, workload: VllmDeployment
) -> None:
    ProvisioningRequest(chart, "capacity", workload=workload)
    annotation = "autoscaling.x-k8s.io~1provisioning-class-name"
    ApiObject.of(workload).add_json_patch(
        JsonPatch.remove(f"/spec/template/metadata/annotations/{annotation}")
    )

    with pytest.raises(RuntimeError, match=r"took the annotation \S+/provisioning-class-name"):
        chart.to_json()
