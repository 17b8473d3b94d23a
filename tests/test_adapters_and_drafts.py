"""LoRA adapters and drafts: downloads, mounts, the server's arguments, and memory."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ira_manifests import check, load_matrix
from ira_manifests.profiles.cell import Cell
from ira_manifests.rendering import render
from testing.edits import edit_profile
from testing.kubectl import kustomize
from testing.objects import objects_in, the
from testing.project import copy_profiles, fill_in
from tests.breaking import Change, findings_of
from tests.support import ira

ADAPTERS = """tensor_parallel: 4
    lora_adapters:
      - {name: sql, model_id: acme/sql-lora, revision: v3}
      - {name: support, model_id: acme/support}
    max_loras: 2
    max_lora_rank: 32"""
DRAFT = """tensor_parallel: 4
    speculative:
      method: eagle3
      model_id: acme/eagle
      num_speculative_tokens: 3"""
NGRAM = """tensor_parallel: 4
    speculative: {method: ngram, num_speculative_tokens: 4, prompt_lookup_max: 4}"""
NAME = "online-inference-gpu-h100-llama3"


def with_cell(folder: Path, text: str) -> Path:
    profiles = copy_profiles(folder)
    edit_profile(profiles, "h100/llama3", {"tensor_parallel: 4": text})
    return profiles


def cell_with(folder: Path, text: str) -> Cell:
    return load_matrix(with_cell(folder, text))["h100", "llama3"]


def synthesised(folder: Path, text: str, *options: str) -> Path:
    profiles = with_cell(folder, text)
    run = ira("synth", "-p", str(profiles), *options, cwd=folder)
    assert run.returncode == 0, run.stderr
    fill_in(folder / "dist")
    return folder / "dist"


def pods(out: Path) -> list[dict[str, Any]]:
    """The Pods of the cell's two directories, and of the request for queued capacity."""
    plain, queued = (objects_in(kustomize(out / name)) for name in (NAME, f"{NAME}-queued"))
    return [
        the(plain, "Deployment")["spec"]["template"],
        the(queued, "Deployment")["spec"]["template"],
        the(queued, "PodTemplate")["template"],
    ]


def arguments(pod: dict[str, Any]) -> list[str]:
    return [str(each) for each in pod["spec"]["containers"][0]["args"]]


def mounted(pod: dict[str, Any], container: int) -> dict[str, str]:
    """Return the folders of the bucket that a container sees, by where it sees them."""
    volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
    found = {}
    for mount in pod["spec"]["containers"][container]["volumeMounts"]:
        csi = volumes[mount["name"]].get("csi")
        if csi is None:
            continue
        assert mount["readOnly"]
        assert csi["volumeAttributes"]["bucketName"] == BUCKET
        options = csi["volumeAttributes"]["mountOptions"].split(",")
        (only,) = [option for option in options if option.startswith("only-dir:")]
        found[mount["mountPath"]] = only.removeprefix("only-dir:")
    return found


BUCKET = "acme-dev-ira-model"
MODEL = "meta-llama/Llama-3.3-70B-Instruct"


def test_adapters_are_mounted_and_named_in_every_directory_of_the_cell(tmp_path: Path) -> None:
    for pod in pods(synthesised(tmp_path, ADAPTERS)):
        words = arguments(pod)
        first = words.index("--enable-lora")
        assert words[first : first + 6] == [
            "--enable-lora",
            "--max-loras=2",
            "--max-lora-rank=32",
            "--lora-modules",
            "sql=/gcs/acme/sql-lora",
            "support=/gcs/acme/support",
        ]
        assert mounted(pod, 0) == {
            f"/gcs/{MODEL}": MODEL,
            "/gcs/acme/sql-lora": "acme/sql-lora",
            "/gcs/acme/support": "acme/support",
        }
        assert mounted(pod, 1) == {f"/gcs/{MODEL}": MODEL}
        noted = pod["metadata"]["annotations"]
        assert noted["ira-manifests/other-revisions"] == "acme/sql-lora@v3"


def test_a_draft_is_mounted_and_named_by_its_folder(tmp_path: Path) -> None:
    for pod in pods(synthesised(tmp_path, DRAFT)):
        (config,) = [word for word in arguments(pod) if word.startswith("--speculative-config=")]
        assert json.loads(config.partition("=")[2]) == {
            "method": "eagle3",
            "num_speculative_tokens": 3,
            "model": "/gcs/acme/eagle",
        }
        assert mounted(pod, 0) == {f"/gcs/{MODEL}": MODEL, "/gcs/acme/eagle": "acme/eagle"}


def test_the_rules_accept_adapters_and_drafts(tmp_path: Path) -> None:
    profiles = with_cell(tmp_path, ADAPTERS + DRAFT.removeprefix("tensor_parallel: 4"))

    assert ira("synth", "-p", str(profiles), cwd=tmp_path).returncode == 0
    run = ira("check", "--only", "h100/llama3", "-p", str(profiles), cwd=tmp_path)

    errors = [line for line in run.stdout.splitlines() if ": error" in line]
    assert [line for line in errors if "/base/" not in line] == []
    assert "IRA003" in run.stdout  # vLLM's memory for a draft is not computed


def test_the_download_knows_every_repository(tmp_path: Path) -> None:
    out = synthesised(tmp_path, ADAPTERS, "--model-id", "acme/support")
    (container,) = the(objects_in(kustomize(out / "model-download")), "Job")["spec"]["template"][
        "spec"
    ]["containers"]
    env = {each["name"]: each.get("value") for each in container["env"]}
    assert json.loads(env["DOWNLOAD_BY_MODEL"])["acme/sql-lora"] == {"revision": "v3"}

    found = ira("check", "-p", str(tmp_path / "profiles"), cwd=tmp_path)
    assert "IRA040" not in found.stdout
    wrong = ira(
        "synth", "-p", str(tmp_path / "profiles"), "--model-id", "acme/Support", cwd=tmp_path
    )
    assert wrong.returncode == 2
    assert "differs in case from 'acme/support'" in wrong.stderr


@pytest.mark.parametrize(
    ("text", "flags"),
    [
        (ADAPTERS, "--enable-lora, --max-loras=2, --max-lora-rank=32"),
        (NGRAM, '\'--speculative-config={"method": "ngram", "num_speculative_tokens": 4}\''),
    ],
    ids=["adapters", "n-gram"],
)
def test_memory_is_that_of_the_same_flags(tmp_path: Path, text: str, flags: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    by_field = cell_with(tmp_path / "a", text)
    by_flag = cell_with(tmp_path / "b", f"tensor_parallel: 4\n    args: [{flags}]")
    plain = load_matrix()["h100", "llama3"]

    assert by_field.budget is not None
    assert by_field.budget == by_flag.budget
    assert by_field.budget != plain.budget


def test_memory_with_a_draft_is_not_judged(tmp_path: Path) -> None:
    cell = cell_with(tmp_path, DRAFT)

    assert cell.budget is None
    assert "--speculative-config changes what it needs" in cell.unjudged


def _swap_mounts(template: dict[str, Any]) -> None:
    first, second = [
        mount
        for mount in template["spec"]["containers"][0]["volumeMounts"]
        if mount["name"].startswith("gcsfuse-")
    ]
    first["name"], second["name"] = second["name"], first["name"]


def _drop_mount(template: dict[str, Any]) -> None:
    mounts = template["spec"]["containers"][0]["volumeMounts"]
    mounts.remove(next(mount for mount in mounts if mount["name"] == "gcsfuse-1"))


def _other_folder(template: dict[str, Any]) -> None:
    volume = next(each for each in template["spec"]["volumes"] if each["name"] == "gcsfuse-1")
    attributes = volume["csi"]["volumeAttributes"]
    attributes["mountOptions"] = attributes["mountOptions"].replace("acme/sql", "acme/other")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_swap_mounts, "/gcs/acme/sql-lora is not the folder of acme/support"),
        (_drop_mount, "an argument names /gcs/acme/sql-lora, which is not mounted"),
        (_other_folder, "only-dir:acme/other-lora hides the folder of meta-llama/"),
    ],
)
def test_a_folder_that_is_not_the_adapters_is_found(
    tmp_path: Path, change: Change, message: str
) -> None:
    matrix = load_matrix(with_cell(tmp_path, ADAPTERS))
    cell = matrix["h100", "llama3"]
    directory = next(each for each in render(matrix, [cell]) if each.name == NAME)
    edited = copy.deepcopy(dict(directory.objects))
    change(edited["deployment.yaml"]["spec"]["template"])

    found = findings_of(directory, replace(directory, objects=edited))

    assert {each.rule_id for each in found} == {"IRA023"}
    assert any(message in each.message for each in found)


def test_a_name_that_looks_like_a_folder_is_not_taken_for_one(tmp_path: Path) -> None:
    names = "tensor_parallel: 4\n    served_model_names: [/gcs/acme/alias]"
    found = check(load_matrix(with_cell(tmp_path, names)))

    assert [each for each in found if each.cell == "h100/llama3"] == []
