"""Every cell, applied as in the walkthrough, serves from a machine of its own type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.cells import MACHINE_OF_CELL, directory_of, workload_of
from tests.cluster.controlplane import ControlPlane
from tests.cluster.gke import INSTANCE_TYPE
from tests.cluster.namespace import Namespace, namespace_on
from tests.cluster.objects import has_condition
from tests.cluster.observed import changes_in, node_of, serving_pod, wait_until_alone_behind


@dataclass(frozen=True)
class Served:
    """A cell that is applied in its own namespace."""

    cell: str
    directory: Path
    namespace: Namespace

    @property
    def workload(self) -> str:
        return workload_of(self.cell)


@pytest.fixture(scope="module", params=MACHINE_OF_CELL)
def served(
    request: pytest.FixtureRequest, cluster: ControlPlane, filled_dist: Path
) -> Iterator[Served]:
    directory = filled_dist / directory_of(request.param)
    with namespace_on(cluster, "baseline") as namespace:
        namespace.kubectl("apply", "-k", str(directory))
        yield Served(request.param, directory, namespace)


def test_its_pod_becomes_ready_on_a_machine_of_its_own_type(served: Served) -> None:
    pod = serving_pod(served.namespace, served.workload)

    labels = node_of(served.namespace, pod)["metadata"]["labels"]
    assert labels[INSTANCE_TYPE] == MACHINE_OF_CELL[served.cell]
    assert has_condition(pod, "Ready")


def test_the_command_of_the_walkthrough_shows_1_of_1(served: Served) -> None:
    serving_pod(served.namespace, served.workload)

    header, row = served.namespace.kubectl("get", f"deployment/{served.workload}").splitlines()

    assert header.split() == ["NAME", "READY", "UP-TO-DATE", "AVAILABLE", "AGE"]
    assert row.split()[:4] == [served.workload, "1/1", "1", "1"]


def test_its_service_leads_to_its_pod(served: Served) -> None:
    pod = serving_pod(served.namespace, served.workload)

    wait_until_alone_behind(served.namespace, served.workload, pod)


def test_applied_again_all_of_it_is_unchanged(served: Served) -> None:
    output = served.namespace.kubectl("apply", "-k", str(served.directory))

    assert len(output.splitlines()) == 4
    assert changes_in(output) == []
