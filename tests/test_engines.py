"""Engines of a model's or a cell's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from ira_manifests import load_matrix
from ira_manifests.constructs.manifests import directory
from testing.edits import edit_profile
from testing.project import copy_profiles
from tests.support import ira, line_of

DIGEST = "sha256:" + "a" * 64


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    return copy_profiles(tmp_path)


def of_model(profiles: Path, lines: str) -> None:
    edit_profile(profiles, "llama3", {"weights:\n": f"engine:\n{lines}weights:\n"})


def of_cell(profiles: Path, lines: str) -> None:
    edit_profile(
        profiles,
        "h100/llama3",
        {"    tensor_parallel: 4\n": f"    tensor_parallel: 4\n    engine:\n{lines}"},
    )


def server(profiles: Path, gpu: str = "h100") -> dict[str, object]:
    found = directory.objects(load_matrix(profiles)[gpu, "llama3"], queued=False)
    (deployment,) = (item for item in found.values() if item["kind"] == "Deployment")
    container: dict[str, object] = deployment["spec"]["template"]["spec"]["containers"][0]
    return container


def test_a_models_engine_is_that_of_all_its_cells_and_of_no_other(profiles: Path) -> None:
    of_model(profiles, "  version: 0.25.0\n")
    matrix = load_matrix(profiles)

    images = {cell.name: cell.engine.reference for cell in matrix.values()}
    assert {name for name, image in images.items() if image.endswith("v0.25.0")} == {
        "h100/llama3", "h200/llama3",
    }  # fmt: skip
    assert images["h100/gemma3-27b"] == "vllm/vllm-openai:v0.26.0"


def test_a_cells_engine_counts_before_its_models(profiles: Path) -> None:
    of_model(profiles, "  startup_seconds: 7200\n  drain_seconds: 0\n")
    of_cell(profiles, "      startup_seconds: 1200\n      tag: v0.26.0-cu129\n")

    assert server(profiles)["image"] == "vllm/vllm-openai:v0.26.0-cu129"
    assert server(profiles)["startupProbe"]["failureThreshold"] == 120  # type: ignore[index]
    assert server(profiles, "h200")["startupProbe"]["failureThreshold"] == 720  # type: ignore[index]
    assert "lifecycle" not in server(profiles)


def test_tag_and_digest_of_the_platform_are_not_those_of_another_release(profiles: Path) -> None:
    edit_profile(profiles, "platform.yaml", {"  # tag: v0.26.0-cu129\n": f"  digest: {DIGEST}\n"})
    of_model(profiles, "  version: 0.25.0\n")

    assert server(profiles)["image"] == "vllm/vllm-openai:v0.25.0"
    gemma = load_matrix(profiles)["h100", "gemma3-27b"].engine.reference
    assert gemma == f"vllm/vllm-openai:v0.26.0@{DIGEST}"


def test_the_user_of_the_platforms_image_is_not_that_of_another_image(profiles: Path) -> None:
    of_cell(profiles, f"      image: acme.example/serving/vllm\n      digest: {DIGEST}\n")

    assert server(profiles)["image"] == f"acme.example/serving/vllm@{DIGEST}"
    security = server(profiles)["securityContext"]
    assert "runAsUser" not in security  # type: ignore[operator]
    assert "readOnlyRootFilesystem" not in security  # type: ignore[operator]


def test_another_entry_gets_the_model_as_an_option(profiles: Path) -> None:
    of_cell(profiles, "      command: [python3, -m, vllm.entrypoints.openai.api_server]\n")

    assert server(profiles)["command"] == ["python3", "-m", "vllm.entrypoints.openai.api_server"]
    assert server(profiles)["args"][0] == "--model=/gcs/$(MODEL_ID)"  # type: ignore[index]
    run = ira("check", "-p", str(profiles), "--profiles-only", cwd=profiles.parent)
    assert "llama3" not in run.stdout


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("      image: acme.example/vllm\n", "engine.image: needs a tag or a digest beside it"),
        ("      tag: nightly\n", "engine.tag: 'nightly' moves with every build"),
        ("      tag: v0.25.0\n", "engine.tag: 'v0.25.0' is release 0.25.0, and version is 0.26.0"),
        ("      command: [sh, -c]\n", "engine.command: is 'sh -c', which starts no server"),
        ("      command: []\n", "engine.command: is empty; at least one entry is needed"),
        ("      version: 0.7.0\n", "engine.version: "),
    ],
)
def test_an_engine_that_contradicts_itself_is_told_at_its_line(
    lines: str, message: str, profiles: Path
) -> None:
    of_cell(profiles, lines)
    run = ira("list", "-p", str(profiles), cwd=profiles.parent)

    assert run.returncode == 2
    assert f"cells.h100.{message}" in run.stderr


@pytest.mark.parametrize(
    ("lines", "rule"),
    [
        ("      version: 0.21.0\n", "IRA031"),
        ("      version: 0.10.0\n      run_as_user: 2000\n", "IRA042"),
        ("      version: 0.27.0rc1\n", "IRA032"),
    ],
)
def test_rules_judge_the_engine_of_the_cell(lines: str, rule: str, profiles: Path) -> None:
    of_cell(profiles, lines)
    run = ira("check", "-p", str(profiles), "--profiles-only", cwd=profiles.parent)

    found = [line for line in run.stdout.splitlines() if rule in line]
    assert len(found) == 1, run.stdout
    assert "models/llama3.yaml" in found[0]


def test_explain_names_the_line_of_the_level(profiles: Path) -> None:
    of_model(profiles, "  version: 0.25.0\n")

    assert line_of("image", profiles) == "  version: 0.25.0"
