"""The reference architecture's present platform as profiles: `examples/accelerated-platforms`."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ira_manifests import Matrix, load_matrix
from testing.kubectl import kustomize
from testing.objects import Json, objects_in, template_of, the
from testing.project import ROOT
from tests.schemas import VERSIONS, validate
from tests.support import ira

EXAMPLE = ROOT / "examples/accelerated-platforms"
PROFILES = EXAMPLE / "profiles"
ENVIRONMENT = "acp-dev"

# GPU type and model of every folder of online-inference-gpu/vllm, without its base, at
# https://github.com/GoogleCloudPlatform/accelerated-platforms/tree/9320f3b27aa0998e9607829ad6e9695d3514a8ef,
# by the names of the example: "-instruct" is left out.
PLAIN = {
    "h100": (
        "gemma-3-27b-it gemma-4-26b-a4b-it gemma-4-31b-it gpt-oss-20b llama-3-3-70b "
        "llama-4-scout-17b-16e qwen3-32b"
    ),
    "h200": "gemma-3-27b-it gpt-oss-20b llama-3-3-70b llama-4-scout-17b-16e qwen3-32b",
    "l4": (
        "gemma-3-1b-it gemma-3-27b-it gemma-3-4b-it gemma-4-26b-a4b-it gemma-4-31b-it "
        "gemma-4-e2b-it gemma-4-e4b-it gpt-oss-20b qwen3-32b"
    ),
    "rtx-pro-6000": (
        "gemma-3-27b-it gemma-4-26b-a4b-it gemma-4-31b-it gpt-oss-20b llama-3-3-70b "
        "llama-4-scout-17b-16e qwen3-32b"
    ),
}
# Those of vllm-spec-decoding and of vllm-native-cache-offloading/single-tier.
FURTHER = {
    "h100": (
        "gemma-3-27b-it-sd-ngram llama-3-3-70b-sd-eagle llama-3-3-70b-sd-ngram "
        "gemma-4-31b-it-kv-offloading qwen3-32b-kv-offloading"
    ),
    "rtx-pro-6000": (
        "gemma-3-27b-it-sd-ngram llama-3-3-70b-sd-eagle llama-3-3-70b-sd-ngram "
        "gemma-4-31b-it-kv-offloading qwen3-32b-kv-offloading"
    ),
}


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return load_matrix(PROFILES, environment=ENVIRONMENT)


def written(folder: Path) -> dict[str, Path]:
    """Synthesise a copy of the example in a folder; return what kubectl applies, by name."""
    copy = Path(shutil.copytree(EXAMPLE, folder / "copy"))
    run = ira("synth", cwd=copy)
    assert run.returncode == 0, run.stderr
    below = copy / "dist" / ENVIRONMENT
    return {file.parent.name: file.parent for file in below.rglob("kustomization.yaml")}


@pytest.fixture(scope="module")
def directories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Every directory that kubectl applies, by its name."""
    return written(tmp_path_factory.mktemp("accelerated-platforms"))


@pytest.fixture(scope="module")
def rendered(directories: dict[str, Path]) -> dict[str, list[Json]]:
    """The objects of every directory, by its name, as kubectl renders them."""
    return {name: objects_in(kustomize(path)) for name, path in directories.items()}


def test_it_has_every_cell_of_the_platform(matrix: Matrix) -> None:
    expected = {
        (gpu, model)
        for cells in (PLAIN, FURTHER)
        for gpu, models in cells.items()
        for model in models.split()
    }

    assert sum(len(models.split()) for models in PLAIN.values()) == 28
    assert set(matrix) == expected


def test_it_is_free_of_findings_and_lists_its_cells(directories: dict[str, Path]) -> None:
    project = next(iter(directories.values())).parents[2]
    checked = ira("check", cwd=project)
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.strip() == "38 cells checked: 0 errors, 0 warnings."

    listed = ira("list", "--environment", ENVIRONMENT, cwd=project)
    assert listed.returncode == 0, listed.stderr
    assert "no fit" not in listed.stdout


def test_every_object_is_valid(rendered: dict[str, list[Json]]) -> None:
    for objects in rendered.values():
        for item in objects:
            for version in (VERSIONS[0], VERSIONS[-1]):
                validate(item, version)


def test_each_cell_has_a_workload_of_its_own_under_the_platforms_account(
    matrix: Matrix, rendered: dict[str, list[Json]]
) -> None:
    for cell in matrix.values():
        objects = rendered[cell.directory]
        name = f"vllm-{cell.gpu_name}-{cell.short_name}"
        assert the(objects, "Deployment")["metadata"]["name"] == name
        assert the(objects, "Service")["metadata"]["name"] == name
        assert template_of(objects)["spec"]["serviceAccountName"] == "acp-dev-online-gpu"
        assert namespaces(objects) == {"acp-dev-online-gpu"}


def test_each_model_is_downloaded_where_the_platform_has_the_account_for_it(
    matrix: Matrix, rendered: dict[str, list[Json]]
) -> None:
    models = {cell.model_name for cell in matrix.values()}
    assert len(models) == 11
    assert rendered.keys() == {
        *(cell.directory for cell in matrix.values()),
        *(f"model-download-{name}" for name in models),
    }
    for model in models:
        objects = rendered[f"model-download-{model}"]
        assert namespaces(objects) == {"acp-dev-hf-hub-downloader"}
        pod = the(objects, "Job")["spec"]["template"]["spec"]
        assert pod["serviceAccountName"] == "acp-dev-hf-hub-downloader"
        held = the(objects, "SecretProviderClass")["spec"]["parameters"]["secrets"]
        assert "/secrets/acp-dev-huggingface-hub-access-token-read/versions/latest" in held


def namespaces(objects: list[Json]) -> set[str]:
    return {item["metadata"]["namespace"] for item in objects}
