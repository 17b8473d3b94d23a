"""The matrix: cells by GPU type and model, and values derived from profiles."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ira_manifests import InputError, load_matrix
from testing.kubectl import kustomize
from testing.objects import objects_in, the
from testing.project import PROFILES, copy_edited, fill_in
from tests.support import ira

GPU = """\
memory_gib: 178.36
queued: true
machines:
  - compute_class: gpu-b200-180gb-x8
    machine_type: a4-highgpu-8g
    gpus: 8
    vcpus: 224
    memory_gb: 3968
    accelerator: nvidia-b200
"""
MODEL = """\
model_id: Qwen/Qwen3-32B
cells:
  b200:
    tensor_parallel: 2
    cpu: 500m
    memory: 64Gi
    gpu_memory_utilization: 0.90
    max_model_len: 40960
"""


def test_a_new_gpu_type_and_a_new_model_are_one_file_each(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PROFILES, tmp_path / "profiles"))
    (folder / "gpus/b200.yaml").write_text(GPU)
    (folder / "models/qwen3-32b.yaml").write_text(MODEL)

    run = ira("synth", cwd=tmp_path)

    assert run.returncode == 0
    dist = tmp_path / "dist"
    fill_in(dist)
    objects = objects_in(kustomize(dist / "online-inference-gpu-b200-qwen3-32b"))
    pod = the(objects, "Deployment")["spec"]["template"]["spec"]
    assert the(objects, "Deployment")["metadata"]["name"] == "vllm-b200"
    assert pod["nodeSelector"] == {"cloud.google.com/compute-class": "gpu-b200-180gb-x8"}
    assert pod["serviceAccountName"] == "ira-online-gpu-ksa-qwen3-32b"
    assert pod["containers"][0]["resources"]["limits"] == {
        "cpu": "500m", "memory": "64Gi", "nvidia.com/gpu": "2",
    }  # fmt: skip
    assert the(objects, "ConfigMap")["data"]["GPU_MEMORY_UTILIZATION"] == "0.90"
    queued = objects_in(kustomize(dist / "online-inference-gpu-b200-qwen3-32b-queued"))
    assert the(queued, "ProvisioningRequest")["metadata"]["name"] == "vllm-b200"


def test_a_cell_takes_the_smallest_machine_that_has_its_gpus() -> None:
    matrix = load_matrix(PROFILES)

    assert matrix["h100", "gemma3-27b"].machine.machine_type == "a3-highgpu-1g"
    assert matrix["h100", "llama3"].machine.machine_type == "a3-highgpu-4g"
    assert matrix["h100", "llama4-scout"].machine.machine_type == "a3-highgpu-8g"


def test_the_order_of_machines_in_the_profile_does_not_matter(tmp_path: Path) -> None:
    folder = Path(shutil.copytree(PROFILES, tmp_path / "profiles"))
    profile = folder / "gpus/h100.yaml"
    head, *machines = profile.read_text().split("  - compute_class")
    profile.write_text(head + "".join("  - compute_class" + item for item in reversed(machines)))

    matrix = load_matrix(folder)

    assert matrix["h100", "gemma3-27b"].machine.machine_type == "a3-highgpu-1g"
    assert matrix["h100", "llama3"].machine.machine_type == "a3-highgpu-4g"


def test_a_cell_may_name_its_compute_class(tmp_path: Path) -> None:
    named = ("  h100:\n", "  h100:\n    compute_class: gpu-h100-80gb-mega-x8\n")
    folder = copy_edited(tmp_path, "llama4-scout", named)

    machine = load_matrix(folder)["h100", "llama4-scout"].machine

    assert (machine.machine_type, machine.accelerator) == ("a3-megagpu-8g", "nvidia-h100-mega-80gb")


def test_a_pair_that_is_not_in_the_matrix_is_named_with_what_is() -> None:
    matrix = load_matrix(PROFILES)

    with pytest.raises(
        InputError, match=r"l4 × llama3 is not in the matrix; it has .*did you mean"
    ):
        matrix["l4", "llama3"]
    assert ("l4", "llama3") not in matrix
    assert matrix.get(("l4", "llama3")) is None


def test_a_decimal_keeps_its_digits(tmp_path: Path) -> None:
    folder = copy_edited(tmp_path, "l4/gemma3-27b", ("0.80", "0.800"))

    values = load_matrix(folder)["l4", "gemma3-27b"].runtime_values

    assert values["GPU_MEMORY_UTILIZATION"] == "0.800"


def test_the_profiles_of_the_working_folder_come_before_the_packaged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(PROFILES, tmp_path / "profiles"))
    (folder / "models/llama3.yaml").unlink()
    monkeypatch.chdir(tmp_path)

    assert ("h100", "llama3") not in load_matrix()


def test_a_profiles_folder_of_another_program_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/firefox.ini").touch()
    monkeypatch.chdir(tmp_path)

    assert ("h100", "llama3") in load_matrix()
