"""Final objects, applied as files: shared ones first, and changed ones beside those before."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from testing.edits import edit_file, edit_profile
from testing.gitops import controlled
from testing.objects import Json
from tests.cluster import gke
from tests.cluster.api import wait_until
from tests.cluster.miniature import added_nodes, provision_request
from tests.cluster.namespace import Namespace
from tests.cluster.observed import changes_in, node_of, serving_pod
from tests.support import ira

SECRET = "projects/acme/secrets/hf-token/versions/latest"
TOKEN = {"  exclude:\n": f"  token: {{secret_manager: {SECRET}}}\n  exclude:\n"}
ORDINARY, QUEUED = "online-inference-gpu-h100-llama3", "online-inference-gpu-h200-llama3-queued"
DOWNLOAD = "model-download-llama3"


@pytest.fixture
def profiles(restricted_namespace: Namespace, tmp_path: Path) -> Path:
    """Profiles with one model, whose output is final and whose token is in Secret Manager."""
    found = controlled(tmp_path, "rendered: true\n", restricted_namespace.name, TOKEN)
    for model in ("gemma3-27b", "llama4-scout"):
        (found / f"models/{model}.yaml").unlink()
    return found


def synth(profiles: Path) -> Path:
    run = ira("synth", cwd=profiles.parent)
    assert run.returncode == 0, run.stdout + run.stderr
    return profiles.parent / "dist"


def apply(namespace: Namespace, *directories: Path) -> str:
    files = [f"--filename={each}" for each in directories]
    return namespace.kubectl("apply", *files)


def ended(namespace: Namespace, number: int) -> list[Json]:
    """Waits until so many Jobs are complete, and returns them, the newest last."""

    def complete() -> list[Json]:
        jobs = namespace.items("jobs")
        done = [job for job in jobs if job.get("status", {}).get("succeeded") == 1]
        return done if len(done) == number == len(jobs) else []

    found = wait_until(complete, f"complete: {number} Jobs")
    return sorted(found, key=lambda job: job["metadata"]["creationTimestamp"])


def test_a_model_is_downloaded_and_served_and_applying_again_changes_nothing(
    restricted_namespace: Namespace, profiles: Path
) -> None:
    namespace, dist = restricted_namespace, synth(profiles)
    apply(namespace, dist / "shared")
    held = namespace.kubectl("get", "secretproviderclasses", "--output=jsonpath={..secrets}")
    assert SECRET in held

    apply(namespace, dist / DOWNLOAD)
    (job,) = ended(namespace, 1)
    assert "ttlSecondsAfterFinished" not in job["spec"]
    (pod,) = namespace.items("pods")
    assert pod["spec"]["serviceAccountName"] == "ira-model-download-ksa"
    assert pod["spec"]["nodeName"] == "gke-test-cpu-n4s8-0"

    apply(namespace, dist / ORDINARY)
    serving = serving_pod(namespace, "vllm-h100-llama3")
    labels = node_of(namespace, serving)["metadata"]["labels"]
    assert labels["cloud.google.com/gke-accelerator"] == "nvidia-h100-80gb"
    assert changes_in(apply(namespace, dist / "shared", dist / DOWNLOAD, dist / ORDINARY)) == []


def test_a_new_revision_is_a_new_job_beside_the_old_one(
    restricted_namespace: Namespace, profiles: Path, tmp_path: Path
) -> None:
    namespace, dist = restricted_namespace, synth(profiles)
    apply(namespace, dist / "shared", dist / DOWNLOAD)
    (first,) = ended(namespace, 1)
    before = shutil.copytree(dist / DOWNLOAD, tmp_path / "before")

    edit_file(profiles / "models/llama3.yaml", {"weights:\n": f"revision: {'a' * 40}\nweights:\n"})
    apply(namespace, synth(profiles) / DOWNLOAD)

    names = {job["metadata"]["name"] for job in ended(namespace, 2)}
    assert first["metadata"]["name"] in names
    namespace.kubectl("delete", f"--filename={before / 'job.yaml'}")  # as what prunes does
    (second,) = ended(namespace, 1)
    assert {second["metadata"]["name"]} == names - {first["metadata"]["name"]}


def test_a_changed_request_is_a_new_one_that_the_new_pods_consume(
    restricted_namespace: Namespace, profiles: Path, tmp_path: Path
) -> None:
    namespace, dist = restricted_namespace, synth(profiles)
    apply(namespace, dist / "shared", dist / QUEUED)
    (first,) = namespace.items("provisioningrequests")
    before = shutil.copytree(dist / QUEUED, tmp_path / "before")

    edit_profile(profiles, "h200/llama3", {"memory: 512G": "memory: 600G"})
    apply(namespace, synth(profiles) / QUEUED)
    for file in ("provisioning-request.yaml", "pod-template.yaml"):  # as what prunes does
        namespace.kubectl("delete", f"--filename={before / file}")

    (second,) = namespace.items("provisioningrequests")
    name = second["metadata"]["name"]
    assert name != first["metadata"]["name"]
    provision_request(namespace.cluster.api, f"{namespace.path('provisioningrequests')}/{name}")
    with added_nodes(namespace.cluster.api, gke.node(gke.queued_pool("a3-ultragpu-8g", "queued"))):
        serving = serving_pod(namespace, "vllm-h200-llama3")
        notes = serving["metadata"]["annotations"]
        assert notes["autoscaling.x-k8s.io/consume-provisioning-request"] == name
        namespace.clear_pods()
