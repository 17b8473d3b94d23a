"""The object of `Autoscaling`, a HorizontalPodAutoscaler, and the sources of its fields."""

from __future__ import annotations

from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, source
from ira_manifests.constructs.manifests.workload import Workload, beside, sources_beside
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.serving_objects import Autoscaling
from ira_manifests.vllm import metrics

KIND = "HorizontalPodAutoscaler"

# The custom metrics adapter of Google Cloud serves the metrics of Managed Service for Prometheus
# under such names: https://cloud.google.com/stackdriver/docs/managed-prometheus/hpa
_GOOGLE = "prometheus.googleapis.com|{}|gauge"


def metric_name(settings: Autoscaling, release: str, monitoring: str) -> str:
    """Return the name of the metric in the metrics API.

    `release`: the engine's. `monitoring`: the kind of monitoring. The rules of prometheus-adapter
    that its Helm chart installs keep the name of Prometheus.
    """
    if settings.metric_name is not None:
        return settings.metric_name
    name = metrics.metric_name(settings.metric, release)
    return name if monitoring == "prometheus-operator" else _GOOGLE.format(name)


def objects(
    cell: Cell, workload: Workload, settings: Autoscaling, monitoring: str
) -> dict[str, Json]:
    """Return the object, by its id in the construct. `monitoring`: the kind of monitoring."""
    name = metric_name(settings, cell.engine.version, monitoring)
    target = {"type": "AverageValue", "averageValue": _quantity(settings)}
    spec: Json = {
        "scaleTargetRef": {
            "apiVersion": workload.api_version,
            "kind": workload.kind,
            "name": workload.name,
        },
        "minReplicas": settings.min,
        "maxReplicas": settings.max,
        "metrics": [{"type": "Pods", "pods": {"metric": {"name": name}, "target": target}}],
    }
    if settings.scale_down_seconds is not None:
        window = {"stabilizationWindowSeconds": settings.scale_down_seconds}
        spec["behavior"] = {"scaleDown": window}
    return {"Default": beside(cell, workload, "autoscaling/v2", KIND, "autoscaling", spec)}


def monitoring_of(cell: Cell) -> str:
    """Return the kind of monitoring of a cell's profiles; "google" if they set none."""
    return "google" if cell.settings.monitoring is None else cell.settings.monitoring.kind


def _quantity(settings: Autoscaling) -> str:
    """Return the target as the API server writes quantities: 5, or 800m for 0.8."""
    thousandths = int(settings.target * 1000)
    whole, rest = divmod(thousandths, 1000)
    return f"{thousandths}m" if rest else str(whole)


_METRIC = f"{KIND} spec.metrics[0].pods"


def sources(cell: Cell) -> list[Source]:
    """Return the source of each field."""
    return [
        source("@settings.autoscaling.min", f"{KIND} spec.minReplicas", name="autoscaling.min"),
        source("@settings.autoscaling.max", f"{KIND} spec.maxReplicas", name="autoscaling.max"),
        source("@settings.autoscaling.metric and @engine.version", f"{_METRIC}.metric.name",
               name="autoscaling.metric"),
        source("@settings.autoscaling.target", f"{_METRIC}.target.averageValue",
               name="autoscaling.target"),
        source("@settings.autoscaling.scale_down_seconds",
               f"{KIND} spec.behavior.scaleDown.stabilizationWindowSeconds",
               name="autoscaling.scale_down_seconds"),
        source("the construct: the average over the workload's Pods",
               f"{KIND} spec.metrics[0].type", f"{_METRIC}.target.type"),
        *sources_beside(cell, KIND, also=(f"{KIND} spec.scaleTargetRef",)),
    ]  # fmt: skip
