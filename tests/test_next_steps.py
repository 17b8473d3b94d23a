"""The commands that synth prints as next steps are the remaining ones, and can be run."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from testing.project import copy_profiles
from tests.support import ira

CONFIG = "dist/base/ira-model-config.env"
TOKEN_STEP = "edit dist/base/hugging-face-token.env: set your token, if it is not set"
DOWNLOAD = [
    "kubectl apply -k dist/model-download",
    "kubectl get job/transfer-model-to-gcs --watch  # until Complete 1/1",
    "kubectl delete -k dist/model-download",
]


def synth(cwd: Path, *options: str) -> tuple[list[str], list[str]]:
    """Run synth, and return its notes and its next steps."""
    if not (cwd / "profiles").exists():
        copy_profiles(cwd)
    run = ira("synth", *options, cwd=cwd)
    assert run.returncode == 0, run.stderr
    shown, steps = run.stdout.split("\nNext:\n")
    return shown.splitlines(), [line.strip() for line in steps.splitlines()]


def test_a_first_run_prints_all_steps_of_the_walkthrough(tmp_path: Path) -> None:
    _, steps = synth(tmp_path)

    assert steps == [
        f"edit {CONFIG}: IRA_BUCKET_NAME, MODEL_ID",
        TOKEN_STEP,
        *DOWNLOAD,
        "kubectl apply -k dist/online-inference-gpu-h100-gemma3-27b",
        "kubectl get deployment/vllm-h100 --watch  # until 1/1",
    ]


def test_what_is_filled_in_is_not_asked_for_and_the_model_is_the_one_downloaded(
    tmp_path: Path,
) -> None:
    options = ("--bucket", "acme-ira-model", "--model-id", "meta-llama/Llama-3.3-70B-Instruct")
    _, steps = synth(tmp_path, *options)
    again = synth(tmp_path)[1]

    assert steps == again == [
        TOKEN_STEP,
        *DOWNLOAD,
        "kubectl apply -k dist/online-inference-gpu-h100-llama3",
        "kubectl get deployment/vllm-h100 --watch  # until 1/1",
    ]  # fmt: skip


def test_half_a_config_is_asked_for_by_its_key(tmp_path: Path) -> None:
    _, steps = synth(tmp_path, "--bucket", "acme-ira-model")

    assert steps[0] == f"edit {CONFIG}: MODEL_ID"


def test_names_follow_the_namespace_the_template_and_the_cells(tmp_path: Path) -> None:
    notes, steps = synth(
        tmp_path, "--namespace", "llm", "--workload-name", "{model}-on-{gpu}", "--only", "h200/*"
    )  # fmt: skip

    at = steps.index("# until Complete 1/1:")
    assert steps[at + 1] == "kubectl get --namespace llm job/transfer-model-to-gcs --watch"
    assert steps[-2:] == [
        "kubectl apply -k dist/online-inference-gpu-h200-gemma3-27b",
        "kubectl get --namespace llm deployment/gemma3-27b-on-h200 --watch  # until 1/1",
    ]
    assert not any(note.startswith("same name") for note in notes)


@pytest.mark.parametrize(
    ("only", "cells"), [("h100/*", 3), ("h100/llama*", 2), ("h100/llama3", None)]
)
def test_a_shared_name_counts_the_cells_of_this_run(
    only: str, cells: int | None, tmp_path: Path
) -> None:
    notes, _ = synth(tmp_path, "--only", only)

    shared = [note for note in notes if note.startswith("same name")]
    expected = f"same name vllm-h100 in {cells} cells: each one applied replaces the one before"
    assert shared == ([] if cells is None else [expected])


def test_a_folder_with_a_space_is_quoted_for_the_shell(tmp_path: Path) -> None:
    _, steps = synth(tmp_path, "--out", "my dist; rm")

    assert shlex.split(steps[2]) == ["kubectl", "apply", "-k", "my dist; rm/model-download"]


def test_a_model_that_no_cell_serves_is_reported_with_the_one_that_was_meant(
    tmp_path: Path,
) -> None:
    copy_profiles(tmp_path)
    run = ira("synth", "--model-id", "google/gemma-3-27b", cwd=tmp_path)

    assert run.returncode == 0
    assert run.stderr.splitlines()[:2] == [
        f"{CONFIG}:5:1: warning IRA040 model-not-served",
        "    MODEL_ID: no cell serves 'google/gemma-3-27b'; did you mean 'google/gemma-3-27b-it'?",
    ]
    _, steps = run.stdout.split(f"{DOWNLOAD[-1]}\n")
    assert [line.strip() for line in steps.splitlines()] == [
        "# No cell of this run serves google/gemma-3-27b:",
        "# correct the id, or add a cell for it, to get the steps of serving.",
    ]


def test_a_model_that_a_cell_serves_is_no_matter(tmp_path: Path) -> None:
    copy_profiles(tmp_path)

    assert ira("synth", "--model-id", "google/gemma-3-27b-it", cwd=tmp_path).stderr == ""


def test_h200_on_queued_capacity_names_what_the_base_platform_lacks(tmp_path: Path) -> None:
    shown, _ = synth(tmp_path)

    said = " ".join(" ".join(shown).split())
    assert (
        "note online-inference-gpu-h200-gemma3-27b-queued, and 2 more, can get nodes only if"
        in said
    )
    assert "node auto-provisioning has a limit for nvidia-h200-141gb" in said
    assert said.endswith("set auto_provisioning_limit: true of the GPU type h200")


def test_a_directory_of_an_environment_is_named_with_it(tmp_path: Path) -> None:
    environment = copy_profiles(tmp_path) / "environments/prod.yaml"
    environment.parent.mkdir()
    environment.write_text("namespace: prod\nbucket: acme-models\ncells: [h200/llama3]\n")

    shown, _ = synth(tmp_path, "--environment", "prod")

    said = " ".join(" ".join(shown).split())
    assert "note prod/online-inference-gpu-h200-llama3-queued can get nodes only if" in said


def test_other_gpus_and_named_pools_get_no_note_about_limits(tmp_path: Path) -> None:
    file = copy_profiles(tmp_path) / "gpus/h200.yaml"
    file.write_text(f"{file.read_text()}queued_node_pool: gpu-h200x8-dws\n")

    shown, _ = synth(tmp_path)

    assert "auto-provisioning" not in " ".join(shown)
