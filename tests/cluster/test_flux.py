"""Flux's kustomize-controller applies the output, in order, and prunes what is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.edits import edit_profile
from testing.objects import Json
from tests.cluster import gke
from tests.cluster.api import wait_until
from tests.cluster.controlled import DOWNLOADS, ORDINARY, QUEUED, one_model, synth, without_cell
from tests.cluster.flux_controller import Flux
from tests.cluster.miniature import added_nodes, provision_request, removed_nodes
from tests.cluster.namespace import Namespace

# Flux's shortest check of a directory, so that it is soon looked at again.
GIVEN = "flux: {timeout_seconds: 30, retry_seconds: 30, interval_seconds: 60}\n"
READY = "ReconciliationSucceeded"


@pytest.fixture
def llm(flux: Flux, namespace: Namespace) -> Iterator[Namespace]:
    """The namespace of the output; the Kustomizations are gone before it is."""
    yield namespace
    flux.clear()


@pytest.fixture
def profiles(llm: Namespace, tmp_path: Path) -> Path:
    """Profiles with one model: on the H100, and on queued capacity on the H200."""
    return one_model(tmp_path, GIVEN, llm.name)


def test_cells_are_applied_when_the_download_is_complete(
    flux: Flux, llm: Namespace, profiles: Path
) -> None:
    dist = synth(profiles)
    with removed_nodes(flux.cluster.api, DOWNLOADS):
        revision = flux.push(dist)
        flux.apply(dist / "flux")
        # A check that ends before the download does is no end of it.
        waiting = flux.wait_for("ira-model-download-llama3", "HealthCheckFailed", revision)
        assert "InProgress" in str(waiting["status"]["conditions"])
        assert flux.ready("ira-h100-llama3")["reason"] == "DependencyNotReady"
        assert llm.items("deployments") == []

    for name in ("ira-shared", "ira-model-download-llama3", "ira-h100-llama3"):
        flux.wait_for(name, READY, revision)
    assert llm.get("deployments", ORDINARY)["status"]["readyReplicas"] == 1

    # The same content again: nothing is made anew.
    kinds = ("jobs", "deployments", "configmaps", "persistentvolumeclaims")
    before = llm.uids(*kinds)
    flux.wait_for("ira-h100-llama3", READY, flux.push(dist))
    assert llm.uids(*kinds) == before
    assert llm.get("deployments", ORDINARY)["metadata"]["generation"] == 1


def test_a_request_that_failed_is_replaced_by_a_changed_one_and_pruned_with_its_cell(
    flux: Flux, llm: Namespace, profiles: Path
) -> None:
    name = "ira-h200-llama3-queued"
    revision = flux.push(synth(profiles))
    flux.apply(profiles.parent / "dist/flux")
    first = request_of(llm)
    set_failed(llm, first)
    failed = flux.wait_for(name, "HealthCheckFailed", revision)
    assert f"ProvisioningRequest/{llm.name}/{first} status: 'Failed'" in str(failed["status"])

    edit_profile(profiles, "h200/llama3", {"memory: 512G": "memory: 600G"})
    revision = flux.push(synth(profiles))
    wait_until(lambda: not llm.exists("provisioningrequests", first), "pruned: the old request")
    provision_request(flux.cluster.api, f"{llm.path('provisioningrequests')}/{request_of(llm)}")
    with added_nodes(flux.cluster.api, gke.node(gke.queued_pool("a3-ultragpu-8g", "queued"))):
        flux.wait_for(name, READY, revision)
        llm.kubectl("delete", f"deployment/{QUEUED}", "--wait=false")  # drift
        flux.wait_for(name, READY, flux.push(profiles.parent / "dist"))
        assert llm.exists("deployments", QUEUED)

    without_cell(profiles, "h200")
    flux.push(synth(profiles))
    assert f"{name}" not in {file.stem for file in (profiles.parent / "dist/flux").iterdir()}
    # As the Kustomization does that applies those of this folder.
    flux.cluster.kubectl("delete", "--namespace=flux-system", f"kustomizations/{name}")
    wait_until(lambda: not llm.exists("deployments", QUEUED), "pruned: the cell")
    assert llm.items("provisioningrequests") == []
    assert llm.exists("deployments", ORDINARY)
    assert llm.exists("serviceaccounts", "ira-online-gpu-ksa-llama3")


def request_of(namespace: Namespace) -> str:
    """Waits for the request that the queued cell's Pods consume, and returns its name."""

    def consumed() -> str:
        if not namespace.exists("deployments", QUEUED):
            return ""
        template = namespace.get("deployments", QUEUED)["spec"]["template"]
        name: str = template["metadata"]["annotations"][
            "autoscaling.x-k8s.io/consume-provisioning-request"
        ]
        return name if namespace.exists("provisioningrequests", name) else ""

    return wait_until(consumed, "made: the request", seconds=60)


def set_failed(namespace: Namespace, request: str) -> None:
    """Sets the status of a request as the autoscaler does where there is no capacity in time."""
    failed: Json = {
        "type": "Failed",
        "status": "True",
        "reason": "Failed",
        "message": "simulated",
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    }
    path = f"{namespace.path('provisioningrequests')}/{request}/status"
    namespace.cluster.api.patch(path, {"status": {"conditions": [failed]}})
