"""How a rollout replaces a Deployment's Pods, and the sources of its fields."""

from __future__ import annotations

from ira_manifests.constructs.manifests.parts import Json, number_or_share
from ira_manifests.constructs.manifests.sources import Source, source
from ira_manifests.profiles.cell import Cell

_STRATEGY = "Deployment spec.strategy"
_FIELD = "@settings.strategy"


def fields(cell: Cell) -> Json:
    """Return the fields of the Deployment's spec.

    By default all Pods end before new ones start. Kubernetes' own default adds a Pod first, which
    waits for GPUs beside those that the old Pods have.
    """
    given = cell.settings.strategy
    if given is None or given.type == "recreate":
        strategy: Json = {"type": "Recreate"}
    else:
        limits = {
            "maxSurge": number_or_share(given.surge),
            "maxUnavailable": number_or_share(given.unavailable),
        }
        strategy = {"type": "RollingUpdate", "rollingUpdate": limits}
    seconds = ready_seconds(cell)
    return {**({"minReadySeconds": seconds} if seconds else {}), "strategy": strategy}


def ready_seconds(cell: Cell) -> int:
    """Return how long a Pod must be ready before it counts as available."""
    given = cell.settings.strategy
    return 0 if given is None else given.min_ready_seconds or 0


def and_ready(cell: Cell) -> str:
    """Return what these seconds add to the source of a deadline."""
    return f" + {_FIELD}.min_ready_seconds" if ready_seconds(cell) else ""


def sources(cell: Cell) -> list[Source]:
    """Return the source of each of the fields."""
    given = cell.settings.strategy
    if given is None:
        return [source("the construct: the old Pod must leave its GPUs to the new one", _STRATEGY)]
    usual = "the construct: a rollout frees the GPUs of an old Pod for each new one"
    limits = {"maxSurge": "max_surge", "maxUnavailable": "max_unavailable"}
    return [
        source(f"{_FIELD}.type", f"{_STRATEGY}.type", name="strategy"),
        *(source(f"{_FIELD}.{name}" if getattr(given, name) else usual,
                 f"{_STRATEGY}.rollingUpdate.{field}", name=f"strategy.{name}")
          for field, name in limits.items() if given.type == "rolling-update"),
        *([source(f"{_FIELD}.min_ready_seconds", "Deployment spec.minReadySeconds",
                  name="strategy.min_ready_seconds")] if ready_seconds(cell) else []),
    ]  # fmt: skip
