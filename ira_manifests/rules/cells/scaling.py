"""Rules of what scales a workload, and of the route that leads to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.serving_objects import Gateway
from ira_manifests.rules.catalogue import Severity
from ira_manifests.rules.cells.subjects import CELL, PLATFORM, CellOf, Chosen
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import also, rule


@rule("IRA050", "metric-not-collected", Severity.WARNING, CELL)
def metric_not_collected(of: CellOf) -> Iterator[Finding]:
    """An autoscaler's metric is collected by nobody.

    A cell has `autoscaling` and no `monitoring`. Unless something else in the cluster reads the
    server's metrics, the autoscaler shows `<unknown>` and never changes the number of Pods,
    whatever the load.
    """
    given = of.cell.settings
    if given.autoscaling is None or given.monitoring is not None:
        return
    hint = "set monitoring; its kind automatic is GKE's own collection, which needs no object"
    message = f"nobody collects {given.autoscaling.metric}, on which the autoscaler acts"
    yield of.finding_of_setting(("autoscaling",), message, hint)


@also("IRA051", CELL)
def replicas_beside_autoscaling(of: CellOf) -> Iterator[Finding]:
    """The profile's number of replicas is not used."""
    given = of.cell.settings
    if given.autoscaling is None or given.replicas is None:
        return
    message = f"replicas: {given.replicas} is not used: autoscaling decides the number of Pods"
    hint = f"drop it, or set autoscaling.min: {given.replicas}"
    yield of.finding_of_setting(("replicas",), message, hint)


@rule("IRA054", "same-route-twice", Severity.WARNING, PLATFORM)
def same_route_twice(chosen: Chosen) -> Iterator[Finding]:
    """Two models are behind one Gateway under the same hostname.

    Two HTTPRoutes attach to the same Gateway with the same hostname, or both without one, and both
    match every path. Of equal routes the older one gets all requests: those for the other model are
    answered by the wrong model, or with 404 since it does not know the name. Cells that share a
    name are not compared: the next one replaces the last.
    """
    routes: dict[tuple[object, ...], list[Cell]] = defaultdict(list)
    for cell in chosen.cells:
        for route in _routes(cell, cell.settings.gateway):
            routes[route].append(cell)
    told: set[str] = set()
    for route, cells in routes.items():
        first, *others = cells
        for cell in others:
            if cell.workload_name == first.workload_name or cell.name in told:
                continue
            told.add(cell.name)
            named = f"the hostname {route[-1]}" if route[-1] else "any hostname"
            message = (
                f"{cell.name} is behind the Gateway {route[-2]} under {named}, as {first.name}"
            )
            hint = "give each its own, such as hostnames: ['{model}.example.com']"
            yield CellOf(chosen.matrix, cell).finding_of_setting(("gateway",), message, hint)


def _routes(cell: Cell, gateway: Gateway | None) -> Iterator[tuple[object, ...]]:
    """Yield what decides which requests a cell's route gets: listener, Gateway and hostname."""
    if gateway is None:
        return
    for name in gateway.hostnames or ("",):
        host = name.format(gpu=cell.gpu_name, model=cell.short_name)
        yield gateway.listener, gateway.namespace, gateway.name, host
