"""--json of every command: one document on standard output, with what the text says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ira_manifests.cli.app import COMMANDS
from testing.edits import edit_profile
from testing.project import DIST, PROFILES, copy_profiles
from tests.support import ira
from tests.test_add import LLAMA, folder_of

NO_REPORT = {"schema", "completion"}
"""Commands whose output is a document or a script anyway."""


@pytest.fixture
def here(tmp_path: Path) -> Path:
    copy_profiles(tmp_path)
    return tmp_path


def document(here: Path, *words: str | Path, code: int = 0) -> dict[str, Any]:
    run = ira(*words, "--json", cwd=here)
    assert run.returncode == code, run.stdout + run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def test_every_command_has_a_document() -> None:
    for name in COMMANDS.keys() - NO_REPORT:
        words = ira(name, "--help").stdout.split()
        assert "--json" in words or "--format" in words, name


def test_a_cell_is_explained_with_its_memory_and_the_source_of_each_value(here: Path) -> None:
    (cell,) = document(here, "explain", "h100/llama3")["cells"]
    listed = document(here, "list")["cells"]

    (row,) = (each for each in listed if (each["gpu"], each["model"]) == ("h100", "llama3"))
    assert {key: cell[key] for key in row if key != "environment"} == {
        key: value for key, value in row.items() if key != "environment"
    }
    parts = cell["memory"]["parts"]
    assert sum(part["bytes"] for part in parts) == cell["memory"]["total_bytes"]
    assert parts[0]["name"] == "weights"
    assert cell["node"]["allocatable_bytes"] > 0
    (value,) = (each for each in cell["values"] if each["name"] == "max_model_len")
    file, line, *_ = value["source"].split(":")
    text = (here / file).read_text().splitlines()[int(line) - 1]
    assert text.strip() == "max_model_len: 131072"


def test_other_subjects_of_explain_are_documents_too(here: Path) -> None:
    rule = document(here, "explain", "IRA012")["rule"]
    assert (rule["id"], rule["name"], rule["severity"]) == ("IRA012", "no-shared-memory", "error")

    (download,) = document(here, "explain", "model-download")["directories"]
    assert download["name"] == "model-download"
    assert {"name", "manifest", "value", "source"} == download["values"][0].keys()

    (answer, *_) = document(here, "explain", "h100", "llama3", "nodeSelector")["answers"]
    assert answer["leaves"][0]["value"] == "gpu-h100-80gb-high-x4"

    (absent,) = document(here, "explain", "l4/llama3")["absent"]
    assert (absent["gpu"], absent["model"]) == ("l4", "llama3")

    (value,) = document(here, "explain", "h100/llama3", "max_model_len")["values"]
    assert value["value"] == "131072"


def test_a_model_without_a_profile_is_explained_as_it_would_be_added(here: Path) -> None:
    found = document(here, "explain", "--from", folder_of(here, LLAMA), "--gpu", "h100")

    (cell,) = found["cells"]
    assert cell["profile"].startswith("  h100:\n    tensor_parallel: 1\n")
    assert cell["weights_from"]


def test_an_error_is_a_document_and_a_message(here: Path) -> None:
    (here / "profiles/platform.yaml").write_text("nonsense: 1\n")
    for command in (["list"], ["explain", "h100/llama3"], ["synth"]):
        run = ira(*command, "--json", cwd=here)

        assert run.returncode == 2
        problems = json.loads(run.stdout)["problems"]
        assert {each["file"] for each in problems} == {"profiles/platform.yaml"}
        assert "profiles/platform.yaml:1:1: nonsense: is an unknown key" in run.stderr


def test_a_mistyped_option_is_a_document_too() -> None:
    run = ira("list", "--json", "--gpus", "h100")

    assert run.returncode == 2
    (problem,) = json.loads(run.stdout)["problems"]
    assert "no such option: --gpus" in problem["message"]
    assert "no such option: --gpus" in run.stderr


def test_a_synth_reports_what_it_wrote_and_what_is_next(here: Path) -> None:
    stale = document(here, "synth", "--check", code=1)
    assert (stale["written"], stale["stale"]) == (False, True)
    assert not (here / "dist").exists()

    first = document(here, "synth")
    yaml = {each.relative_to(here / "dist").as_posix() for each in here.glob("dist/*/*.yaml")}
    assert (first["out"], first["written"]) == ("dist", True)
    assert yaml - {"base/kustomization.yaml"} <= {*first["created"]}
    assert len(first["user_files"]["created"]) == 2
    assert "online-inference-gpu-h100-llama3/deployment.yaml" in first["created"]
    assert {"command": "kubectl apply -k dist/model-download", "until": None} in first["next"]

    edit_profile(here / "profiles", "h100/llama3", {"cpu: 64": "cpu: 60"})
    second = document(here, "synth")
    assert "online-inference-gpu-h100-llama3/deployment.yaml" in second["updated"]
    assert second["created"] == []
    fresh = document(here, "synth", "--check")
    assert (fresh["written"], fresh["stale"]) == (False, False)


def test_a_refused_synth_reports_the_errors(here: Path) -> None:
    edit_profile(here / "profiles", "h100/llama3", {"tensor_parallel: 4": "tensor_parallel: 1"})

    found = document(here, "synth", code=1)

    assert found["written"] is False
    assert {each["rule"] for each in found["findings"]} >= {"IRA001"}
    assert not (here / "dist").exists()


def test_add_and_its_update_report_the_profile(here: Path) -> None:
    folder = folder_of(here, LLAMA)
    dry = document(here, "add", "--from", folder, "--dry-run")
    assert dry["written"] is False
    assert dry["model_id"] == "meta-llama/Meta-Llama-3.1-8B" or "Llama-3.1-8B" in dry["model_id"]

    added = document(here, "add", "--from", folder)
    file = here / added["file"]
    assert added["written"] is True
    assert file.read_text() == added["profile"] == dry["profile"]
    assert {each["gpu"] for each in added["cells"]} <= {"h100", "h200", "l4"}

    file.write_text(file.read_text().replace("head_dim: 128", "head_dim: 64"))
    update = ("add", "--update", "--from", folder)
    planned, done, again = (
        document(here, *update, "--dry-run"), document(here, *update), document(here, *update),
    )  # fmt: skip
    change = {"field": "geometry.layers[0].head_dim", "old": 64, "new": 128}
    assert planned["changes"] == done["changes"] == [change]
    assert (planned["written"], done["written"], again["written"]) == (False, True, False)
    assert again["changes"] == []


def test_the_committed_output_is_fresh_as_a_document() -> None:
    assert document(PROFILES.parent, "synth", "--check", "--out", DIST)["stale"] is False
