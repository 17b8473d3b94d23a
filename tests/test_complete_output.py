"""Output that needs no file of the user's, because the platform names the bucket."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from testing.edits import edit_file, edit_profile
from testing.kubectl import KUBECTL, ready
from testing.kubelet import environment
from testing.objects import Json, objects_in, the
from testing.project import DIST, PROFILES, copy_profiles
from tests.kubectls import each_kubectl
from tests.support import Run, ira, shell

BUCKET = "acme.example.com"  # a label ends at its first dot
_LINES = (PROFILES / "platform.yaml").read_text().splitlines()
AT = f"profiles/platform.yaml:{1 + _LINES.index('bucket_suffix: ira-model')}"
"""Where the platform of these tests names the bucket."""
NAMED = {"bucket_suffix:": f"bucket: {BUCKET}\nbucket_suffix:"}
SEVERAL_NODES = {"tensor_parallel: 4": "tensor_parallel: 8\n    pipeline_parallel: 2\n    nodes: 2"}
APART = ("--workload-name", "vllm-{gpu}-{model}")


def synth(folder: Path, *options: str) -> Run:
    run = ira("synth", *options, cwd=folder)
    assert run.returncode == 0, run.stderr
    return run


def profiles(folder: Path, edits: dict[str, str] = NAMED) -> Path:
    """Copy the profiles into a folder, with the bucket in the platform."""
    copied = copy_profiles(folder)
    edit_file(copied / "platform.yaml", edits)
    return copied


def built(kubectl: Path, directory: Path) -> list[Json]:
    run = shell(f"{ready(kubectl)} kustomize {directory}")
    assert run.returncode == 0, run.stderr
    return objects_in(run.stdout)


def in_order(objects: list[Json]) -> list[str]:
    return sorted(yaml.safe_dump(item) for item in objects)


@pytest.fixture(scope="module")
def complete(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of the shipped profiles, with one cell of two nodes, for a known bucket."""
    folder = tmp_path_factory.mktemp("complete")
    edit_profile(profiles(folder), "h100/llama3", SEVERAL_NODES)
    synth(folder, *APART)
    return folder / "dist"


@pytest.fixture(scope="module")
def walkthrough(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with the bucket in the user's file."""
    folder = tmp_path_factory.mktemp("walkthrough")
    edit_profile(copy_profiles(folder), "h100/llama3", SEVERAL_NODES)
    synth(folder, "--bucket", BUCKET, "--model-id", "google/gemma-3-27b-it", *APART)
    return folder / "dist"


@pytest.mark.parametrize("kubectl", each_kubectl())
def test_a_serving_directory_is_that_of_the_walkthrough_with_the_same_bucket(
    kubectl: Path, complete: Path, walkthrough: Path
) -> None:
    serving = sorted(walkthrough.glob("online-inference-gpu-*"))
    assert len(serving) == 13

    for directory in serving:
        expected = built(kubectl, directory)
        assert in_order(built(kubectl, complete / directory.name)) == in_order(expected)


@pytest.mark.parametrize("kubectl", each_kubectl())
def test_each_model_has_a_download_of_its_own(kubectl: Path, complete: Path) -> None:
    ids = {
        "gemma3-27b": "google/gemma-3-27b-it",
        "llama3": "meta-llama/Llama-3.3-70B-Instruct",
        "llama4-scout": "meta-llama/Llama-4-Scout-17B-16E-Instruct",
    }
    assert {each.name for each in complete.glob("model-download*")} == {
        f"model-download-{name}" for name in ids
    }
    for name, model_id in ids.items():
        objects = built(kubectl, complete / f"model-download-{name}")
        kinds = sorted(item["kind"] for item in objects)
        assert kinds == ["Job", "PersistentVolumeClaim", "ServiceAccount"]
        job = the(objects, "Job")
        claim = the(objects, "PersistentVolumeClaim")["metadata"]["name"]
        assert job["metadata"]["name"] == claim == f"model-download-{name}"
        pod = job["spec"]["template"]["spec"]
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert volumes["gke-gcsfuse-buffer"]["persistentVolumeClaim"] == {"claimName": claim}
        assert volumes["gcsfuse"]["csi"]["volumeAttributes"]["bucketName"] == BUCKET
        for container in (*pod["initContainers"], *pod["containers"]):
            read = environment(container, objects)
            assert (read["MODEL_ID"], read["IRA_BUCKET_NAME"]) == (model_id, BUCKET)


def test_nothing_outside_of_a_directory_is_needed(complete: Path) -> None:
    assert not (complete / "base").is_symlink()
    assert not (complete / "model-download").exists()
    for file in complete.rglob("kustomization.yaml"):
        for resource in yaml.safe_load(file.read_text())["resources"]:
            assert (file.parent / resource).is_file()


def test_adapters_and_drafts_are_part_of_their_models_download(tmp_path: Path) -> None:
    folder = profiles(tmp_path)
    edit_profile(
        folder,
        "h100/llama3",
        {
            "tensor_parallel: 4": "tensor_parallel: 4\n"
            "    lora_adapters: [{name: sql, model_id: acme/sql, revision: v3}]\n"
            "    speculative: {method: eagle3, model_id: acme/eagle, num_speculative_tokens: 3}"
        },
    )
    synth(tmp_path)

    (job,) = objects_in((tmp_path / "dist/model-download-llama3/job.yaml").read_text())
    pod = job["spec"]["template"]["spec"]
    containers = [*pod["initContainers"], *pod["containers"]]
    variables = {each["name"]: environment(each, []) for each in containers}
    assert {name: read["MODEL_ID"] for name, read in variables.items()} == {
        "install-huggingface-hub": "meta-llama/Llama-3.3-70B-Instruct",
        "transfer-other-1": "acme/eagle",
        "transfer-other-2": "acme/sql",
        "transfer-model-to-gcs": "meta-llama/Llama-3.3-70B-Instruct",
    }
    lists = {name: read.get("DOWNLOAD_BY_MODEL") for name, read in variables.items()}
    assert lists.pop("transfer-other-2") == '{"acme/sql": {"revision": "v3"}}'
    assert set(lists.values()) == {None}
    mounted = {name: each for each in containers for name in [each["name"]]}
    token = {"name": "hugging-face-token", "mountPath": "/etc/hugging-face-token", "readOnly": True}
    assert [name for name in mounted if token in mounted[name]["volumeMounts"]] == [
        "transfer-other-1", "transfer-other-2", "transfer-model-to-gcs",
    ]  # fmt: skip
    other = (tmp_path / "dist/model-download-gemma3-27b/job.yaml").read_text()
    assert "acme/" not in other.replace(BUCKET, "")


def test_a_run_of_some_cells_writes_the_downloads_of_their_models_alone(tmp_path: Path) -> None:
    profiles(tmp_path)
    synth(tmp_path, "--only", "l4/gemma3-27b")
    assert {each.name for each in (tmp_path / "dist").iterdir()} == {
        ".gitignore", "model-download-gemma3-27b", "online-inference-gpu-l4-gemma3-27b",
    }  # fmt: skip

    before = {path: path.read_bytes() for path in (tmp_path / "dist").rglob("*.yaml")}
    synth(tmp_path)
    assert {path: path.read_bytes() for path in before} == before


def test_a_changed_bucket_is_rendered_again(tmp_path: Path) -> None:
    folder = profiles(tmp_path)
    synth(tmp_path)
    edit_file(folder / "platform.yaml", {BUCKET: "another-bucket"})
    assert ira("synth", "--check", cwd=tmp_path).returncode == 1

    synth(tmp_path)

    assert ira("check", cwd=tmp_path).returncode == 0
    every = [path.read_text() for path in (tmp_path / "dist").rglob("*") if path.is_file()]
    assert not any(BUCKET in text for text in every)


@pytest.mark.parametrize(
    ("bucket", "message"),
    [
        ("Acme", "'Acme' is not a bucket's name"),
        ("gs://acme", "without gs://"),
        ("192.168.0.1", "can't look like an IP address"),
        ("<IRA_BUCKET_NAME>", "is not a bucket's name"),
        ("''", "is not a bucket's name"),
        ("[a]", "is a list; it must be text in quotes"),
    ],
)
def test_what_is_no_bucket_is_refused_at_its_place(
    bucket: str, message: str, tmp_path: Path
) -> None:
    profiles(tmp_path, {"bucket_suffix:": f"bucket: {bucket}\nbucket_suffix:"})
    run = ira("synth", cwd=tmp_path)

    assert run.returncode == 2
    assert f"{AT}:9: bucket: " in run.stderr
    assert message in run.stderr
    assert not (tmp_path / "dist").exists()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--bucket", "other-bucket"), "--bucket"),
        (("--model-id", "google/gemma-3-27b-it"), "--model-id"),
        (("--terraform-output", "missing.json"), "--terraform-output"),
        (("--bucket", "b-c", "--model-id", "a/b"), "--bucket and --model-id"),
    ],
)
def test_options_of_the_users_file_are_refused_beside_the_platforms_bucket(
    options: tuple[str, ...], named: str, tmp_path: Path
) -> None:
    profiles(tmp_path)
    run = ira("synth", *options, cwd=tmp_path)

    assert run.returncode == 2
    assert f"{named} can't be used: {AT} names the bucket" in run.stderr
    assert not (tmp_path / "dist").exists()


def test_a_switch_there_and_back_keeps_the_users_files(tmp_path: Path) -> None:
    folder = copy_profiles(tmp_path)
    synth(tmp_path, "--bucket", "mine-ira-model", "--model-id", "google/gemma-3-27b-it")
    base = tmp_path / "dist/model-download/base"
    (tmp_path / "dist/base/hugging-face-token.env").write_text("HUGGING_FACE_TOKEN=hf_mine\n")
    users = {path.name: path.read_bytes() for path in base.glob("*.env")}
    assert len(users) == 2

    edit_file(folder / "platform.yaml", NAMED)
    there = synth(tmp_path)

    assert {path.name: path.read_bytes() for path in base.iterdir()} == users
    assert [path.name for path in base.parent.iterdir()] == ["base"]
    assert not (tmp_path / "dist/base").is_symlink()
    for name in users:
        assert f"left      dist/model-download/base/{name}: not read any more" in there.stdout
    assert "hf_mine" not in there.stdout
    assert "hugging-face-token" in (tmp_path / "dist/.gitignore").read_text()
    check = ira("check", cwd=tmp_path)
    assert check.returncode == 0, check.stdout
    assert "base/" not in check.stdout

    edit_file(folder / "platform.yaml", {f"bucket: {BUCKET}\n": ""})
    synth(tmp_path)

    assert {path.name: path.read_bytes() for path in base.glob("*.env")} == users
    assert (tmp_path / "dist/base").resolve() == base.resolve()
    assert not list((tmp_path / "dist").glob("model-download-*"))
    assert ira("synth", "--check", cwd=tmp_path).returncode == 0


def test_a_folder_in_the_place_of_the_link_stays_with_the_users_files(tmp_path: Path) -> None:
    profiles(tmp_path)
    mine = tmp_path / "dist/base/hugging-face-token.env"
    mine.parent.mkdir(parents=True)
    mine.write_text("HUGGING_FACE_TOKEN=hf_mine\n")

    run = synth(tmp_path)

    assert mine.read_text() == "HUGGING_FACE_TOKEN=hf_mine\n"
    assert "left      dist/base/hugging-face-token.env: not read any more" in run.stdout
    assert not (tmp_path / "dist/model-download").exists()


def test_the_users_files_are_not_judged(tmp_path: Path) -> None:
    profiles(tmp_path)
    synth(tmp_path)
    base = tmp_path / "dist/model-download/base"
    base.mkdir(parents=True)
    (base / "ira-model-config.env").write_text("IRA_BUCKET_NAME=gs://x\nMODEL_ID=nobody/knows\n")

    run = ira("check", cwd=tmp_path)

    assert run.returncode == 0, run.stdout
    assert "base/" not in run.stdout
    assert "nobody/knows" not in synth(tmp_path).stderr


def test_the_next_steps_are_those_of_complete_output(tmp_path: Path) -> None:
    profiles(tmp_path, NAMED | {"# namespace: default": "namespace: llm #"})
    shown, steps = synth(tmp_path).stdout.split("\nNext:\n")

    assert not shown.endswith("\n\n")  # one empty line, also without notes
    assert [line.strip() for line in steps.splitlines()] == [
        "create the Secret hugging-face-token-secret with the key HUGGING_FACE_TOKEN",
        "kubectl apply -k dist/model-download-gemma3-27b",
        "# until Complete 1/1:",
        "kubectl get --namespace llm job/model-download-gemma3-27b --watch",
        "# the disk of the download:",
        "kubectl delete --namespace llm pvc/model-download-gemma3-27b",
        "kubectl apply -k dist/online-inference-gpu-h100-gemma3-27b",
        "kubectl get --namespace llm deployment/vllm-h100 --watch  # until 1/1",
    ]


def test_a_download_is_explained_for_each_model(tmp_path: Path) -> None:
    folder = profiles(tmp_path)
    edit_file(folder / "models/llama3.yaml", {"weights:\n": "revision: v1\nweights:\n"})

    def explain(*words: str) -> str:
        run = ira("explain", *words, cwd=tmp_path)
        assert run.returncode == 0, run.stderr
        return run.stdout

    every = explain("model-download")
    one = explain("model-download-llama3")
    assert every.count("\nValues and where they come from:\n") == 3
    assert one in every
    assert f"bucket: {BUCKET}\n    {AT}\n" in one
    of_model = "model_id: meta-llama/Llama-3.3-70B-Instruct\n    profiles/models/llama3.yaml:3\n"
    assert of_model in one
    assert 'download: {"meta-llama/Llama-3.3-70B-Instruct": {"revision": "v1"}}' in one
    assert explain("dist/model-download-llama3/", "storage").startswith("storage: 1Ti\n")
    fields = explain("model-download", "model_id")
    assert "  in model-download-llama3\n" in fields
    assert "  in model-download-gemma3-27b\n" in fields
    assert "  in " not in explain("model-download", "image")
    assert explain("h100/llama3", "IRA_BUCKET_NAME").endswith(f"from {AT}\n")

    run = ira("explain", "model-download-lama3", cwd=tmp_path)
    assert run.returncode == 2
    assert "did you mean 'model-download-llama3'?" in run.stderr


def test_a_fresh_clone_builds_every_directory(tmp_path: Path, complete: Path) -> None:
    clone = tmp_path / "clone"
    shutil.copytree(complete, clone)
    for directory in sorted(path for path in clone.iterdir() if path.is_dir()):
        assert built(KUBECTL, directory), directory.name


def test_the_library_writes_complete_output_and_refuses_a_second_bucket(tmp_path: Path) -> None:
    import ira_manifests

    matrix: Any = ira_manifests.load_matrix(profiles(tmp_path))
    found = ira_manifests.render(matrix)
    assert {each.name for each in found}.isdisjoint({"model-download", "model-download/base"})
    with pytest.raises(ira_manifests.InputError, match="their profiles name the bucket"):
        ira_manifests.write(found, tmp_path / "out", bucket="another")
    plan = ira_manifests.write(found, tmp_path / "out")
    assert "model-download-llama3/job.yaml" in plan.created


def test_the_shipped_profiles_name_no_bucket() -> None:
    assert "\nbucket:" not in (PROFILES / "platform.yaml").read_text()
    assert (DIST / "base").is_symlink()
