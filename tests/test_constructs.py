"""The constructs in a cdk8s app of somebody else's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from cdk8s import ApiObject, App, Chart, JsonPatch

from ira_manifests import (
    Cell,
    InputError,
    ModelDownloadJob,
    ProvisioningRequest,
    VllmDeployment,
    load_matrix,
)
from tests.schemas import VERSIONS, validate
from tests.support import Json, command_line, copy_profiles, environment, the


@pytest.fixture
def cell() -> Cell:
    return load_matrix()["h100", "gemma3-27b"]


@pytest.fixture
def chart() -> Chart:
    return Chart(App(), "inference", namespace="llm")


def template_of(objects: list[Json]) -> Any:
    return the(objects, "Deployment")["spec"]["template"]


def test_with_a_bucket_a_deployment_brings_all_it_needs(chart: Chart, cell: Cell) -> None:
    VllmDeployment(chart, "vllm", cell=cell, bucket="acme-ira-model")

    objects = chart.to_json()
    kinds = sorted(item["kind"] for item in objects)
    assert kinds == ["ConfigMap", "Deployment", "Service", "ServiceAccount"]
    assert {item["metadata"]["namespace"] for item in objects} == {"llm"}
    server, fetch = template_of(objects)["spec"]["containers"]
    assert command_line(server, objects)[2] == "/gcs/google/gemma-3-27b-it"
    assert environment(fetch, objects)["MODEL_ID"] == "google/gemma-3-27b-it"
    (volume,) = [v for v in template_of(objects)["spec"]["volumes"] if v["name"] == "gcsfuse"]
    assert volume["csi"]["volumeAttributes"]["bucketName"] == "acme-ira-model"


def test_another_value_gives_the_config_map_another_name(tmp_path: Path, cell: Cell) -> None:
    folder = copy_profiles(tmp_path)
    profile = folder / "models/gemma3-27b.yaml"
    profile.write_text(profile.read_text().replace("0.95", "0.90"))
    changed = load_matrix(folder)["h100", "gemma3-27b"]
    names = set()
    for each in (cell, changed):
        scope = Chart(App(), "chart")
        VllmDeployment(scope, "vllm", cell=each, bucket="acme-ira-model")
        names.add(the(scope.to_json(), "ConfigMap")["metadata"]["name"])

    assert len(names) == 2


def test_without_a_bucket_it_refers_to_what_kustomize_generates(chart: Chart, cell: Cell) -> None:
    VllmDeployment(chart, "vllm", cell=cell)

    objects = chart.to_json()
    assert "ConfigMap" not in {item["kind"] for item in objects}
    server, _ = template_of(objects)["spec"]["containers"]
    references = {v["valueFrom"]["configMapKeyRef"]["name"] for v in server["env"]}
    assert references == {"ira-model-configmap"}


def test_an_account_that_exists_is_used_and_not_added(chart: Chart, cell: Cell) -> None:
    VllmDeployment(chart, "vllm", cell=cell, bucket="acme", service_account="theirs")

    objects = chart.to_json()
    assert "ServiceAccount" not in {item["kind"] for item in objects}
    assert template_of(objects)["spec"]["serviceAccountName"] == "theirs"


def test_the_main_object_is_reachable_for_patches(chart: Chart, cell: Cell) -> None:
    workload = VllmDeployment(chart, "vllm", cell=cell)
    job = ModelDownloadJob(chart, "download", platform=cell.platform)
    request = ProvisioningRequest(chart, "capacity", workload=workload)

    assert ApiObject.of(workload).kind == "Deployment"
    assert ApiObject.of(job).kind == "Job"
    assert ApiObject.of(request).kind == "ProvisioningRequest"


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

    with pytest.raises(ValueError, match="inference/vllm consumes the request 'vllm-h100'"):
        ProvisioningRequest(chart, "more", workload=workload)


def test_a_pool_that_the_profile_names_takes_the_place_of_the_other_selectors(
    tmp_path: Path,
) -> None:
    folder = copy_profiles(tmp_path)
    profile = folder / "gpus/h100.yaml"
    profile.write_text(profile.read_text().replace("# queued_node_pool", "queued_node_pool"))
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


def test_a_download_stands_on_its_own_and_never_holds_the_token(chart: Chart, cell: Cell) -> None:
    ModelDownloadJob(chart, "download", platform=cell.platform, bucket="acme",
                     model_id="google/gemma-3-27b-it", token_secret="mine")  # fmt: skip

    objects = chart.to_json()
    kinds = sorted(item["kind"] for item in objects)
    assert kinds == ["ConfigMap", "Job", "PersistentVolumeClaim", "ServiceAccount"]
    (container,) = the(objects, "Job")["spec"]["template"]["spec"]["containers"]
    variables = environment(container, objects)
    assert variables["IRA_BUCKET_NAME"] == "acme"
    assert variables["MODEL_ID"] == "google/gemma-3-27b-it"
    assert variables["HUGGING_FACE_TOKEN"] == "secret mine HUGGING_FACE_TOKEN"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"bucket": "acme"}, "bucket is 'acme' and model_id is None; give both"),
        ({"model_id": "a/b"}, "bucket is None and model_id is 'a/b'; give both"),
        ({"bucket": "gs://acme", "model_id": "a/b"}, "'gs://acme' is not a bucket's name"),
        ({"bucket": "acme", "model_id": "a/`b`"}, "is not a Hugging Face Hub id"),
    ],
)
def test_arguments_that_disagree_are_named(
    arguments: dict[str, str], message: str, chart: Chart, cell: Cell
) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        ModelDownloadJob(chart, "download", platform=cell.platform, **arguments)


def test_kubernetes_expands_nothing_inside_the_scripts(chart: Chart, cell: Cell) -> None:
    VllmDeployment(chart, "vllm", cell=cell)
    ModelDownloadJob(chart, "download", platform=cell.platform)
    objects = chart.to_json()

    containers = [
        *template_of(objects)["spec"]["containers"][1:],
        *the(objects, "Job")["spec"]["template"]["spec"]["containers"],
    ]
    for container in containers:
        (script,) = container["args"]
        names = {variable["name"] for variable in container["env"]}
        assert "$$" not in script
        assert not any(f"$({name})" in script for name in names)


def test_the_example_app_is_valid_for_every_kubernetes_of_gke() -> None:
    from examples.inference_app import build

    objects = build().to_json()

    assert {item["kind"] for item in objects} >= {"Job", "Deployment", "ProvisioningRequest"}
    names = [(item["kind"], item["metadata"]["name"]) for item in objects]
    assert len(names) == len(set(names))
    for version in VERSIONS:
        for item in objects:
            validate(item, version)
