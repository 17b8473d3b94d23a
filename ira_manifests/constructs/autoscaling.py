"""`Autoscaling`: a HorizontalPodAutoscaler on a metric of the engine."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from ira_manifests.constructs._beside import Beside, cell_of, make_way, one_of, settings_of
from ira_manifests.constructs._model_server import ModelServer
from ira_manifests.constructs._node import ApiObject, Construct, JsonPatch, json_of
from ira_manifests.constructs._pods import consumers, is_scaled, scalers
from ira_manifests.constructs.manifests import autoscaling as manifests
from ira_manifests.errors import InputError
from ira_manifests.profiles import serving_objects as profiles


class Autoscaling(Beside):
    """A HorizontalPodAutoscaler of a workload.

    Objects: HorizontalPodAutoscaler (id "Default"). The Deployment loses its `replicas`, which
    every apply would set again.

    `workload`: the workload to scale; its name, kind and namespace are read when it is rendered.
    `min`, `max`: the fewest and the most replicas. Default of `min`: 1.
    `metric`: "requests_waiting" (the default), "requests_running" or "kv_cache_usage"; its name in
    the metrics API follows from the engine's release and from `monitoring`.
    `target`: the average over all Pods to aim at: requests, or a share of the cache. Default: 5.
    `scale_down_seconds`: how long the metric must be low before Pods go. Default: Kubernetes' 300.
    `metric_name`: the name in the metrics API, if the adapter renames it. Default: none.
    `monitoring`: who collects the metric: "google", "prometheus-operator" or "automatic".
    Default: the cell's monitoring, else "google".

    Defaults are those of the cell's `autoscaling`, if it has one. Raises `InputError` for a wrong
    value, for `min` above `max`, and for a workload on queued capacity, which has a fixed size.
    """

    settings: profiles.Autoscaling
    """What the options and the cell's profiles set."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        workload: ModelServer,
        min: int | None = None,
        max: int | None = None,
        metric: Literal["requests_waiting", "requests_running", "kv_cache_usage"] | None = None,
        target: Decimal | float | None = None,
        scale_down_seconds: int | None = None,
        metric_name: str | None = None,
        monitoring: Literal["google", "prometheus-operator", "automatic"] | None = None,
    ) -> None:
        cell = cell_of(scope, id, workload)
        given = {
            "min": min, "max": max, "metric": metric, "target": target,
            "scale_down_seconds": scale_down_seconds, "metric_name": metric_name,
        }  # fmt: skip
        of_cell = cell.settings.autoscaling
        settings = settings_of(scope, id, profiles.Autoscaling, of_cell, given)
        collected = manifests.monitoring_of(cell)
        if monitoring is not None:
            kinds = ("google", "prometheus-operator", "automatic")
            collected = one_of(scope, id, "monitoring", monitoring, kinds)
        if scope is not workload:
            make_way(workload, Autoscaling)
        _leave_replicas(workload)
        super().__init__(scope, id, workload, settings, manifests.objects, collected)
        scalers[workload] = self

    @property
    def autoscaler(self) -> ApiObject:
        """The HorizontalPodAutoscaler."""
        return self._object("Default")


def _leave_replicas(workload: ModelServer) -> None:
    """Take `replicas` out of a workload's Deployment."""
    if is_scaled(workload):
        raise InputError(f"{workload.node.path} has an autoscaler already; add one a workload")
    if workload in consumers:
        raise InputError(
            f"{workload.node.path} consumes a ProvisioningRequest, which is for a fixed number of "
            "Pods; leave one of the two out"
        )
    if "replicas" in json_of(workload, "Default")["spec"]:
        workload.deployment.add_json_patch(JsonPatch.remove("/spec/replicas"))
