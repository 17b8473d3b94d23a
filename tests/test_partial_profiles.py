"""A folder of models takes from the package what it lacks, says so, and hides no misspelt name."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from ira_manifests import load_matrix
from testing.project import ROOT, copy_profiles
from tests.bad_profiles.case import TINY
from tests.support import ira
from tests.test_add import LLAMA, folder_of

NOTE = "note: profiles has no platform.yaml, gpus, known-models.yaml; using those of the package\n"


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A folder `profiles` with one model, and nothing else."""
    models = tmp_path / "profiles/models"
    models.mkdir(parents=True)
    (models / "tiny.yaml").write_text(TINY)
    return tmp_path


def test_one_model_is_enough_for_every_command(alone: Path) -> None:
    written = ira("synth", "--bucket", "acme-ira-model", "--model-id", "acme/tiny-1b", cwd=alone)
    stale = ira("synth", "--check", cwd=alone)
    checked = ira("check", "--format", "json", cwd=alone)
    listed = ira("list", "--json", cwd=alone)
    explained = ira("explain", "h100/tiny", "nodeSelector", cwd=alone)

    for run in (written, stale, checked, listed, explained):
        assert run.returncode == 0, run.stderr
        assert run.stderr.count("note: ") == 1
        assert run.stderr.startswith(NOTE)
    directories = {path.name for path in (alone / "dist").iterdir() if path.is_dir()}
    assert {name for name in directories if name.startswith("online")} == {
        "online-inference-gpu-h100-tiny",
        "online-inference-gpu-h100-tiny-queued",
    }
    assert [cell["model"] for cell in json.loads(listed.stdout)["cells"]] == ["tiny"]
    assert "gpu-h100-80gb-high-x1" in explained.stdout


def test_what_is_rendered_is_what_the_packages_files_render(alone: Path) -> None:
    ira("synth", cwd=alone)
    whole = alone / "whole"
    copy_profiles(whole)
    shutil.rmtree(whole / "profiles/models")
    shutil.copytree(alone / "profiles/models", whole / "profiles/models")

    ira("synth", cwd=whole)

    files = {path.relative_to(alone): path.read_bytes() for path in alone.glob("dist/*/*.yaml")}
    assert files
    assert all((whole / path).read_bytes() == content for path, content in files.items())


@pytest.mark.parametrize(
    ("name", "others"),
    [
        ("platform.yaml", "gpus, known-models.yaml"),
        ("gpus", "platform.yaml, known-models.yaml"),
        ("known-models.yaml", "platform.yaml, gpus"),
    ],
)
def test_only_what_is_missing_is_taken(alone: Path, name: str, others: str) -> None:
    ours = ROOT / "profiles" / name
    (shutil.copytree if ours.is_dir() else shutil.copy)(ours, alone / "profiles" / name)

    run = ira("list", cwd=alone)

    assert run.returncode == 0
    assert run.stderr == f"note: profiles has no {others}; using those of the package\n"


def test_a_platform_of_ones_own_decides(alone: Path) -> None:
    text = (ROOT / "profiles/platform.yaml").read_text()
    (alone / "profiles/platform.yaml").write_text(f"namespace: team-a\n{text}")

    matrix = load_matrix(alone / "profiles")

    assert matrix.platform.namespace == "team-a"
    assert matrix.profiles.packaged == ("gpus", "known-models.yaml")


def test_a_complete_folder_takes_nothing(tmp_path: Path) -> None:
    copy_profiles(tmp_path)

    assert ira("list", cwd=tmp_path).stderr == ""
    assert load_matrix(tmp_path / "profiles").profiles.packaged == ()


def test_a_gpu_type_that_is_missing_among_others_is_an_error(tmp_path: Path) -> None:
    copy_profiles(tmp_path)
    (tmp_path / "profiles/gpus/l4.yaml").unlink()

    run = ira("list", cwd=tmp_path)

    assert run.returncode == 2
    assert "gemma3-27b.yaml" in run.stderr
    assert "cells.l4: is an unknown GPU type; known: h100, h200\n" in run.stderr


@pytest.mark.parametrize("name", ["gpu", "GPUS", "platfrom.yaml", "platform.yml", "other"])
def test_a_misspelt_name_is_told_and_nothing_is_taken(alone: Path, name: str) -> None:
    place = alone / "profiles" / name
    if "." in name:
        place.write_text("namespace: team-a\n")
    else:
        place.mkdir()

    for command in ("list", "check", "synth"):
        run = ira(command, cwd=alone)

        assert run.returncode == 2
        assert f"profiles/{name}:1:1: is not read; " in run.stderr
        assert "profiles/platform.yaml:1:1: can't be read: no such file" in run.stderr
        assert "profiles/gpus:1:1: holds no profile" in run.stderr
        assert "note: " not in run.stderr


def test_the_name_that_may_be_meant_is_suggested(alone: Path) -> None:
    (alone / "profiles/gpu").mkdir()

    assert (
        "profiles/gpu:1:1: is not read; a folder of profiles has environments, gpus, "
        "known-models.yaml, models, platform.yaml; did you mean 'gpus'?\n"
    ) in ira("list", cwd=alone).stderr


@pytest.mark.parametrize("name", ["README.md", ".git"])
def test_what_lies_beside_profiles_does_not_matter(alone: Path, name: str) -> None:
    (alone / "profiles" / name).touch()

    run = ira("list", cwd=alone)

    assert (run.returncode, run.stderr) == (0, NOTE)


@pytest.mark.parametrize("kind", ["an empty folder", "a dangling link"])
def test_gpu_types_that_are_there_but_unusable_are_not_replaced(alone: Path, kind: str) -> None:
    place = alone / "profiles/gpus"
    if kind == "an empty folder":
        place.mkdir()
    else:
        place.symlink_to("nowhere")

    run = ira("list", cwd=alone)

    assert run.returncode == 2
    assert "profiles/gpus:1:1: holds no profile" in run.stderr


def test_add_and_update_work_beside_one_model(alone: Path) -> None:
    folder = folder_of(alone, LLAMA)

    added = ira("add", "--from", folder, "--gpu", "h100", cwd=alone)
    updated = ira("add", "--update", "--from", folder, cwd=alone)

    assert (added.returncode, updated.returncode) == (0, 0)
    assert added.stderr == updated.stderr == NOTE
    assert updated.stdout.endswith("is up to date.\n")
    assert sorted(path.name for path in (alone / "profiles").iterdir()) == ["models", "schemas"]
