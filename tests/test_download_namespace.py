"""A download in a namespace of its own: another account may write to the bucket than may serve."""

from __future__ import annotations

from pathlib import Path

import pytest

from ira_manifests import ProfileError, load_matrix
from testing.edits import edit_file
from testing.kubectl import kustomize
from testing.objects import objects_in
from testing.project import copy_profiles, fill_in
from tests.support import ira, line_named

SERVING = "online-inference-gpu-h100-llama3"


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    folder = copy_profiles(tmp_path)
    edits = {"# namespace: default": "namespace: serving", "model_download:\n": DOWNLOADER}
    edit_file(folder / "platform.yaml", edits)
    return folder


DOWNLOADER = "model_download:\n  namespace: downloading\n"


def namespaces(directory: Path) -> set[str]:
    return {item["metadata"]["namespace"] for item in objects_in(kustomize(directory))}


def test_all_of_its_objects_are_there_and_no_others(tmp_path: Path, profiles: Path) -> None:
    assert ira("synth", cwd=tmp_path).returncode == 0
    fill_in(tmp_path / "dist")

    assert namespaces(tmp_path / "dist/model-download") == {"downloading"}
    assert namespaces(tmp_path / f"dist/{SERVING}") == {"serving"}
    assert ira("check", cwd=tmp_path).returncode == 0


def test_with_a_known_bucket_each_models_download_is_there(tmp_path: Path, profiles: Path) -> None:
    edit_file(
        profiles / "platform.yaml", {"namespace: serving": "namespace: serving\nbucket: acme"}
    )
    assert ira("synth", cwd=tmp_path).returncode == 0

    assert namespaces(tmp_path / "dist/model-download-llama3") == {"downloading"}
    assert namespaces(tmp_path / f"dist/{SERVING}") == {"serving"}


def test_explain_names_its_line(tmp_path: Path, profiles: Path) -> None:
    run = ira("explain", "model-download", "namespace", cwd=tmp_path)

    assert "namespace: downloading" in run.stdout
    assert line_named(run, tmp_path) == "  namespace: downloading"


def test_the_option_is_for_it_as_well(tmp_path: Path, profiles: Path) -> None:
    assert ira("synth", "--namespace", "llm", cwd=tmp_path).returncode == 0
    fill_in(tmp_path / "dist")

    assert namespaces(tmp_path / "dist/model-download") == {"llm"}


def test_one_account_name_in_two_namespaces_is_two_accounts(profiles: Path) -> None:
    same = {"ira-online-gpu-ksa-{model}": "models", "ira-model-download-ksa": "models"}
    edit_file(profiles / "platform.yaml", same)
    assert load_matrix(profiles)

    edit_file(profiles / "platform.yaml", {DOWNLOADER: "model_download:\n"})
    with pytest.raises(ProfileError, match="also the account of serving workloads"):
        load_matrix(profiles)


def test_in_final_output_each_object_is_in_its_namespace(tmp_path: Path, profiles: Path) -> None:
    edits = {
        "namespace: serving": "namespace: serving\nbucket: acme\nrendered: true",
        "workload_name: vllm-{gpu}": "workload_name: vllm-{gpu}-{model}",
        "  exclude:\n": "  token: {external_secret: {store: vault, key: hf}}\n  exclude:\n",
    }
    edit_file(profiles / "platform.yaml", edits)
    for gpu in ("h100", "h200"):
        edit_file(profiles / f"gpus/{gpu}.yaml", {"queued: true": "queued: only"})
    assert ira("synth", cwd=tmp_path).returncode == 0
    assert ira("check", cwd=tmp_path).returncode == 0

    found: dict[str, set[tuple[str, str]]] = {"serving": set(), "downloading": set()}
    for path in (tmp_path / "dist").rglob("*.yaml"):
        (item,) = objects_in(path.read_text())
        found[item["metadata"]["namespace"]].add((item["kind"], path.parent.name))
    kinds = {namespace: dict(pairs) for namespace, pairs in found.items()}
    assert kinds["downloading"].keys() == {
        "Job", "ServiceAccount", "ExternalSecret"
    }  # fmt: skip
    assert kinds["downloading"]["ServiceAccount"] == kinds["serving"]["ServiceAccount"] == "shared"
    assert kinds["downloading"]["ExternalSecret"] == "shared"
    assert kinds["serving"].keys() == {
        "ServiceAccount", "ConfigMap", "Service", "Deployment", "PodTemplate", "ProvisioningRequest"
    }  # fmt: skip
