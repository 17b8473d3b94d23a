"""`Monitoring`: collects the engine's metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from ira_manifests.constructs._beside import Beside, cell_of, settings_of
from ira_manifests.constructs._model_server import ModelServer
from ira_manifests.constructs._node import ApiObject, Construct
from ira_manifests.constructs.manifests import monitoring as manifests
from ira_manifests.profiles import serving_objects as profiles


class Monitoring(Beside):
    """A PodMonitoring of Google Cloud Managed Service for Prometheus, or a PodMonitor.

    Objects: PodMonitoring or PodMonitor (id "Default"); none for "automatic".

    `workload`: the workload; its selector and its port are read when it is rendered.
    `kind`: "google" (the default), "prometheus-operator", or "automatic" for GKE's automatic
    application monitoring.
    `interval_seconds`: seconds between two readings. Default: 15.
    `labels`: further labels, such as those by which a Prometheus selects monitors. Default: none.
    `collector_namespace`: the namespace of the Prometheus that reads a PodMonitor, for
    `NetworkAccess`. Default: "monitoring".

    Defaults are those of the cell's `monitoring`, if it has one. Raises `InputError` for a wrong
    value.
    """

    settings: profiles.Monitoring
    """What the options and the cell's profiles set."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        workload: ModelServer,
        kind: Literal["google", "prometheus-operator", "automatic"] | None = None,
        interval_seconds: int | None = None,
        labels: Mapping[str, str] | None = None,
        collector_namespace: str | None = None,
    ) -> None:
        cell = cell_of(scope, id, workload)
        given = {
            "kind": kind, "interval_seconds": interval_seconds, "labels": labels,
            "collector_namespace": collector_namespace,
        }  # fmt: skip
        settings = settings_of(scope, id, profiles.Monitoring, cell.settings.monitoring, given)
        super().__init__(scope, id, workload, settings, manifests.objects)

    @property
    def monitor(self) -> ApiObject:
        """The PodMonitoring or PodMonitor."""
        return self._object("Default")
