"""Argo CD's controllers apply the output, in order, heal it, and prune what is gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from testing.edits import edit_profile
from testing.gitops import ARGO_CD
from testing.objects import Json
from tests.cluster import gke
from tests.cluster.api import wait_until
from tests.cluster.argo_cd_controllers import ArgoCd
from tests.cluster.controlled import DOWNLOADS, ORDINARY, QUEUED, one_model, synth, without_cell
from tests.cluster.miniature import added_nodes, provision_request, removed_nodes
from tests.cluster.namespace import Namespace

APPLICATION = "ira-model-llama3"
INSTANCE = "app.kubernetes.io/instance"


@pytest.fixture
def llm(argo_cd: ArgoCd, namespace: Namespace) -> Iterator[Namespace]:
    """The namespace of the output; the Applications are gone before it is."""
    yield namespace
    argo_cd.clear()


@pytest.fixture
def profiles(llm: Namespace, tmp_path: Path) -> Path:
    """Profiles with one model: on the H100, and on queued capacity on the H200."""
    return one_model(tmp_path, ARGO_CD, llm.name)


def start(argo_cd: ArgoCd, dist: Path) -> str:
    """Pushes an output and applies its ApplicationSet; returns the commit."""
    commit = argo_cd.push(dist)
    argo_cd.apply(yaml.safe_load((dist / "argo-cd/application-set.yaml").read_text()))
    return commit


def operation(argo_cd: ArgoCd) -> Json:
    found: Json = argo_cd.get(APPLICATION).get("status", {}).get("operationState", {})
    return found


def test_cells_are_applied_when_the_download_is_complete_and_healed_after(
    argo_cd: ArgoCd, llm: Namespace, profiles: Path
) -> None:
    dist = synth(profiles)
    with removed_nodes(argo_cd.cluster.api, DOWNLOADS):
        commit = start(argo_cd, dist)
        argo_cd.wait_for("ira-shared", "Synced", "Healthy", commit)
        wait_until(lambda: llm.items("jobs"), "made: the download", seconds=60)
        wait_until(
            lambda: "waiting for healthy state" in operation(argo_cd).get("message", ""),
            "waiting: for the download",
        )
        assert operation(argo_cd)["phase"] == "Running"
        assert llm.items("deployments") == []

    wait_until(lambda: llm.items("provisioningrequests"), "made: the request", seconds=60)
    provision_request(argo_cd.cluster.api, the_request(llm))
    with added_nodes(argo_cd.cluster.api, gke.node(gke.queued_pool("a3-ultragpu-8g", "queued"))):
        argo_cd.wait_for(APPLICATION, "Synced", "Healthy", commit)

        # The same content again: nothing is made anew.
        kinds = ("jobs", "deployments", "configmaps", "persistentvolumeclaims")
        before = llm.uids(*kinds, "provisioningrequests")
        argo_cd.wait_for(APPLICATION, "Synced", "Healthy", argo_cd.push(dist))
        assert llm.uids(*kinds, "provisioningrequests") == before
        assert llm.get("deployments", ORDINARY)["metadata"]["generation"] == 1

        of_download = ("--selector=app.kubernetes.io/component=model-download",)
        assert len(llm.items("persistentvolumeclaims")) == 1
        llm.kubectl("delete", "pods", "--field-selector=status.phase=Succeeded", *of_download)
        wait_until(lambda: not llm.items("persistentvolumeclaims"), "gone: the disk", seconds=60)

        llm.kubectl("delete", f"deployment/{ORDINARY}")
        wait_until(lambda: llm.exists("deployments", ORDINARY), "healed: the cell", seconds=60)
        assert {key: uid for key, uid in llm.uids("jobs").items() if before[key] != uid} == {}


def test_a_changed_request_replaces_the_old_one_and_goes_with_its_cell(
    argo_cd: ArgoCd, llm: Namespace, profiles: Path
) -> None:
    start(argo_cd, synth(profiles))
    wait_until(lambda: llm.items("provisioningrequests"), "made: the request", seconds=120)
    before = llm.uids("provisioningrequests", "jobs")

    edit_profile(profiles, "h200/llama3", {"memory: 512G": "memory: 600G"})
    argo_cd.push(synth(profiles))
    argo_cd.refresh()

    def is_replaced() -> bool:
        now = llm.uids("provisioningrequests").keys()
        return bool(now) and not now & before.keys()

    wait_until(is_replaced, "replaced: the request", seconds=120)
    assert operation(argo_cd)["phase"] != "Failed"
    template = llm.get("deployments", QUEUED)["spec"]["template"]
    consumed = template["metadata"]["annotations"][
        "autoscaling.x-k8s.io/consume-provisioning-request"
    ]
    assert llm.uids("provisioningrequests").keys() == {f"provisioningrequests/{consumed}"}
    assert llm.uids("jobs").items() <= before.items()

    without_cell(profiles, "h200")
    commit = argo_cd.push(synth(profiles))
    argo_cd.wait_for(APPLICATION, "Synced", "Healthy", commit)
    assert [each["metadata"]["name"] for each in llm.items("deployments")] == [ORDINARY]
    assert llm.items("provisioningrequests") == []


def test_names_and_selectors_outlast_the_label_of_argo_cd(
    argo_cd: ArgoCd, llm: Namespace, profiles: Path
) -> None:
    without_cell(profiles, "h200")
    with argo_cd.tracking_by_label():
        commit = start(argo_cd, synth(profiles))
        argo_cd.wait_for(APPLICATION, "Synced", "Healthy", commit)

        deployment = llm.get("deployments", ORDINARY)
        assert deployment["metadata"]["labels"][INSTANCE] == APPLICATION
        assert deployment["spec"]["selector"]["matchLabels"][INSTANCE] == ORDINARY
        (pod,) = llm.items("pods", **{INSTANCE: ORDINARY})
        assert llm.get("services", ORDINARY)["spec"]["selector"][INSTANCE] == ORDINARY
        (slice_,) = llm.items("endpointslices", **{"kubernetes.io/service-name": ORDINARY})
        assert slice_["endpoints"][0]["targetRef"]["name"] == pod["metadata"]["name"]


def the_request(namespace: Namespace) -> str:
    """The path of the only request."""
    (item,) = namespace.items("provisioningrequests")
    return f"{namespace.path('provisioningrequests')}/{item['metadata']['name']}"
