"""One run reports every problem with its place, in the requested format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ira_manifests import InputError, ProfileError, load_matrix
from testing.project import copy_edited, copy_profiles, copy_project
from tests.support import UNPRIVILEGED, ira, occupy

NO_NODE = {"JSII_NODE": "/no/such/node", "PATH": "/nowhere"}
BROKEN_PLATFORM = (
    "profiles/platform.yaml:1:10: is not YAML: while parsing a flow node did not find expected "
    "node content"
)
BAD_NAMESPACE = "the namespace 'LLM' is not a valid name"


def found(output: str) -> set[tuple[str, Any]]:
    return {(item["rule"], item["file"]) for item in json.loads(output)}


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A folder with profiles that have a problem."""
    (copy_profiles(tmp_path) / "models/llama3.yaml").write_text("model_id: [}")
    return tmp_path


@pytest.mark.parametrize("command", ["synth", "check", "list"])
def test_a_broken_platform_and_an_unreadable_folder_are_both_reported(
    command: str, tmp_path: Path
) -> None:
    profiles = copy_profiles(tmp_path)
    (profiles / "platform.yaml").write_text("engine: [}")
    (profiles / "models").chmod(0)

    run = ira(command, cwd=tmp_path, prefix=UNPRIVILEGED)
    (profiles / "models").chmod(0o755)

    assert run.returncode == 2
    assert run.stderr.splitlines() == [
        "profiles/models:1:1: can't be read: permission is denied",
        BROKEN_PLATFORM,
        "2 problems in 2 files.",
    ]


@pytest.mark.parametrize("kind", ["gpus", "gpus/h100.yaml"])
def test_what_cannot_be_read_is_not_called_unknown(kind: str, tmp_path: Path) -> None:
    unreadable = copy_profiles(tmp_path) / kind
    unreadable.chmod(0)

    run = ira("check", cwd=tmp_path, prefix=UNPRIVILEGED)
    unreadable.chmod(0o755)

    assert run.stderr.splitlines() == [
        f"profiles/{kind}:1:1: can't be read: permission is denied",
        "1 problem in 1 file.",
    ]


def test_a_bad_profile_and_bad_options_are_all_reported(broken: Path) -> None:
    options = ["--namespace", "LLM", "--workload-name", "{pod}"]

    for command in ("synth", "check", "list"):
        run = ira(command, *options, cwd=broken)

        first, summary, *others = run.stderr.splitlines()
        assert run.returncode == 2
        assert first.startswith("profiles/models/llama3.yaml:1:12: is not YAML")
        assert summary == "1 problem in 1 file."
        assert others[0].startswith("error: the workload name '{pod}' is not a name template")
        assert others[1].startswith(f"error: {BAD_NAMESPACE}")
        assert len(others) == 2


def test_a_library_gets_all_of_them_in_one_error(broken: Path) -> None:
    with pytest.raises(ProfileError) as caught:
        load_matrix(broken / "profiles", namespace="LLM")

    assert len(caught.value.problems) == 1
    assert caught.value.options[0].startswith(BAD_NAMESPACE)
    assert BAD_NAMESPACE in str(caught.value)

    with pytest.raises(InputError) as also:
        load_matrix(namespace="LLM", workload_name="{pod}")

    assert len(also.value.messages) == 2


def test_every_bad_option_of_synth_is_reported(broken: Path) -> None:
    options = ["--bucket", "gs://acme", "--model-id", "gemma", "--namespace", "LLM"]

    run = ira("synth", *options, cwd=broken, env=NO_NODE)

    assert [line.split("'")[0] for line in run.stderr.splitlines()[2:]] == [
        "error: the bucket ", "error: the model id ", "error: the namespace ",
    ]  # fmt: skip


def test_every_unknown_option_and_every_unknown_cell_is_reported() -> None:
    run = ira("check", "--onyl", "h100/llama3", "--nmaespace=x", "--onyl=y")

    assert [line.split("(")[0] for line in run.stderr.splitlines()] == [
        "error: no such option: --onyl; did you mean '--only'? ",
        "error: no such option: --nmaespace; did you mean '--namespace'? ",
    ]
    assert ira("check", "--only", "h10", "--only", "l4").stderr.count("names no cell") == 2


@pytest.mark.parametrize("options", [["--onyl", "x"], ["--namespace", "LLM"], ["--only", "x"]])
def test_a_bad_option_is_a_document_in_each_format(options: list[str]) -> None:
    as_json = ira("check", "--format", "json", *options)
    github = ira("check", *options, "-f", "github")

    assert (as_json.returncode, github.returncode) == (2, 2)
    (item,) = json.loads(as_json.stdout)
    assert (item["rule"], item["name"]) == ("IRA000", "bad-input")
    assert (item["file"], item["line"], item["column"]) == (None, None, None)
    assert github.stdout.startswith("::error title=IRA000 bad-input::")
    assert as_json.stderr == f"error: {item['message']}\n"


def test_the_list_as_json_holds_the_problems(broken: Path) -> None:
    run = ira("list", "--json", "--namespace", "LLM", cwd=broken)

    assert run.returncode == 2
    assert [item["file"] for item in json.loads(run.stdout)["problems"]] == [
        "profiles/models/llama3.yaml", None,
    ]  # fmt: skip


def test_an_unknown_format_is_reported_as_text() -> None:
    run = ira("check", "--format", "xml", "--onyl")

    assert (run.returncode, run.stdout) == (2, "")


@pytest.mark.parametrize("kind", ["pipe", "folder", "socket", "device"])
def test_unreadable_users_files_are_reported_beside_every_finding(
    kind: str, tmp_path: Path
) -> None:
    copy_project(tmp_path)
    copy_edited(tmp_path / "edited", "h100/llama3", ("tensor_parallel: 4", "tensor_parallel: 1"))
    base = tmp_path / "dist/base"
    for name in ("ira-model-config.env", "hugging-face-token.env"):
        (base / name).unlink()
        occupy(base / name, kind)

    options = ["--profiles", "edited/profiles", "--only", "*/llama3"]
    run = ira("check", "--format", "json", *options, cwd=tmp_path)

    assert run.returncode == 2
    assert found(run.stdout) > {
        ("IRA000", "dist/base/ira-model-config.env"),
        ("IRA000", "dist/base/hugging-face-token.env"),
        ("IRA001", "edited/profiles/models/llama3.yaml"),
    }


def test_findings_are_kept_where_nothing_can_be_rendered(tmp_path: Path) -> None:
    copy_edited(tmp_path, "h100/llama3", ("tensor_parallel: 4", "tensor_parallel: 1"))

    run = ira("check", "--format", "json", cwd=tmp_path, env=NO_NODE)

    assert run.returncode == 2
    assert found(run.stdout) > {("IRA001", "profiles/models/llama3.yaml"), ("IRA000", None)}
    text = ira("check", cwd=tmp_path, env=NO_NODE)
    assert "IRA001" in text.stdout
    assert text.stderr.startswith("error: ")
