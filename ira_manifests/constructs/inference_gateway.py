"""`InferenceGateway`: a workload as a pool behind a Gateway of GKE."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ira_manifests.constructs._beside import Beside, cell_of, settings_of
from ira_manifests.constructs._model_server import ModelServer
from ira_manifests.constructs._node import ApiObject, Construct
from ira_manifests.constructs.manifests import inference_gateway as manifests
from ira_manifests.profiles import serving_objects as profiles


class InferenceGateway(Beside):
    """An InferencePool of a workload's Pods, and the HTTPRoute from a Gateway to it.

    Objects: InferencePool (id "Default"), HealthCheckPolicy, GCPBackendPolicy, HTTPRoute, and,
    with `priority`, InferenceObjective; their ids are their kinds. The Gateway and the endpoint
    picker must exist.

    `workload`: the workload; its selector and its port are read when it is rendered.
    `name`, `namespace`, `listener`: the Gateway, and its listener. Default of `namespace`: the
    workload's; of `listener`: all that allow the route.
    `hostnames`: hostnames of requests for this model; {gpu} and {model} are replaced. Default: all.
    `timeout_seconds`: the longest time for one answer. Default: 300.
    `priority`: of an InferenceObjective. Default: none.
    `proxy_ranges`: ranges of the proxy-only subnet, for `NetworkAccess`. Default: none.
    `endpoint_picker`: `service`, `port`, `failure_mode` and `pods` of the picker. Default: the
    workload's name and "-epp", 9002, "FailClose", and the labels that the picker's chart sets.

    Defaults are those of the cell's `gateway`, if it has one. Raises `InputError` for a wrong
    value.
    """

    settings: profiles.Gateway
    """What the options and the cell's profiles set."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        workload: ModelServer,
        name: str | None = None,
        namespace: str | None = None,
        listener: str | None = None,
        hostnames: Sequence[str] | None = None,
        timeout_seconds: int | None = None,
        priority: int | None = None,
        proxy_ranges: Sequence[str] | None = None,
        endpoint_picker: Mapping[str, Any] | None = None,
    ) -> None:
        cell = cell_of(scope, id, workload)
        given = {
            "name": name, "namespace": namespace, "listener": listener,
            "hostnames": hostnames,
            "timeout_seconds": timeout_seconds, "priority": priority,
            "proxy_ranges": proxy_ranges,
            "endpoint_picker": endpoint_picker,
        }  # fmt: skip
        settings = settings_of(scope, id, profiles.Gateway, cell.settings.gateway, given)
        super().__init__(scope, id, workload, settings, manifests.objects)

    @property
    def pool(self) -> ApiObject:
        """The InferencePool."""
        return self._object("Default")

    @property
    def route(self) -> ApiObject:
        """The HTTPRoute."""
        return self._object(manifests.ROUTE)
