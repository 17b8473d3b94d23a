"""The object of `DisruptionBudget`, a PodDisruptionBudget, and the sources of its fields."""

from __future__ import annotations

from ira_manifests.constructs.manifests.parts import Json, number_or_share
from ira_manifests.constructs.manifests.sources import Source, source
from ira_manifests.constructs.manifests.workload import Workload, beside, sources_beside
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.serving_objects import DisruptionBudget

KIND = "PodDisruptionBudget"


def objects(cell: Cell, workload: Workload, settings: DisruptionBudget) -> dict[str, Json]:
    """Return the object, by its id in the construct."""
    limits = {"maxUnavailable": settings.max_unavailable, "minAvailable": settings.min_available}
    spec = {
        **{key: number_or_share(text) for key, text in limits.items() if text is not None},
        "selector": workload.selector,
        # A server that is loading its model or failing may always be evicted: it serves nobody.
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }
    return {"Default": beside(cell, workload, "policy/v1", KIND, "disruption-budget", spec)}


def sources(cell: Cell) -> list[Source]:
    """Return the source of each field."""
    return [
        source("@settings.disruption_budget.max_unavailable", f"{KIND} spec.maxUnavailable",
               name="disruption_budget.max_unavailable"),
        source("@settings.disruption_budget.min_available", f"{KIND} spec.minAvailable",
               name="disruption_budget.min_available"),
        source("the construct: a server that does not serve may be evicted",
               f"{KIND} spec.unhealthyPodEvictionPolicy"),
        *sources_beside(cell, KIND, also=(f"{KIND} spec.selector",)),
    ]  # fmt: skip
