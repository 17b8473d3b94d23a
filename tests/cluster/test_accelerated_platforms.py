"""The control plane takes the example of the reference architecture's present platform."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.kubectl import kustomize
from tests.cluster.api import wait_until
from tests.cluster.controlplane import ControlPlane
from tests.cluster.namespace import Namespace, namespace_on
from tests.test_accelerated_platforms import FURTHER, PLAIN, written

WORKLOADS = {
    f"vllm-{gpu}-{model}"
    for cells in (PLAIN, FURTHER)
    for gpu, models in cells.items()
    for model in models.split()
}


@pytest.fixture
def manifest(tmp_path: Path) -> str:
    """All directories in one stream."""
    return "---\n".join(kustomize(path) for path in written(tmp_path).values())


@pytest.fixture
def serving(cluster: ControlPlane) -> Iterator[Namespace]:
    with namespace_on(cluster, "restricted", "acp-dev-online-gpu") as made:
        yield made


@pytest.fixture
def downloading(cluster: ControlPlane) -> Iterator[Namespace]:
    with namespace_on(cluster, "restricted", "acp-dev-hf-hub-downloader") as made:
        yield made


def test_every_workload_and_download_gets_its_pod_in_a_restricted_namespace(
    serving: Namespace, downloading: Namespace, manifest: str
) -> None:
    applied = serving.cluster.kubectl(
        "apply", "--server-side", "--filename=-", "--output=name", stdin=manifest
    ).split()

    jobs = {name.removeprefix("job.batch/") for name in applied if name.startswith("job.batch/")}
    assert len(jobs) == 11
    assert {f"deployment.apps/{name}" for name in WORKLOADS} <= set(applied)
    wait_until(lambda: instances(serving) == WORKLOADS, "there: a Pod of each workload")
    wait_until(lambda: instances(downloading) == jobs, "there: a Pod of each download")


def instances(namespace: Namespace) -> set[str]:
    """What the Pods of a namespace are of."""
    pods = namespace.items("pods")
    return {pod["metadata"]["labels"]["app.kubernetes.io/instance"] for pod in pods}
