"""`diff`: what a change of profiles does to a cluster, from real Git repositories."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ira_manifests.cli.diff_markdown import _code, _folded
from ira_manifests.comparing.directories import compared
from ira_manifests.comparing.effects import Effect
from ira_manifests.comparing.fields import differences
from ira_manifests.output.directory import Directory
from testing.edits import edit_profile
from testing.objects import Json
from testing.project import copy_profiles
from tests.support import Run, ira
from tests.test_clean_clone import git
from tests.test_readme import blocks

ARGO_CD = """\
inference: {workload_name: "vllm-{gpu}-{model}"}
gpus: {h100: {queued: false}}
argo_cd: {repo_url: https://git.example.com/acme/serving.git}
"""
LLAMA = "online-inference-gpu-h100-llama3"
CELL = "h100/llama3"


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A repository with the profiles as its first commit."""
    copy_profiles(tmp_path)
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path)
    return tmp_path


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    identity = ("-c", "user.name=A", "-c", "user.email=a@example.com")
    git(folder, *identity, "commit", "--quiet", "--message=Change")


def document(here: Path, *words: str | Path, code: int = 0) -> dict[str, Any]:
    run = ira("diff", *words, "--json", cwd=here)
    assert run.returncode == code, run.stdout + run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    return found


def objects(found: Mapping[str, Any], directory: str) -> dict[str, Any]:
    """The changed objects of a directory, by kind."""
    (of,) = (
        each
        for environment in found["environments"]
        for each in environment["directories"]
        if each["name"] == directory
    )
    return {each["kind"]: each for each in of["objects"]}


def effects(found: Mapping[str, Any], directory: str) -> dict[str, str]:
    return {kind: each["effect"] for kind, each in objects(found, directory).items()}


def changes(item: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    return {each["field"]: (each["old"], each["new"]) for each in item["fields"]}


def cells(found: Mapping[str, Any]) -> dict[str, Any]:
    return {each["name"]: each for every in found["environments"] for each in every["cells"]}


def test_comments_and_the_order_of_keys_are_no_change(here: Path) -> None:
    edit_profile(here / "profiles", CELL, {"    cpu: 64\n": "    # cores\n"})
    edit_profile(here / "profiles", CELL, {"    memory: 512G\n": "    memory: 512G\n    cpu: 64\n"})

    run = ira("diff", "--exit-code", cwd=here)

    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == "Nothing changes on a cluster, compared with HEAD.\n"
    assert document(here)["changed"] is False


def test_another_spelling_of_a_quantity_is_no_change(here: Path) -> None:
    edit_profile(here / "profiles", "l4/gemma3-27b", {"memory: 160G": "memory: 160000M"})

    assert document(here)["changed"] is False


def test_a_runtime_value_makes_a_new_config_map_and_replaces_the_pods(here: Path) -> None:
    edit_profile(here / "profiles", CELL, {"max_model_len: 131072": "max_model_len: 65536"})

    found = document(here)

    assert effects(found, LLAMA) == {"ConfigMap": "replaced", "Deployment": "rolls"}
    made = objects(found, LLAMA)
    assert changes(made["ConfigMap"]) == {"data.MAX_MODEL_LEN": ("131072", "65536")}
    assert made["Deployment"]["strategy"] == "Recreate"
    assert {each["name"] for each in found["environments"][0]["directories"]} == {
        LLAMA, f"{LLAMA}-queued",
    }  # fmt: skip


def test_another_machine_shows_its_gpus_and_the_request_to_delete(here: Path) -> None:
    edit_profile(here / "profiles", CELL, {"tensor_parallel: 4": "tensor_parallel: 8"})

    found = document(here)

    cell = cells(found)[CELL]
    assert (cell["old"]["machine"], cell["new"]["machine"]) == ("a3-highgpu-4g", "a3-highgpu-8g")
    assert (cell["old"]["gpus"], cell["new"]["gpus"]) == (4, 8)
    assert {"gpu": "h100", "old": {"least": 13, "most": 13}, "new": {"least": 17, "most": 17}} in (
        found["gpus"]
    )
    queued = effects(found, f"{LLAMA}-queued")
    assert queued["ProvisioningRequest"] == "immutable"
    assert (queued["PodTemplate"], queued["Deployment"]) == ("replaced", "rolls")
    text = ira("diff", cwd=here).stdout
    assert "  kubectl delete provisioningrequest/vllm-h100\n" in text
    assert "  h100  13 → 17 (+4)\n" in text
    assert "a3-highgpu-4g" in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_page_shows_what_is_printed(here: Path) -> None:
    (shown,) = (block for block in blocks("text", "docs/gitops.md") if "Compared with" in block)
    git(here, "branch", "origin/main")
    edit_profile(here / "profiles", CELL, {"tensor_parallel: 4": "tensor_parallel: 8"})

    assert ira("diff", "origin/main", cwd=here).stdout.startswith(shown)


def test_two_long_values_are_shown_from_where_they_differ(here: Path) -> None:
    edit_profile(
        here / "profiles",
        "llama3",
        {"model_id: meta-llama/Llama-3.3-70B-Instruct": "model_id: meta-llama/Llama-3.3-70B"},
    )

    text = ira("diff", cwd=here).stdout

    # The options of the mount begin with those of the cache, which are longer than a line.
    old, new = (f"...only-dir:meta-llama/Llama-3.3-70B{end}" for end in ("-Instruct", ""))
    assert f"mountOptions:\n        {old} →\n        {new}\n" in text
    assert f"mountOptions: {old} → {new}`\n" in ira("diff", "--format=markdown", cwd=here).stdout


def test_another_model_is_to_be_downloaded_first(here: Path) -> None:
    edit_profile(
        here / "profiles", "gemma3-27b", {"model_id: google/gemma-3-27b-it": "model_id: acme/gemma"}
    )

    heading = "Models to download first, if the bucket does not have them:"
    assert f"\n{heading}\n  acme/gemma\n\n" in ira("diff", cwd=here).stdout
    assert f"\n{heading}\n\n- `acme/gemma`\n" in ira("diff", "--format=markdown", cwd=here).stdout
    assert document(here)["environments"][0]["models"] == ["acme/gemma"]


def test_a_model_that_another_cell_reads_already_is_not_to_be_downloaded(here: Path) -> None:
    edit_profile(here / "profiles", "llama3", {"  h200:\n": "  l4:\n"})

    run = ira("diff", cwd=here)

    assert "l4/llama3" in run.stdout, run.stderr
    assert "download first" not in run.stdout


@pytest.mark.parametrize(("more", "told"), [("", True), (ARGO_CD, False)])
def test_in_another_bucket_all_models_are_new_and_a_controller_downloads_them(
    here: Path, more: str, told: bool
) -> None:
    folder = here / "profiles/environments"
    folder.mkdir()
    text = f"bucket: acme-eu-ira-model\nnamespace: inference\ncells: [h100/llama3]\n{more}"
    (folder / "eu.yaml").write_text(text)

    (found,) = document(here)["environments"]
    assert found["models"] == ["meta-llama/Llama-3.3-70B-Instruct"]
    assert ("Models to download first" in ira("diff", cwd=here).stdout) is told


def test_more_replicas_change_in_place_and_the_request_does_not(here: Path) -> None:
    edit_profile(here / "profiles", CELL, {"    cpu: 64": "    replicas: 2\n    cpu: 64"})

    found = document(here)

    assert effects(found, LLAMA) == {"Deployment": "in_place"}
    assert changes(objects(found, LLAMA)["Deployment"]) == {"spec.replicas": (1, 2)}
    assert effects(found, f"{LLAMA}-queued")["ProvisioningRequest"] == "immutable"
    assert cells(found)[CELL]["new"]["replicas"] == {"least": 2, "most": 2}


def test_a_verdict_can_change_alone(here: Path) -> None:
    edit_profile(here / "profiles", "llama3", {"total_gib: 131.42": "total_gib: 331.42"})

    found = document(here)

    assert found["environments"][0]["directories"] == []
    cell = cells(found)[CELL]
    assert cell["old"]["verdict"] == "fits"
    assert cell["new"]["verdict"] == "does not fit"
    text = ira("diff", "--exit-code", cwd=here)
    assert text.returncode == 1
    assert "fits → no fit  nothing" in text.stdout


def test_the_download_job_is_immutable_and_its_claim_can_grow_alone(here: Path) -> None:
    platform = "platform.yaml"
    edit_profile(here / "profiles", platform, {"storage: 1Ti": "storage: 2Ti"})
    assert effects(document(here), "model-download") == {"PersistentVolumeClaim": "in_place"}

    edit_profile(here / "profiles", platform, {"storage: 2Ti": "storage: 512Gi"})
    assert effects(document(here), "model-download") == {"PersistentVolumeClaim": "immutable"}

    edit_profile(here / "profiles", platform, {"storage: 512Gi": "storage: 1Ti"})
    edit_profile(here / "profiles", platform, {"finished: 600": "finished: 900"})
    assert effects(document(here), "model-download") == {"Job": "in_place"}

    edit_profile(here / "profiles", platform, {"518.0.0-slim": "519.0.0-slim"})
    assert effects(document(here), "model-download") == {"Job": "immutable"}
    assert "  kubectl delete job/transfer-model-to-gcs\n" in ira("diff", cwd=here).stdout


def test_where_something_prunes_a_changed_job_is_a_new_one(here: Path) -> None:
    (here / "profiles/environments").mkdir()
    file = here / "profiles/environments/prod.yaml"
    file.write_text("bucket: acme\nnamespace: serving\nrendered: true\ncells: [h100/llama3]\n")
    commit(here)
    edit_profile(here / "profiles", "platform.yaml", {"518.0.0-slim": "519.0.0-slim"})

    found = document(here, "--environment", "prod")

    (environment,) = found["environments"]
    assert environment["environment"] == "prod"
    job = objects(found, "prod/model-download-llama3")["Job"]
    assert (job["effect"], job["namespace"]) == ("replaced", "serving")
    assert job["old_name"] != job["new_name"]
    text = ira("diff", "--environment", "prod", cwd=here).stdout
    assert "Environment prod" in text
    assert "the old one is removed" in text
    assert "kubectl delete" not in text


def test_a_shared_object_is_said_to_be_where_it_is_now(here: Path) -> None:
    (here / "profiles/environments").mkdir()
    file = here / "profiles/environments/prod.yaml"
    file.write_text("bucket: acme\nnamespace: serving\ncells: [h100/llama3]\n")
    commit(here)
    file.write_text(f"{file.read_text()}rendered: true\n")

    found = document(here)

    account = objects(found, f"prod/{LLAMA}")["ServiceAccount"]
    assert (account["effect"], account["also_in"]) == ("removed", "prod/shared")
    assert effects(found, "prod/shared")["ServiceAccount"] == "new"


def test_new_and_removed_cells(here: Path) -> None:
    (here / "profiles/models/llama3.yaml").rename(here / "profiles/models/llama.yaml")

    found = document(here)

    assert cells(found)[CELL]["new"] is None
    assert cells(found)["h100/llama"]["old"] is None
    assert set(effects(found, LLAMA).values()) == {"removed"}
    text = ira("diff", cwd=here).stdout
    assert "2 cells new, 2 cells removed." in text
    assert f"New directories:\n  {LLAMA.removesuffix('3')}\n" in text
    assert "Removed directories; their objects stay until you delete them:\n" in text


def test_another_namespace_makes_new_objects(here: Path) -> None:
    edits = {"bucket_suffix:": "namespace: serving\nbucket_suffix:"}
    edit_profile(here / "profiles", "platform.yaml", edits)

    (environment,) = document(here)["environments"]

    (items,) = (each["objects"] for each in environment["directories"] if each["name"] == LLAMA)
    found = {(each["namespace"], each["effect"]) for each in items}
    assert found == {("serving", "new"), (None, "removed")}


def test_an_option_is_shown_with_both_values() -> None:
    old = {"args": ["serve", "--a=1", "--b"]}
    new = {"args": ["serve", "--a=2", "--c"]}

    found = {(each.field, each.old, each.new) for each in differences(old, new)}

    assert found == {("args[--a]", "--a=1", "--a=2"), ("args", "--b", None), ("args", None, "--c")}


def test_the_order_of_a_list_is_a_change() -> None:
    first, second = {"name": "a", "value": "1"}, {"name": "b", "value": "2"}

    (found,) = differences({"env": [first, second]}, {"env": [second, first]})

    assert (found.field, found.old, found.new) == ("env[order]", ["a", "b"], ["b", "a"])


def test_a_selector_is_immutable_whatever_else_changes() -> None:
    (found,) = compared([_deployment("a", "1")], [_deployment("b", "2")])

    assert found.effect is Effect.IMMUTABLE
    (change,) = found.objects
    assert {each.effect for each in change.fields} == {Effect.IMMUTABLE, Effect.ROLLS}
    assert change.deletion == "kubectl delete deployment/server --namespace serving"


def _deployment(label: str, image: str) -> Directory:
    item: Json = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "server", "namespace": "serving"},
        "spec": {
            "selector": {"matchLabels": {"app": label}},
            "template": {"spec": {"containers": [{"name": "server", "image": image}]}},
        },
    }
    return Directory("serving", objects={"deployment.yaml": item})


def test_markdown_keeps_values_from_being_markup(here: Path) -> None:
    edit_profile(here / "profiles", CELL, {"tensor_parallel: 4": "tensor_parallel: 8"})

    text = ira("diff", "--format", "markdown", cwd=here).stdout

    mark = "<!-- ira-manifests diff -->\n"
    assert text.startswith(
        f"{mark}### Changes on the cluster\n\nCompared with `HEAD`: 1 cell changed."
    )
    assert "| `h100/llama3` | `a3-highgpu-4g → a3-highgpu-8g` | 4 → 8 |" in text
    assert "- `kubectl delete provisioningrequest/vllm-h100`\n" in text
    assert text.count("<details>") == text.count("</details>") == 1
    assert _code("a`b``c|d\n<b>") == "``` a`b``c\\|d\\n<b> ```"
    assert len("\n".join(_folded(["x" * 99] * 1000, 60_000))) < 65_536


def test_a_folder_is_compared_with_as_well(here: Path) -> None:
    edit_profile(here / "profiles", CELL, {"cpu: 64": "cpu: 60"})
    git(here, "clone", "--quiet", ".", "before")

    found = document(here, "--from", "before/profiles")

    assert found["compared_with"] == "before/profiles"
    assert effects(found, LLAMA) == {"Deployment": "rolls"}


def test_branches_and_tags_and_subfolders_are_read(here: Path) -> None:
    git(here, "tag", "first")
    edit_profile(here / "profiles", CELL, {"cpu: 64": "cpu: 60"})
    commit(here)

    assert document(here)["changed"] is False
    assert document(here, "HEAD~1")["changed"] is True
    assert document(here / "profiles", "first", "--profiles", ".")["changed"] is True


def test_the_work_tree_and_the_index_stay_as_they_are(here: Path) -> None:
    edit_profile(here / "profiles", CELL, {"cpu: 64": "cpu: 60"})
    git(here, "add", "--all")
    edit_profile(here / "profiles", CELL, {"cpu: 60": "cpu: 56"})
    before = _state(here)

    assert document(here)["changed"] is True

    assert _state(here) == before


def _state(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_profiles_that_a_revision_lacks_are_new(here: Path) -> None:
    (here / "profiles").rename(here / "matrix")
    run = ira("diff", "--profiles", "matrix", cwd=here)

    assert (run.returncode, run.stderr) == (0, "note: HEAD has no matrix; everything is new\n")
    assert "7 cells new." in run.stdout


def test_what_a_folder_lacks_is_taken_from_the_package(here: Path) -> None:
    for name in ("platform.yaml", "known-models.yaml"):
        (here / f"profiles/{name}").unlink()
    git(here, "rm", "--quiet", "-r", "--cached", "profiles/gpus")
    (here / "profiles/gpus").rename(here / "gpus")
    (here / ".gitignore").write_text("gpus\n")
    commit(here)
    edit_profile(here / "profiles", CELL, {"cpu: 64": "cpu: 60"})

    assert set(cells(document(here))) == {CELL}


def refused(run: Run) -> str:
    assert (run.returncode, run.stdout) == (2, "")
    assert "Traceback" not in run.stderr
    return run.stderr


def test_a_mistake_of_a_revision_is_told_at_its_place_there(here: Path) -> None:
    edit_profile(here / "profiles", CELL, {"cpu: 64": "cpus: 64"})
    commit(here)
    edit_profile(here / "profiles", CELL, {"cpus: 64": "cpu: 64"})

    said = refused(ira("diff", cwd=here))

    assert "HEAD:profiles/models/llama3.yaml:" in said
    assert "cpus: is an unknown key" in said


def test_a_link_of_a_revision_is_not_followed(here: Path) -> None:
    secret = here / "secret.yaml"
    secret.write_text("top: secret\n")
    link = here / "profiles/models/other.yaml"
    link.symlink_to(secret)
    commit(here)
    link.unlink()

    said = refused(ira("diff", cwd=here))

    assert "HEAD:profiles/models/other.yaml is a symbolic link" in said
    assert "top" not in said


def test_a_large_file_of_a_revision_is_refused(here: Path) -> None:
    large = here / "profiles/models/other.yaml"
    large.write_text("# " + "x" * (1 << 20))
    commit(here)
    large.unlink()

    assert "HEAD:profiles/models/other.yaml has more than" in refused(ira("diff", cwd=here))


def test_unusable_revisions_and_options_are_refused(here: Path, tmp_path: Path) -> None:
    assert "there is no revision 'v1'" in refused(ira("diff", "v1", cwd=here))
    assert "there is no revision '--output=x'" in refused(ira("diff", "--", "--output=x", cwd=here))
    assert not (here / "x").exists()
    both = ira("diff", "HEAD", "--from", "profiles", cwd=here)
    assert "pass only one" in refused(both)
    unknown = ira("diff", "--environment", "prod", cwd=here)
    assert "there is no environment 'prod' on either side" in refused(unknown)


def test_a_folder_outside_of_a_repository_is_refused(tmp_path: Path) -> None:
    copy_profiles(tmp_path)

    said = refused(ira("diff", cwd=tmp_path))

    assert "profiles is in no Git repository" in said
    assert "--from" in said
