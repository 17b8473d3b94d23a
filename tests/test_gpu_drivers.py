"""The driver that the engine's image needs, and the findings where it may be missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from ira_manifests import load_matrix
from ira_manifests.rules import waivers
from ira_manifests.rules.check_cells import check_cells
from ira_manifests.vllm.gpu_drivers import Needs, needs
from testing.edits import edit_file
from testing.project import copy_profiles

CUDA_12, CUDA_13 = "525.60.13", "580.65.06"


@pytest.mark.parametrize(
    ("release", "cuda", "driver", "more_than_default"),
    [
        ("0.8.4", "12.4", CUDA_12, False),
        ("0.8.5.post1", "12.4", CUDA_12, False),
        ("0.9.0", "12.8", CUDA_12, False),
        ("0.11.0", "12.8", CUDA_12, False),
        ("0.11.1", "12.9", CUDA_12, False),
        ("0.19.1", "12.9", CUDA_12, False),
        ("0.20.0", "13.0", CUDA_13, True),
        ("0.26.0", "13.0", CUDA_13, True),
        ("0.33.0", "13.0", CUDA_13, True),
        ("0.20.0rc1", "13.0", CUDA_13, True),  # may be built on either
        ("0.9.0.1", "12.8", CUDA_12, False),
    ],
)
def test_a_release_needs_the_driver_of_its_cuda(
    release: str, cuda: str, driver: str, more_than_default: bool
) -> None:
    found = needs(f"vllm/vllm-openai:v{release}", release)

    assert found == Needs(cuda, driver)
    assert found.more_than_default == more_than_default


def test_a_tag_names_its_cuda_itself() -> None:
    assert needs("vllm/vllm-openai:v0.26.0-cu129", "0.26.0") == Needs("12.9", CUDA_12)
    assert needs("eu.example.dev/a/vllm-openai:v0.19.0-cu130", "0.19.0") == Needs("13.0", CUDA_13)


@pytest.mark.parametrize(
    ("image", "release"),
    [
        ("vllm/vllm-openai:v0.99.0", "0.99.0"),
        ("vllm/vllm-openai:v0.33.1rc1", "0.33.1rc1"),
        ("vllm/vllm-openai:v0.8.3", "0.8.3"),
        ("nvcr.io/nvidia/vllm:26.01-py3", "0.26.0"),
    ],
)
def test_other_images_and_later_releases_are_not_judged(image: str, release: str) -> None:
    assert needs(image, release) is None


@pytest.mark.parametrize(("version", "findings"), [("0.26.0", 3), ("0.19.1", 0)])
def test_the_driver_of_a_named_pool_is_said_not_to_be_judged(
    version: str, findings: int, tmp_path: Path
) -> None:
    profiles = copy_profiles(tmp_path)
    pool = profiles / "gpus/h100.yaml"
    pool.write_text(f"{pool.read_text()}queued_node_pool: gpu-h100x8-a3h8-dws\n")
    edit_file(profiles / "platform.yaml", {"version: 0.26.0": f"version: {version}"})
    matrix = load_matrix(profiles)

    found = [item for item in check_cells(matrix, matrix.values()) if item.rule_id == "IRA041"]

    assert [item.field for item in found] == ["queued_node_pool"] * findings
    assert all("is not judged" in item.message for item in found)
    assert all(Path(item.file).name == "h100.yaml" for item in found)


def test_who_knows_the_pool_waives_it(tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    pool = profiles / "gpus/h100.yaml"
    pool.write_text(f"{pool.read_text()}queued_node_pool: gpu-h100x8-a3h8-dws\n")
    reason = "    waive:\n      IRA041: The pool has the latest driver.\n"
    edit_file(profiles / "models/llama3.yaml", {"  h200:\n": f"{reason}  h200:\n"})
    matrix = load_matrix(profiles)
    cells = list(matrix.values())

    found = waivers.apply(matrix, cells, check_cells(matrix, cells), {"IRA041"})

    of_rule = [item for item in found if item.rule_id in ("IRA041", "IRA029")]
    assert [(item.rule_id, item.cell) for item in of_rule] == [
        ("IRA041", "h100/gemma3-27b"),
        ("IRA041", "h100/llama4-scout"),
    ]
