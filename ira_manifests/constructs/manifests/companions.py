"""The objects that a cell's profiles put beside its Deployment, and the sources of their fields."""

from __future__ import annotations

from ira_manifests.constructs.manifests import (
    autoscaling,
    disruption_budget,
    inference_gateway,
    monitoring,
    network_access,
    patches,
)
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source
from ira_manifests.constructs.manifests.workload import read
from ira_manifests.profiles.cell import Cell


def objects(cell: Cell, deployment: Json, *, queued: bool) -> list[Json]:
    """Return the objects of the fields that the profiles set, with the profiles' patches.

    `deployment`: the rendered one. `queued`: whether its Pods consume a ProvisioningRequest, which
    is for a fixed number of Pods, so that nothing scales them.
    """
    made = dict(enumerate(unpatched(cell, deployment, queued=queued)))
    return list(patches.applied(cell, made).values())


def unpatched(cell: Cell, deployment: Json, *, queued: bool) -> list[Json]:
    """Return the same objects without patches."""
    given, workload = cell.settings, read(deployment)
    made: list[Json] = []
    if given.autoscaling is not None and not queued:
        collected = autoscaling.monitoring_of(cell)
        made += autoscaling.objects(cell, workload, given.autoscaling, collected).values()
    if given.disruption_budget is not None:
        made += disruption_budget.objects(cell, workload, given.disruption_budget).values()
    if given.network_access is not None:
        made += network_access.objects(
            cell, workload, given.network_access, given.monitoring, given.gateway
        ).values()
    if given.monitoring is not None:
        made += monitoring.objects(cell, workload, given.monitoring).values()
    if given.gateway is not None:
        made += inference_gateway.objects(cell, workload, given.gateway).values()
    return made


def sources(cell: Cell, deployment: Json, *, queued: bool) -> list[Source]:
    """Return the source of each field of the same objects."""
    rows = _sources(cell, queued=queued)
    made = unpatched(cell, deployment, queued=queued)
    return [*rows, *patches.sources(cell, made, rows)]


def _sources(cell: Cell, *, queued: bool) -> list[Source]:
    given = cell.settings
    rows: list[Source] = []
    if given.autoscaling is not None and not queued:
        rows += autoscaling.sources(cell)
    if given.disruption_budget is not None:
        rows += disruption_budget.sources(cell)
    if given.network_access is not None:
        rows += network_access.sources(cell, given.network_access, given.monitoring, given.gateway)
    if given.monitoring is not None:
        rows += monitoring.sources(cell, given.monitoring)
    if given.gateway is not None:
        rows += inference_gateway.sources(cell, given.gateway)
    return rows
