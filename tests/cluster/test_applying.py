"""Every directory can be applied server-side, passes Pod Security, and is deleted completely."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.api import wait_until
from tests.cluster.cells import MACHINE_OF_CELL, QUEUED_CELLS, directory_of, workload_of
from tests.cluster.controlplane import ControlPlane
from tests.cluster.namespace import Namespace, namespace_on
from tests.cluster.observed import objects_of, pod_of, serving_pod

WORKLOAD_OF_DIRECTORY = {
    "model-download": "transfer-model-to-gcs",
    **{directory_of(cell): workload_of(cell) for cell in MACHINE_OF_CELL},
    **{f"{directory_of(cell)}-queued": workload_of(cell) for cell in QUEUED_CELLS},
}


@dataclass(frozen=True)
class Applied:
    """A directory that is applied in its own namespace."""

    directory: Path
    namespace: Namespace
    names: list[str]

    def generations(self) -> list[str]:
        columns = "--output=jsonpath={range .items[*]}{.metadata.generation} {end}"
        return self.namespace.kubectl("get", *self.names, columns).split()


@pytest.fixture(scope="module", params=WORKLOAD_OF_DIRECTORY)
def applied(
    request: pytest.FixtureRequest, cluster: ControlPlane, filled_dist: Path
) -> Iterator[Applied]:
    with namespace_on(cluster, "restricted") as namespace:
        directory = filled_dist / request.param
        yield Applied(directory, namespace, _apply_server_side(namespace, directory))


def test_server_side_its_pod_is_admitted_in_a_restricted_namespace(applied: Applied) -> None:
    workload = WORKLOAD_OF_DIRECTORY[applied.directory.name]

    if applied.directory.name.endswith("-queued"):
        assert pod_of(applied.namespace, workload)
    elif applied.directory.name == "model-download":
        applied.namespace.kubectl("wait", "--for=condition=Complete", f"job/{workload}")
    else:
        assert serving_pod(applied.namespace, workload)


def test_applied_server_side_again_no_object_gets_a_new_generation(applied: Applied) -> None:
    before = applied.generations()

    assert _apply_server_side(applied.namespace, applied.directory) == applied.names
    assert applied.generations() == before


@pytest.mark.parametrize("name", ["base", *WORKLOAD_OF_DIRECTORY])
def test_a_directory_is_deleted_whole(
    restricted_namespace: Namespace, filled_dist: Path, name: str
) -> None:
    directory = str(filled_dist / name)
    restricted_namespace.kubectl("apply", "-k", directory)
    if name != "base":
        pod_of(restricted_namespace, WORKLOAD_OF_DIRECTORY[name])

    restricted_namespace.kubectl("delete", "-k", directory, "--timeout=60s")

    wait_until(lambda: objects_of(restricted_namespace) == set(), "gone: every object")


def _apply_server_side(namespace: Namespace, directory: Path) -> list[str]:
    """Returns the names of the applied objects."""
    return namespace.kubectl(
        "apply", "--server-side", "-k", str(directory), "--output=name"
    ).split()
