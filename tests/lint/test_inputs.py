"""What can be named: streams, single files, files that can't be read, other encodings."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.lint.trees import DEPLOYMENT, NODE, edited, found, lint, told, write
from tests.support import UNPRIVILEGED, ira, ira_alone, shell

LATEST = DEPLOYMENT.replace(":v0.26.0", ":latest")
IMAGE = next(n for n, line in enumerate(DEPLOYMENT.splitlines(), 1) if "image:" in line)
PIPE = "pipe the output of kustomize, helm template or kubectl get -o yaml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", f"standard input is empty; {PIPE}"),
        ("# nothing\n", f"standard input is empty; {PIPE}"),
        ("Error from server (NotFound)\n", f"standard input has no object of Kubernetes; {PIPE}"),
        ("a: 1\n", f"standard input has no object of Kubernetes; {PIPE}"),
    ],
)
def test_a_stream_without_an_object_is_no_clean_tree(
    tmp_path: Path, text: str, message: str
) -> None:
    run = lint(tmp_path, "-", input=text)

    assert (run.returncode, run.stdout, run.stderr) == (2, "", f"error: {message}\n")


def test_an_empty_list_is_clean(tmp_path: Path) -> None:
    run = lint(tmp_path, "-", input="apiVersion: v1\nkind: List\nitems: []\n")

    assert (run.returncode, run.stdout) == (0, "1 file judged: 0 errors, 0 warnings.\n")


def _as_in_a_cluster(body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a Deployment as the API server lists it, with what its controllers made of it."""
    fields = {"manager": "kubectl", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
    kept = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(body)}
    body["metadata"] |= {"uid": "1", "managedFields": [fields], "annotations": kept}
    template = body["spec"]["template"]
    labels = {"app": "vllm", "pod-template-hash": "5d4f8c7b9"}
    template = {**template, "metadata": {"labels": labels}}
    made = [
        ("apps/v1", "ReplicaSet", {"selector": {"matchLabels": labels}, "template": template}),
        ("v1", "Pod", template["spec"]),
    ]
    owner = {"kind": "Deployment", "name": "vllm", "uid": "1", "controller": True}
    return [
        {**body, "status": {"replicas": 1}},
        *(
            {
                "apiVersion": version,
                "kind": kind,
                "metadata": {"name": "vllm-5", "labels": labels, "ownerReferences": [owner]},
                "spec": spec,
            }
            for version, kind, spec in made
        ),
    ]


def test_what_controllers_made_is_not_judged_beside_what_they_made_it_of(tmp_path: Path) -> None:
    items = _as_in_a_cluster(yaml.safe_load(LATEST))
    listed = yaml.safe_dump({"apiVersion": "v1", "kind": "List", "items": items})

    findings = json.loads(lint(tmp_path, "-", "--format", "json", input=listed).stdout)

    assert [each["rule"] for each in findings] == ["IRA015"]
    assert findings[0]["field"] == "spec.template.spec.containers[0].image"


@pytest.mark.parametrize("nested", [False, True])
def test_the_items_of_every_list_are_judged(tmp_path: Path, *, nested: bool) -> None:
    body = yaml.safe_load(LATEST)
    listed = {"apiVersion": body.pop("apiVersion"), "kind": f"{body.pop('kind')}List"}
    listed["items"] = [body]
    text = {"apiVersion": "v1", "kind": "List", "items": [listed]} if nested else listed

    run = lint(tmp_path, "-", "--format", "json", input=yaml.safe_dump(text))

    assert [each["rule"] for each in json.loads(run.stdout)] == ["IRA015"]


def test_a_closed_stream_is_one_sentence(tmp_path: Path) -> None:
    run = shell("$IRA lint - <&-", cwd=tmp_path)

    assert run.returncode == 2
    assert run.stderr == (
        "error: standard input is closed; pipe what is to be read, or name files\n"
    )


def test_a_stream_is_read_once_and_beside_folders(tmp_path: Path) -> None:
    run = lint(edited(tmp_path), "-", ".", "-", input=LATEST)

    assert run.stdout.startswith(f"<stdin>:{IMAGE}:18: error IRA015")
    assert "2 kustomizations and 1 file judged: 1 error" in run.stdout


@pytest.mark.parametrize("name", ["base/deployment.yaml", "x.example.yaml"])
def test_a_file_that_is_named_is_judged_wherever_it_is(tmp_path: Path, name: str) -> None:
    tree = write(edited(tmp_path), {name: LATEST})

    assert told(tree, name) == [f"{name}:{IMAGE} IRA015"]


@pytest.mark.parametrize("name", ["node.yaml", "runtime.env"])
def test_a_part_of_a_kustomization_is_not_judged_alone(tmp_path: Path, name: str) -> None:
    folder = "overlays/l4-gemma"

    run = lint(edited(tmp_path), f"{folder}/{name}")

    assert run.returncode == 2
    assert f"{folder}/{name}: the file is a part of {folder}/kustomization.yaml" in run.stderr


def test_files_without_an_object_are_no_clean_tree(tmp_path: Path) -> None:
    run = lint(write(tmp_path, {"values.yaml": "a: 1\n"}), ".")

    assert run.returncode == 2
    assert run.stderr == "error: .: there is no kustomization and no object of Kubernetes\n"


def test_a_pipe_is_no_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    run = lint(tmp_path, "pipe")

    assert run.returncode == 2
    assert run.stderr == "error: pipe: it is no regular file; pipe what it has, and name -\n"


# --- encodings ------------------------------------------------------------------------------------


def test_utf_16_is_told_by_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(LATEST.encode("utf-16"))
    write(tmp_path, {"b.yaml": DEPLOYMENT})

    (note,) = found(tmp_path, ".", "--severity", "note", "--rule", "IRA081", "--ignore", "IRA015")

    assert (note["file"], note["message"]) == (
        "a.yaml",
        "the file is UTF-16 text, and kubectl reads UTF-8",
    )


@pytest.mark.parametrize(("old", "new"), [(b"\n", b"\r\n"), (b"", b"\xef\xbb\xbf")])
def test_line_ends_and_marks_of_windows_change_nothing(
    tmp_path: Path, old: bytes, new: bytes
) -> None:
    tree = edited(tmp_path, ("base/deployment.yaml", ":v0.26.0", ":latest"))
    for file in tree.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            file.write_bytes(content.replace(old, new) if old else new + content)

    assert told(tree) == [f"base/deployment.yaml:{IMAGE} IRA015"]


def test_a_list_as_a_key_is_no_template(tmp_path: Path) -> None:
    write(tmp_path, {"a.yaml": "? [x]\n: y\n", "b.yaml": DEPLOYMENT})

    (note,) = found(tmp_path, "a.yaml", "b.yaml", "--severity", "note", "--rule", "IRA081")

    assert note["message"] == "the file has a list or a mapping as a key"


# --- files that can't be read ---------------------------------------------------------------------


def unprivileged(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return ira_alone("lint", *arguments, cwd=tree, prefix=UNPRIVILEGED)


def locked(path: Path) -> Path:
    path.chmod(0)
    return path


def test_what_a_kustomization_names_and_can_not_be_read_is_told_and_the_rest_judged(
    tmp_path: Path,
) -> None:
    tree = edited(tmp_path, ("overlays/h100-llama/runtime.env", "meta-llama/", "openai/"))
    locked(tree / "overlays/l4-gemma/node.yaml")

    run = unprivileged(tree, ".")

    assert run.stderr == ""
    assert [line.split(" error ")[0] for line in run.stdout.splitlines() if " error " in line] == [
        "overlays/h100-llama/runtime.env:1:10:",
        "overlays/l4-gemma/node.yaml:1:1:",
    ]
    assert "the file can't be read: permission is denied" in run.stdout


@pytest.mark.parametrize("name", ["base/kustomization.yaml", "base"])
def test_a_base_that_can_not_be_read_is_told(tmp_path: Path, name: str) -> None:
    tree = edited(tmp_path)
    path = locked(tree / name)

    run = unprivileged(tree, ".")
    path.chmod(0o755)

    assert run.returncode == 1
    assert "can't be read" in run.stdout
    assert "0 of 2 kustomizations judged" in run.stdout


def test_a_folder_that_can_not_be_entered_is_told(tmp_path: Path) -> None:
    tree = write(edited(tmp_path), {"locked/a.yaml": LATEST})
    path = locked(tree / "locked")

    run = unprivileged(tree, ".", "--severity", "note")
    named = [unprivileged(tree, each) for each in ("locked", "locked/a.yaml")]
    path.chmod(0o755)

    assert "locked:1:1: note IRA081 not-judged\n    the folder can't be read: " in run.stdout
    assert [each.stderr for each in named] == [
        "error: locked: permission is denied\n",
        "error: locked/a.yaml: permission is denied\n",
    ]


def test_import_reads_the_same_inputs(tmp_path: Path) -> None:
    run = ira("import", "-", "--dry-run", cwd=tmp_path, input="")

    assert (run.returncode, run.stderr) == (2, f"error: standard input is empty; {PIPE}\n")


def test_a_patch_beside_no_kustomization_is_a_manifest(tmp_path: Path) -> None:
    run = lint(write(tmp_path, {"node.yaml": NODE}), "node.yaml")

    assert "1 file judged" in run.stdout
