"""Serving fields at three levels: the platform's, a model's and a cell's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ira_manifests import load_matrix
from ira_manifests.constructs.manifests import directory
from testing.edits import edit_profile
from testing.objects import Json
from testing.project import copy_profiles
from tests.schemas import VERSIONS, validate
from tests.support import ira, line_of

CELL = ("h100", "llama3")

PLATFORM = """\
inference:
  replicas: 2
  labels: {owner: platform, cost: shared}
  annotations: {owner: platform}
  node_selector: {zone: a}
  image_pull_secrets: [mirror]
  env: {VLLM_LOGGING_LEVEL: INFO, NCCL_DEBUG: WARN}
"""
MODEL = """\
labels: {owner: model}
pod_annotations: {note: of the model}
image_pull_secrets: [own]
env:
  VLLM_LOGGING_LEVEL: DEBUG
  VLLM_API_KEY: {secret: api, key: token}
weights:
"""
OF_CELL = """\
    tensor_parallel: 4
    replicas: 3
    priority_class: serving
    labels: {owner: cell}
    service_labels: {side: front}
    service_annotations: {note: of the Service}
    pod_labels: {side: back}
    env: {CUDA_MODULE_LOADING: {config_map: cuda, key: loading, optional: true}, NCCL_DEBUG: 1}
"""


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    folder = copy_profiles(tmp_path)
    edit_profile(folder, "platform.yaml", {"inference:\n": PLATFORM})
    edit_profile(folder, "llama3", {"weights:\n": MODEL})
    edit_profile(folder, "/".join(CELL), {"    tensor_parallel: 4\n": OF_CELL})
    return folder


def objects_of(profiles: Path, cell: tuple[str, str], *, queued: bool = False) -> dict[str, Json]:
    found = directory.objects(load_matrix(profiles)[cell], queued=queued)
    return {item["kind"]: item for item in found.values()}


def given(metadata: Any, field: str) -> dict[str, str]:
    """Labels and annotations without those of the constructs, whose keys have a domain."""
    return {key: value for key, value in metadata.get(field, {}).items() if "/" not in key}


def test_the_innermost_value_applies_and_mappings_are_merged(profiles: Path) -> None:
    deployment = objects_of(profiles, CELL)["Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    env = {item["name"]: item for item in pod["containers"][0]["env"]}

    assert deployment["spec"]["replicas"] == 3
    assert given(deployment["metadata"], "labels") == {"owner": "cell", "cost": "shared"}
    assert pod["priorityClassName"] == "serving"
    assert pod["nodeSelector"]["zone"] == "a"
    assert pod["imagePullSecrets"] == [{"name": "mirror"}, {"name": "own"}]
    assert env["VLLM_LOGGING_LEVEL"] == {"name": "VLLM_LOGGING_LEVEL", "value": "DEBUG"}
    assert env["NCCL_DEBUG"]["value"] == "1"
    assert env["VLLM_API_KEY"]["valueFrom"] == {"secretKeyRef": {"name": "api", "key": "token"}}
    assert env["CUDA_MODULE_LOADING"]["valueFrom"] == {
        "configMapKeyRef": {"name": "cuda", "key": "loading", "optional": True}
    }


def test_a_cell_without_values_has_those_of_its_model_and_the_platform(profiles: Path) -> None:
    other = objects_of(profiles, ("h200", "llama3"))["Deployment"]
    of_platform = objects_of(profiles, ("h100", "gemma3-27b"))["Deployment"]

    assert other["spec"]["replicas"] == of_platform["spec"]["replicas"] == 2
    assert given(other["metadata"], "labels") == {"owner": "model", "cost": "shared"}
    assert given(of_platform["metadata"], "labels") == {"owner": "platform", "cost": "shared"}
    assert "priorityClassName" not in other["spec"]["template"]["spec"]


def test_labels_and_annotations_go_to_the_objects_that_the_field_names(profiles: Path) -> None:
    objects = objects_of(profiles, CELL, queued=True)
    pod = objects["Deployment"]["spec"]["template"]["metadata"]
    of_all = {"owner": "cell", "cost": "shared"}

    assert given(pod, "labels") == {**of_all, "side": "back"}
    assert given(pod, "annotations") == {"note": "of the model"}
    service = objects["Service"]["metadata"]
    assert given(service, "labels") == {**of_all, "side": "front"}
    assert given(service, "annotations") == {"owner": "platform", "note": "of the Service"}
    for kind in ("Deployment", "PodTemplate", "ProvisioningRequest"):
        assert given(objects[kind]["metadata"], "labels") == of_all
        assert given(objects[kind]["metadata"], "annotations") == {"owner": "platform"}
    for item in (objects["Deployment"]["spec"], objects["Service"]["spec"]):
        selector = item["selector"].get("matchLabels", item["selector"])
        assert given({"labels": selector}, "labels") == {}


def test_cells_that_share_a_service_account_give_it_the_same_labels(profiles: Path) -> None:
    ours, other = (objects_of(profiles, (gpu, "llama3"))["ServiceAccount"]
                   for gpu in ("h100", "h200"))  # fmt: skip

    assert ours == other
    assert given(ours["metadata"], "labels") == {"owner": "platform", "cost": "shared"}


def test_a_request_asks_for_the_capacity_of_every_replica(profiles: Path) -> None:
    request = objects_of(profiles, CELL, queued=True)["ProvisioningRequest"]

    assert request["spec"]["podSets"][0]["count"] == 3


@pytest.mark.parametrize("version", VERSIONS)
def test_all_objects_are_valid(version: str, profiles: Path) -> None:
    for item in objects_of(profiles, CELL, queued=True).values():
        validate(item, version)


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("spec.template.spec.containers[0].env[8].value", "  VLLM_LOGGING_LEVEL: DEBUG"),
        ("metadata.labels.cost", "  labels: {owner: platform, cost: shared}"),
        ("spec.template.spec.nodeSelector.zone", "  node_selector: {zone: a}"),
        ("spec.replicas", "    replicas: 3"),
        ("spec.template.spec.imagePullSecrets[1].name", "image_pull_secrets: [own]"),
    ],
)
def test_explain_names_the_line_that_decides(field: str, line: str, profiles: Path) -> None:
    assert line_of(f"Deployment {field}", profiles) == line


def test_explain_lists_a_label_once_and_the_fields_of_a_field(
    tmp_path: Path, profiles: Path
) -> None:
    page = ira("explain", "h100/llama3", "-p", str(profiles), cwd=tmp_path).stdout.splitlines()
    one = ira("explain", "h100/llama3", "labels", "-p", str(profiles), cwd=tmp_path)

    # The platform's owner is that of the service account, which cells share.
    assert sorted(line for line in page if line.startswith("labels.")) == [
        "labels.cost: shared",
        "labels.owner: cell",
        "labels.owner: platform",
        "labels.side: back",
        "labels.side: front",
    ]
    assert one.returncode == 0, one.stderr
    assert "labels.owner: cell" in one.stdout
    assert "profiles/platform.yaml" in one.stdout


def test_synth_accepts_all_fields_at_once(tmp_path: Path, profiles: Path) -> None:
    run = ira("synth", "-p", str(profiles), "--only", "/".join(CELL), cwd=tmp_path)

    assert run.returncode == 0, run.stdout + run.stderr
    assert "error" not in run.stdout


def test_explain_tells_where_a_secret_is_and_lists_what_is_given(profiles: Path) -> None:
    run = ira("explain", "h100/llama3", "-p", str(profiles), cwd=profiles.parent)

    lines = run.stdout.splitlines()
    assert "env.VLLM_API_KEY: Secret api: token" in lines
    assert "replicas: 3" in lines
