"""A cell waits for its own machine: if that is full or missing, it uses no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.cells import MACHINE_OF_CELL, directory_of, pools_of, workload_of
from tests.cluster.gke import GPU
from tests.cluster.miniature import occupant, removed_nodes
from tests.cluster.namespace import Namespace
from tests.cluster.observed import pod_of, serving_pod, why_unschedulable

each_cell = pytest.mark.parametrize("cell", MACHINE_OF_CELL)


@each_cell
def test_where_its_machines_are_full_the_pod_waits_for_their_gpus(
    namespace: Namespace, filled_dist: Path, cell: str
) -> None:
    pools = pools_of(MACHINE_OF_CELL[cell])
    namespace.apply(*(occupant(pool) for pool in pools))

    namespace.kubectl("apply", "-k", str(filled_dist / directory_of(cell)))

    pod = pod_of(namespace, workload_of(cell))
    reason = why_unschedulable(namespace, pod["metadata"]["name"])
    assert f"{len(pools)} Insufficient {GPU}" in reason
    assert pod["status"]["phase"] == "Pending"
    namespace.kubectl("delete", f"pod/occupies-{pools[0].name}")
    serving_pod(namespace, workload_of(cell))


@each_cell
def test_where_its_machines_are_gone_the_pod_takes_no_other(
    namespace: Namespace, filled_dist: Path, cell: str
) -> None:
    with removed_nodes(namespace.cluster.api, *pools_of(MACHINE_OF_CELL[cell])):
        namespace.kubectl("apply", "-k", str(filled_dist / directory_of(cell)))

        pod = pod_of(namespace, workload_of(cell))
        reason = why_unschedulable(namespace, pod["metadata"]["name"])
        # The ordinary nodes' taint is tolerated, but their labels are not those asked for.
        assert "1 node(s) didn't match Pod's node affinity/selector" in reason
        assert "untolerated taint" in reason
        assert "Insufficient" not in reason
    serving_pod(namespace, workload_of(cell))
