"""The object of `Monitoring`, a PodMonitoring or a PodMonitor, and the sources of its fields."""

from __future__ import annotations

from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, source
from ira_manifests.constructs.manifests.workload import Workload, beside, sources_beside
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.serving_objects import Monitoring
from ira_manifests.vllm import metrics

KINDS = {"google": "PodMonitoring", "prometheus-operator": "PodMonitor"}
"""Kinds of objects by kinds of monitoring; `automatic` has none."""


def objects(cell: Cell, workload: Workload, settings: Monitoring) -> dict[str, Json]:
    """Return the object, by its id in the construct; none for automatic monitoring."""
    if settings.kind not in KINDS:
        return {}
    of_kind = _pod_monitoring if settings.kind == "google" else _pod_monitor
    api_version, spec = of_kind(workload, f"{settings.interval_seconds}s")
    made = beside(cell, workload, api_version, KINDS[settings.kind], "monitoring", spec)
    labels = made["metadata"]["labels"]
    made["metadata"]["labels"] = dict(sorted({**labels, **settings.labels}.items()))
    return {"Default": made}


def _pod_monitoring(workload: Workload, interval: str) -> tuple[str, Json]:
    """https://github.com/GoogleCloudPlatform/prometheus-engine/blob/main/doc/api.md."""
    port = workload.port_name or workload.port
    endpoint = {"port": port, "path": metrics.PATH, "interval": interval}
    return "monitoring.googleapis.com/v1", {
        "selector": workload.selector,
        "endpoints": [endpoint],
    }


def _pod_monitor(workload: Workload, interval: str) -> tuple[str, Json]:
    """https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.PodMonitor."""
    named = workload.port_name
    port: Json = {"portNumber": workload.port} if named is None else {"port": named}
    endpoint = {**port, "path": metrics.PATH, "interval": interval}
    return "monitoring.coreos.com/v1", {
        "selector": workload.selector,
        "podMetricsEndpoints": [endpoint],
    }


def sources(cell: Cell, settings: Monitoring) -> list[Source]:
    """Return the source of each field."""
    if settings.kind not in KINDS:
        return []
    kind = KINDS[settings.kind]
    endpoints = "endpoints" if settings.kind == "google" else "podMetricsEndpoints"
    return [
        source("@settings.monitoring.interval_seconds", f"{kind} spec.{endpoints}[0].interval",
               name="monitoring.interval_seconds"),
        source("the construct: vLLM's metrics, on the server's port", f"{kind} spec.{endpoints}"),
        *sources_beside(cell, kind, also=(f"{kind} spec.selector",)),
        *(source("@settings.monitoring.labels", f"{kind} metadata.labels.{key}")
          for key in settings.labels),
    ]  # fmt: skip
