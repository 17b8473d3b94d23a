"""The rule of rollouts that can't end, in profiles."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.kubernetes.rollout import rolling
from ira_manifests.profiles.cell import Cell
from ira_manifests.rules.catalogue import Severity
from ira_manifests.rules.cells.subjects import CELL, CellOf
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule
from ira_manifests.rules.rollouts import beyond_the_request


@rule("IRA055", "rollout-waits", Severity.ERROR, CELL)
def rollout_waits(of: CellOf) -> Iterator[Finding]:
    """A rollout waits for GPUs that nobody gives it.

    A rolling update with `max_unavailable: 0` ends an old Pod only after a new one is ready. The
    new one needs GPUs beside those of all old ones. A ProvisioningRequest is for the workload's
    Pods and no more, so on queued capacity the new Pod waits for ever; so it does if
    `auto_provisioning_limit: false` says that GKE adds no nodes of the GPU type. The old version
    goes on serving, and the rollout fails at its deadline.
    """
    strategy, cell = of.cell.settings.strategy, of.cell
    if strategy is None or strategy.type == "recreate":
        return
    replicas = _replicas(cell)
    rollout = rolling(strategy.surge, strategy.unavailable, replicas)
    if not rollout.frees_nothing_first:
        return
    hint = "set max_surge: 0 and max_unavailable: 1, or type: recreate"
    message = ""
    if cell.is_queued:
        message = beyond_the_request(replicas, rollout.surge)
    elif not cell.gpu.auto_provisioning_limit:
        message = (
            f"no old Pod ends before a new one is ready, and GKE adds no nodes of {cell.gpu_name} "
            "for it"
        )
    if message:
        yield of.finding_of_setting(("strategy",), message, hint)


def _replicas(cell: Cell) -> int:
    scaling = cell.settings.autoscaling
    return (cell.settings.replicas or 1) if scaling is None else scaling.min
