"""`NetworkAccess`: lets only named clients connect to a server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ira_manifests.constructs._beside import Beside, cell_of, require, settings_of
from ira_manifests.constructs._model_server import ModelServer
from ira_manifests.constructs._node import ApiObject, Construct
from ira_manifests.constructs.inference_gateway import InferenceGateway
from ira_manifests.constructs.manifests import network_access as manifests
from ira_manifests.constructs.monitoring import Monitoring
from ira_manifests.profiles import serving_objects as profiles


class NetworkAccess(Beside):
    """A NetworkPolicy that refuses all connections to the server but those of named clients.

    Objects: NetworkPolicy (id "Default").

    `workload`: the workload; its selector and its port are read when it is rendered.
    `peers`: the clients, each with `namespace`, `pods` (labels) or both, or with a `cidr`. Default:
    those of the cell's `network_access`, else none.
    `monitoring`, `gateway`: constructs whose collectors, proxies and endpoint picker are let in.
    Default: what the cell's profiles set.

    Raises `InputError` for a wrong value.
    """

    settings: profiles.NetworkAccess
    """What the options and the cell's profiles set."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        workload: ModelServer,
        peers: Sequence[Mapping[str, Any]] | None = None,
        monitoring: Monitoring | None = None,
        gateway: InferenceGateway | None = None,
    ) -> None:
        cell = cell_of(scope, id, workload)
        if monitoring is not None:
            require(scope, id, "monitoring", monitoring, Monitoring, "a Monitoring")
        if gateway is not None:
            require(scope, id, "gateway", gateway, InferenceGateway, "an InferenceGateway")
        given = {"peers": peers}
        of_cell = cell.settings.network_access
        settings = settings_of(scope, id, profiles.NetworkAccess, of_cell, given)
        collected = cell.settings.monitoring if monitoring is None else monitoring.settings
        through = cell.settings.gateway if gateway is None else gateway.settings
        super().__init__(scope, id, workload, settings, manifests.objects, collected, through)

    @property
    def policy(self) -> ApiObject:
        """The NetworkPolicy."""
        return self._object("Default")
