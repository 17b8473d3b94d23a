"""Which files a cell serves: the revision of its repository, and repositories of single cells."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ira_manifests import load_matrix
from testing.kubectl import kustomize
from testing.objects import objects_in, the
from testing.project import copy_profiles, fill_in
from tests.support import ira

COMMIT = "c0ffee" + "0" * 34
TEXT = f"""\
model_id: acme/tiny-1b
revision: {COMMIT}
weights:
  total_gib: 40
geometry:
  num_attention_heads: 16
  hidden_size: 2048
  vocab_size: 32000
  max_position_embeddings: 131072
  layers:
    - count: 24
      num_key_value_heads: 8
      head_dim: 128
download:
  keep: [consolidated.safetensors]
cells:
  h100:
    tensor_parallel: 1
    cpu: 10
    memory: 64G
    gpu_memory_utilization: 0.90
    max_model_len: 8192
  l4:
    model_id: acme/tiny-1b-AWQ
    weights:
      total_gib: 10
      quantization: awq
    compute_class: gpu-l4-24gb-s12-x1
    tensor_parallel: 1
    cpu: 8
    memory: 24G
    gpu_memory_utilization: 0.90
    max_model_len: 8192
"""
GPU_H100, GPU_L4 = "online-inference-gpu-h100-tiny", "online-inference-gpu-l4-tiny"


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    folder = copy_profiles(tmp_path)
    (folder / "models/tiny.yaml").write_text(TEXT)
    return folder


@pytest.fixture
def out(tmp_path: Path, profiles: Path) -> Path:
    run = ira("synth", "-p", str(profiles), "--model-id", "acme/tiny-1b-AWQ", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    assert "not served" not in run.stdout + run.stderr
    fill_in(tmp_path / "dist")
    return tmp_path / "dist"


def test_the_pods_carry_the_revision_that_they_serve(out: Path) -> None:
    key = "ira-manifests/model-revision"
    noted = {
        name: the(objects_in(kustomize(out / name)), "Deployment")["spec"]["template"]["metadata"]
        for name in (GPU_H100, f"{GPU_H100}-queued", GPU_L4)
    }

    assert noted[GPU_H100]["annotations"][key] == COMMIT
    assert noted[f"{GPU_H100}-queued"]["annotations"][key] == COMMIT
    assert key not in noted[GPU_L4]["annotations"]


def test_a_cell_with_a_repository_of_its_own_mounts_and_serves_it(out: Path) -> None:
    objects = objects_in(kustomize(out / GPU_L4))
    deployment, config = the(objects, "Deployment"), the(objects, "ConfigMap")
    pod = deployment["spec"]["template"]["spec"]
    bucket = next(each for each in pod["volumes"] if each["name"] == "gcsfuse")
    mounts = [
        mount["mountPath"]
        for container in pod["containers"]
        for mount in container["volumeMounts"]
        if mount["name"] == "gcsfuse"
    ]

    assert config["data"]["MODEL_ID"] == "acme/tiny-1b-AWQ"
    assert mounts == ["/gcs/acme/tiny-1b-AWQ"] * 2
    options = bucket["csi"]["volumeAttributes"]["mountOptions"].split(",")
    assert "only-dir:acme/tiny-1b-AWQ" in options
    assert pod["serviceAccountName"] == "ira-online-gpu-ksa-tiny"


def test_the_download_knows_the_revision_and_the_lists_of_each_repository(out: Path) -> None:
    job = the(objects_in(kustomize(out / "model-download")), "Job")
    (container,) = job["spec"]["template"]["spec"]["containers"]
    env = {each["name"]: each.get("value") for each in container["env"]}

    assert json.loads(env["DOWNLOAD_BY_MODEL"]) == {
        "acme/tiny-1b": {
            "exclude": [],
            "keep": ["consolidated.safetensors"],
            "revision": COMMIT,
        }
    }


def test_memory_is_judged_by_the_weights_of_the_cell(profiles: Path) -> None:
    matrix = load_matrix(profiles)

    whole, quantised = (matrix[gpu, "tiny"].serving for gpu in ("h100", "l4"))

    assert whole
    assert quantised
    assert float(whole.weights.total_gib) == 40
    assert (float(quantised.weights.total_gib), quantised.weights.quantization) == (10, "awq")


def test_a_known_id_in_another_case_is_found_in_a_cell(tmp_path: Path, profiles: Path) -> None:
    file = profiles / "models/tiny.yaml"
    file.write_text(TEXT.replace("acme/tiny-1b-AWQ", "google/Gemma-3-27b-it"))

    run = ira("check", "--only", "l4/tiny", "-p", str(profiles), cwd=tmp_path)

    assert run.returncode == 1
    line = TEXT[: TEXT.index("acme/tiny-1b-AWQ")].count("\n") + 1
    assert f"tiny.yaml:{line}:" in run.stdout
    assert "IRA009" in run.stdout


def test_each_value_of_a_repository_is_explained_by_its_line(
    tmp_path: Path, profiles: Path
) -> None:
    def line(text: str) -> int:
        return TEXT[: TEXT.index(text)].count("\n") + 1

    own = ira("explain", "l4/tiny", "-p", str(profiles), cwd=tmp_path)
    whole = ira("explain", "h100/tiny", "-p", str(profiles), cwd=tmp_path)

    assert f"models/tiny.yaml:{line('model_id: acme/tiny-1b-AWQ')}" in own.stdout
    assert f"models/tiny.yaml:{line('revision:')}" in whole.stdout
