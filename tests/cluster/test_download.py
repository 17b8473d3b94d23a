"""The download of a model, from its claim to its end, and then the next model's."""

from __future__ import annotations

from pathlib import Path

import pytest

from testing.edits import edit_file
from testing.project import ROOT, fill_in
from tests.cluster.api import wait_until
from tests.cluster.kubectl import KubectlError
from tests.cluster.namespace import Namespace
from tests.cluster.observed import changes_in, objects_of, pod_of

JOB = "transfer-model-to-gcs"
LLAMA = "meta-llama/Llama-3.3-70B-Instruct"


def test_the_job_binds_its_claim_and_completes_on_an_ordinary_node(
    namespace: Namespace, filled_dist: Path
) -> None:
    _apply_and_complete(namespace, filled_dist)

    claim = namespace.get("persistentvolumeclaims", JOB)
    assert claim["status"]["phase"] == "Bound"
    assert claim["status"]["capacity"] == {"storage": "1Ti"}
    assert claim["spec"]["storageClassName"] == "premium-rwo"
    assert pod_of(namespace, JOB)["spec"]["nodeName"] == "gke-test-cpu-n4s8-0"


def test_the_command_of_the_walkthrough_shows_complete_1_of_1(
    namespace: Namespace, filled_dist: Path
) -> None:
    _apply_and_complete(namespace, filled_dist)

    header, row = namespace.kubectl("get", f"job/{JOB}").splitlines()

    assert header.split()[:3] == ["NAME", "STATUS", "COMPLETIONS"]
    assert row.split()[:3] == [JOB, "Complete", "1/1"]


def test_applied_again_all_of_it_is_unchanged(namespace: Namespace, filled_dist: Path) -> None:
    _apply(namespace, filled_dist)

    output = _apply(namespace, filled_dist)

    assert len(output.splitlines()) == 5
    assert changes_in(output) == []


def test_the_job_is_collected_once_its_ttl_is_over(namespace: Namespace, filled_dist: Path) -> None:
    _apply_and_complete(namespace, filled_dist)
    assert namespace.get("jobs", JOB)["spec"]["ttlSecondsAfterFinished"] == 600

    _let_ttl_end(namespace)

    wait_until(lambda: not namespace.items("pods"), "collected: its Pod")


def test_deleted_after_its_ttl_only_the_job_is_not_found_and_nothing_is_left(
    namespace: Namespace, filled_dist: Path
) -> None:
    _apply_and_complete(namespace, filled_dist)
    _let_ttl_end(namespace)

    run = namespace.run_kubectl(
        "delete", "-k", str(filled_dist / "model-download"), "--timeout=60s"
    )

    assert run.returncode == 1
    (error,) = _errors(run.stderr)
    assert error.startswith("Error from server (NotFound): ")
    assert error.endswith(f'jobs.batch "{JOB}" not found')
    wait_until(lambda: objects_of(namespace) == set(), "gone: every object")


def test_deleted_before_its_ttl_nothing_is_missing(namespace: Namespace, filled_dist: Path) -> None:
    _apply_and_complete(namespace, filled_dist)

    run = namespace.run_kubectl(
        "delete", "-k", str(filled_dist / "model-download"), "--timeout=60s"
    )

    assert run.returncode == 0
    assert _errors(run.stderr) == []
    wait_until(lambda: objects_of(namespace) == set(), "gone: every object")


def test_another_model_is_downloaded_once_the_old_directory_is_deleted(
    namespace: Namespace, dist: Path
) -> None:
    _apply_and_complete(namespace, dist)
    namespace.kubectl("delete", "-k", str(dist / "model-download"), "--timeout=60s")
    fill_in(dist, LLAMA)

    _apply_and_complete(namespace, dist)

    (container,) = pod_of(namespace, JOB)["spec"]["containers"]
    (source,) = [entry for entry in container["env"] if entry["name"] == "MODEL_ID"]
    config = namespace.get("configmaps", source["valueFrom"]["configMapKeyRef"]["name"])
    assert config["data"]["MODEL_ID"] == LLAMA


def test_another_model_is_refused_in_the_docs_words_while_the_old_job_is_there(
    namespace: Namespace, dist: Path
) -> None:
    _apply_and_complete(namespace, dist)
    fill_in(dist, LLAMA)

    with pytest.raises(KubectlError, match=f'The Job "{JOB}" is invalid: .*: field is immutable$'):
        _apply(namespace, dist)

    assert "ends in `field is immutable`" in (ROOT / "docs/operations.md").read_text()
    namespace.kubectl("delete", "-k", str(dist / "model-download"), "--timeout=60s")
    _apply_and_complete(namespace, dist)


def test_a_job_that_gets_no_node_fails_at_its_deadline_and_can_be_deleted(
    namespace: Namespace, dist: Path
) -> None:
    job = dist / "model-download/job.yaml"
    edits = {
        "activeDeadlineSeconds: 86400": "activeDeadlineSeconds: 1",  # instead of a day
        "iam.gke.io/gke-metadata-server-enabled:": "no-node-has:",
    }
    edit_file(job, edits)
    _apply(namespace, dist)

    namespace.kubectl("wait", "--for=condition=Failed", f"job/{JOB}", "--timeout=60s")

    (failed,) = [
        condition
        for condition in namespace.get("jobs", JOB)["status"]["conditions"]
        if condition["type"] == "Failed"
    ]
    assert failed["reason"] == "DeadlineExceeded"
    assert namespace.kubectl("get", f"job/{JOB}").splitlines()[1].split()[1:3] == ["Failed", "0/1"]
    namespace.kubectl("delete", "-k", str(dist / "model-download"), "--timeout=60s")


def _apply(namespace: Namespace, dist: Path) -> str:
    return namespace.kubectl("apply", "-k", str(dist / "model-download"))


def _apply_and_complete(namespace: Namespace, dist: Path) -> None:
    _apply(namespace, dist)
    namespace.kubectl("wait", "--for=condition=Complete", f"job/{JOB}", "--timeout=60s")


def _errors(stderr: str) -> list[str]:
    return [line for line in stderr.splitlines() if line.startswith("Error")]


def _let_ttl_end(namespace: Namespace) -> None:
    """Shortens the TTL instead of waiting ten minutes."""
    changes = {"spec": {"ttlSecondsAfterFinished": 0}}
    namespace.cluster.api.patch(f"{namespace.path('jobs')}/{JOB}", changes)
    wait_until(lambda: not namespace.exists("jobs", JOB), "collected: the Job")
