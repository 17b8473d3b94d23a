"""The constructs in a user's own cdk8s app."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cdk8s import ApiObject, App, Chart

from ira_manifests import (
    Cell,
    InputError,
    ModelDownloadJob,
    ProvisioningRequest,
    VllmDeployment,
    load_matrix,
)
from ira_manifests.profiles.schema import DownloadProfile
from testing.kubelet import command_line, environment, secret_files
from testing.objects import template_of, the
from testing.project import copy_edited
from tests.schemas import VERSIONS, validate


def test_with_a_bucket_a_deployment_brings_all_it_needs(chart: Chart, cell: Cell) -> None:
    VllmDeployment(chart, "vllm", cell=cell, bucket="acme-ira-model")

    objects = chart.to_json()
    kinds = {item["kind"] for item in objects}
    assert kinds >= {"ConfigMap", "Deployment", "Service", "ServiceAccount"}
    assert {item["metadata"]["namespace"] for item in objects} == {"llm"}
    server, fetch = template_of(objects)["spec"]["containers"]
    assert command_line(server, objects)[2] == "/gcs/google/gemma-3-27b-it"
    assert environment(fetch, objects)["MODEL_ID"] == "google/gemma-3-27b-it"
    (volume,) = [v for v in template_of(objects)["spec"]["volumes"] if v["name"] == "gcsfuse"]
    assert volume["csi"]["volumeAttributes"]["bucketName"] == "acme-ira-model"


def test_another_value_gives_the_config_map_another_name(tmp_path: Path, cell: Cell) -> None:
    folder = copy_edited(tmp_path, "h100/gemma3-27b", ("0.95", "0.90"))
    changed = load_matrix(folder)["h100", "gemma3-27b"]
    names = set()
    for each in (cell, changed):
        scope = Chart(App(), "chart")
        VllmDeployment(scope, "vllm", cell=each, bucket="acme-ira-model", validate=False)
        names.add(the(scope.to_json(), "ConfigMap")["metadata"]["name"])

    assert len(names) == 2


def test_without_a_bucket_it_refers_to_what_kustomize_generates(chart: Chart, cell: Cell) -> None:
    VllmDeployment(chart, "vllm", cell=cell)

    objects = chart.to_json()
    assert "ConfigMap" not in {item["kind"] for item in objects}
    server, _ = template_of(objects)["spec"]["containers"]
    references = {
        v["valueFrom"]["configMapKeyRef"]["name"] for v in server["env"] if "valueFrom" in v
    }
    assert references == {"ira-model-configmap"}


def test_the_platforms_bucket_is_the_default(chart: Chart, cell: Cell) -> None:
    platform = cell.platform.model_copy(update={"bucket": "acme-models"})
    VllmDeployment(chart, "vllm", cell=replace(cell, platform=platform))
    ModelDownloadJob(chart, "download", platform=platform, model_id=cell.model.model_id)
    given = Chart(App(), "given", namespace="llm")
    VllmDeployment(given, "vllm", cell=cell, bucket="acme-models")
    model_id = cell.model.model_id
    ModelDownloadJob(
        given, "download", platform=cell.platform, bucket="acme-models", model_id=model_id
    )

    assert chart.to_json() == given.to_json()
    assert "<" not in json.dumps([item["metadata"] for item in chart.to_json()])


def test_a_download_to_the_platforms_bucket_needs_the_model(chart: Chart, cell: Cell) -> None:
    platform = cell.platform.model_copy(update={"bucket": "acme-models"})

    with pytest.raises(InputError, match="bucket is 'acme-models' and model_id is None; give both"):
        ModelDownloadJob(chart, "download", platform=platform)


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


def test_a_download_stands_on_its_own_and_never_holds_the_token(chart: Chart, cell: Cell) -> None:
    ModelDownloadJob(chart, "download", platform=cell.platform, bucket="acme",
                     model_id="google/gemma-3-27b-it", token_secret="mine")  # fmt: skip

    objects = chart.to_json()
    kinds = sorted(item["kind"] for item in objects)
    assert kinds == ["Job", "PersistentVolumeClaim", "ServiceAccount"]
    pod = the(objects, "Job")["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    variables = environment(container, objects)
    assert variables["IRA_BUCKET_NAME"] == "acme"
    assert variables["MODEL_ID"] == "google/gemma-3-27b-it"
    assert secret_files(container, pod, objects) == {
        "/etc/hugging-face-token/HUGGING_FACE_TOKEN": "secret mine HUGGING_FACE_TOKEN"
    }


def own_lists(chart: Chart) -> str | None:
    """Return the lists of single models in the download's environment."""
    (container,) = the(chart.to_json(), "Job")["spec"]["template"]["spec"]["containers"]
    values = {item["name"]: item.get("value") for item in container["env"]}
    return values.get("DOWNLOAD_BY_MODEL")


def test_a_download_gets_the_lists_of_each_model(chart: Chart, cell: Cell) -> None:
    own = DownloadProfile(keep=("consolidated*.safetensors",), exclude=("model-*",))
    mine = cell.model.model_copy(update={"model_id": "acme/mine", "download": own})
    ModelDownloadJob(chart, "download", platform=cell.platform, models=[cell.model, mine])

    assert json.loads(own_lists(chart) or "") == {
        "acme/mine": {"exclude": ["model-*"], "keep": ["consolidated*.safetensors"]}
    }


def test_a_download_of_one_model_gets_no_lists_of_others(chart: Chart, cell: Cell) -> None:
    own = DownloadProfile(keep=("consolidated*.safetensors",))
    mine = cell.model.model_copy(update={"model_id": "acme/mine", "download": own})
    ModelDownloadJob(chart, "download", platform=cell.platform, models=[mine], bucket="acme",
                     model_id="acme/other")  # fmt: skip

    assert own_lists(chart) is None


def test_lists_that_no_variable_holds_are_refused(chart: Chart, cell: Cell) -> None:
    own = DownloadProfile(keep=("x" * 200,) * 100)
    models = [
        cell.model.model_copy(update={"model_id": f"acme/{i}", "download": own}) for i in range(10)
    ]
    with pytest.raises(InputError, match="the models' download lists and revisions take 20"):
        ModelDownloadJob(chart, "download", platform=cell.platform, models=models)


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
    arguments: dict[str, Any], message: str, chart: Chart, cell: Cell
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


def test_two_gpu_types_of_one_model_share_its_account_and_nothing_else(chart: Chart) -> None:
    matrix = load_matrix()
    for gpu in ("h100", "h200"):
        VllmDeployment(chart, gpu, cell=matrix[gpu, "gemma3-27b"], bucket="acme-ira-model")

    objects = chart.to_json()
    names = [(item["kind"], item["metadata"]["name"]) for item in objects]
    assert len(names) == len(set(names))
    assert the(objects, "ServiceAccount")["metadata"]["name"] == "ira-online-gpu-ksa-gemma3-27b"
    assert sum(kind == "ConfigMap" for kind, _ in names) == 2
    assert sum(kind == "Deployment" for kind, _ in names) == 2


def test_a_second_workload_of_one_name_is_refused(chart: Chart) -> None:
    matrix = load_matrix()
    VllmDeployment(chart, "one", cell=matrix["h100", "gemma3-27b"])

    message = "inference/two: inference/one has added the Deployment vllm-h100 to this namespace"
    with pytest.raises(InputError, match=message):
        VllmDeployment(chart, "two", cell=matrix["h100", "llama3"])
    VllmDeployment(Chart(App(), "other"), "two", cell=matrix["h100", "llama3"])


def test_a_second_download_is_refused(chart: Chart, cell: Cell) -> None:
    ModelDownloadJob(chart, "one", platform=cell.platform)

    message = "inference/two: inference/one has added the Job transfer-model-to-gcs to this names"
    with pytest.raises(InputError, match=message):
        ModelDownloadJob(chart, "two", platform=cell.platform)


def test_names_that_are_none_are_refused(chart: Chart, cell: Cell) -> None:
    with pytest.raises(InputError, match="the service account 'My_Account' is not a valid name"):
        VllmDeployment(chart, "vllm", cell=cell, service_account="My_Account")
    with pytest.raises(InputError, match="the token's Secret 'a/b' is not a valid name"):
        ModelDownloadJob(chart, "download", platform=cell.platform, token_secret="a/b")


def changed_platform(folder: Path, old: str, new: str) -> Cell:
    return load_matrix(copy_edited(folder, "platform.yaml", (old, new)))["h100", "gemma3-27b"]


AS_USER = """  run_as_user: 2000
  # All that this user writes goes to its home and to /tmp: see docs/containers.md.
  read_only_root: true
"""


def test_an_engine_without_a_user_of_its_own_runs_as_its_images(
    tmp_path: Path, chart: Chart
) -> None:
    cell = changed_platform(tmp_path, AS_USER, "")
    VllmDeployment(chart, "vllm", cell=cell)

    server, fetch = template_of(chart.to_json())["spec"]["containers"]
    assert {mount["mountPath"] for mount in server["volumeMounts"]} == {
        "/dev/shm", "/gcs/google/gemma-3-27b-it",
    }  # fmt: skip
    assert "HOME" not in {variable["name"] for variable in server["env"]}
    assert server["securityContext"] == {
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]},
    }  # fmt: skip
    assert fetch["securityContext"]["runAsNonRoot"] is True


@pytest.mark.parametrize(("seconds", "tries"), [(3600, 360), (3601, 361), (3609, 361)])
def test_the_startup_probe_waits_at_least_as_long_as_the_profile_says(
    seconds: int, tries: int, tmp_path: Path, chart: Chart
) -> None:
    cell = changed_platform(tmp_path, "startup_seconds: 3600", f"startup_seconds: {seconds}")
    VllmDeployment(chart, "vllm", cell=cell)

    probe = template_of(chart.to_json())["spec"]["containers"][0]["startupProbe"]
    assert (probe["periodSeconds"], probe["failureThreshold"]) == (10, tries)


def test_the_buffer_is_a_disk_of_the_class_and_size_of_the_profile(
    tmp_path: Path, chart: Chart
) -> None:
    cell = changed_platform(
        tmp_path, "storage_class: premium-rwo\n  storage: 1Ti",
        "storage_class: hyperdisk-balanced\n  storage: 2Ti",
    )  # fmt: skip
    ModelDownloadJob(chart, "download", platform=cell.platform)

    spec = the(chart.to_json(), "PersistentVolumeClaim")["spec"]
    assert spec["storageClassName"] == "hyperdisk-balanced"
    assert spec["resources"]["requests"]["storage"] == "2Ti"


def test_a_workload_that_was_refused_can_be_tried_again(chart: Chart, cell: Cell) -> None:
    with pytest.raises(InputError, match="Bad!"):
        VllmDeployment(chart, "vllm", cell=cell, service_account="Bad!")
    VllmDeployment(chart, "vllm", cell=cell)

    assert len([item for item in chart.to_json() if item["kind"] == "Deployment"]) == 1


def test_a_workload_that_was_removed_can_be_added_again(chart: Chart, cell: Cell) -> None:
    VllmDeployment(chart, "vllm", cell=cell)
    chart.node.try_remove_child("vllm")
    VllmDeployment(chart, "again", cell=cell)

    kinds = [item["kind"] for item in chart.to_json()]
    assert sorted({*kinds}) == sorted(kinds)
    assert {*kinds} >= {"Deployment", "Service", "ServiceAccount"}


def test_an_account_is_there_when_the_first_workload_of_its_model_has_failed(chart: Chart) -> None:
    matrix = load_matrix(workload_name="vllm-{gpu}-{model}")
    VllmDeployment(chart, "taken", cell=matrix["h100", "gemma3-27b"])
    with pytest.raises(RuntimeError, match="already a Construct"):
        VllmDeployment(chart, "taken", cell=matrix["h200", "llama3"])
    VllmDeployment(chart, "llama", cell=matrix["h100", "llama3"])

    accounts = [i["metadata"]["name"] for i in chart.to_json() if i["kind"] == "ServiceAccount"]
    assert sorted(accounts) == ["ira-online-gpu-ksa-gemma3-27b", "ira-online-gpu-ksa-llama3"]
