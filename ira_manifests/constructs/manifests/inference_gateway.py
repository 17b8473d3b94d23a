"""The objects of `InferenceGateway` for GKE Inference Gateway, and the sources of their fields.

https://cloud.google.com/kubernetes-engine/docs/how-to/deploy-gke-inference-gateway and the Helm
chart `inferencepool` of https://github.com/kubernetes-sigs/gateway-api-inference-extension
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, source
from ira_manifests.constructs.manifests.workload import Workload, beside, sources_beside
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.serving_objects import Gateway

POOL, OBJECTIVE, ROUTE = "InferencePool", "InferenceObjective", "HTTPRoute"
HEALTH, BACKEND = "HealthCheckPolicy", "GCPBackendPolicy"
"""Kinds, which are also the ids of the objects in the construct, but for the pool's, "Default"."""

_POOLS, _OBJECTIVES = "inference.networking.k8s.io", "inference.networking.x-k8s.io"
_GATEWAYS, _GKE = "gateway.networking.k8s.io", "networking.gke.io/v1"


def objects(cell: Cell, workload: Workload, settings: Gateway) -> dict[str, Json]:
    """Return the objects by their ids in the construct."""
    made: dict[str, tuple[str, str, Json]] = {
        "Default": (f"{_POOLS}/v1", POOL, _pool(workload, settings)),
        HEALTH: (_GKE, HEALTH, _health_check(workload)),
        BACKEND: (_GKE, BACKEND, _backend(cell, workload, settings)),
        ROUTE: (f"{_GATEWAYS}/v1", ROUTE, _route(cell, workload, settings)),
    }
    if settings.priority is not None:
        spec = {"poolRef": {"group": _POOLS, "name": workload.name}, "priority": settings.priority}
        made[OBJECTIVE] = (f"{_OBJECTIVES}/v1alpha2", OBJECTIVE, spec)
    return {
        each: beside(cell, workload, version, kind, "gateway", spec)
        for each, (version, kind, spec) in made.items()
    }


def picker_service(workload: Workload, settings: Gateway) -> str:
    """Return the name of the endpoint picker's Service."""
    picker = settings.endpoint_picker
    return picker.service or f"{workload.name[:_PICKER_NAME]}-epp"


def picker_pods(workload: Workload, settings: Gateway) -> dict[str, str]:
    """Return the labels of the endpoint picker's Pods."""
    return settings.endpoint_picker.pods or {"inferencepool": picker_service(workload, settings)}


_PICKER_NAME = 40
"""Characters of a release's name that the chart keeps in the picker's name (`_helpers.tpl`)."""


def hostnames(cell: Cell, settings: Gateway) -> list[str]:
    """Return the hostnames of a cell's route."""
    return [each.format(gpu=cell.gpu_name, model=cell.short_name) for each in settings.hostnames]


def _pool(workload: Workload, settings: Gateway) -> Json:
    picker = {
        "name": picker_service(workload, settings),
        "port": {"number": settings.endpoint_picker.port},
        "failureMode": settings.endpoint_picker.failure_mode,
    }
    return {
        "selector": {"matchLabels": workload.labels},
        "targetPorts": [{"number": workload.port}],
        "endpointPickerRef": picker,
    }


def _target(workload: Workload) -> Json:
    return {"group": _POOLS, "kind": POOL, "name": workload.name}


def _health_check(workload: Workload) -> Json:
    """Return the health check; GKE's default asks for /, which the server does not have."""
    check = {"requestPath": "/health", "port": workload.port}
    default = {"config": {"type": "HTTP", "httpHealthCheck": check}}
    return {"targetRef": _target(workload), "default": default}


def _backend(cell: Cell, workload: Workload, settings: Gateway) -> Json:
    default: Json = {"timeoutSec": settings.timeout_seconds}
    # Without it, the load balancer cuts the connections of a Pod that finishes its requests.
    if cell.engine.drain_seconds:
        default["connectionDraining"] = {"drainingTimeoutSec": cell.engine.drain_seconds}
    return {"targetRef": _target(workload), "default": default}


def _route(cell: Cell, workload: Workload, settings: Gateway) -> Json:
    parent = {
        "group": _GATEWAYS,
        "kind": "Gateway",
        "name": settings.name,
        **({} if settings.namespace is None else {"namespace": settings.namespace}),
        **({} if settings.listener is None else {"sectionName": settings.listener}),
    }
    names = hostnames(cell, settings)
    rule = {
        "matches": [{"path": {"type": "PathPrefix", "value": "/"}}],
        # With its default, without which kubectl would find a difference at every apply.
        "backendRefs": [{**_target(workload), "weight": 1}],
        "timeouts": {"request": f"{settings.timeout_seconds}s"},
    }
    return {
        "parentRefs": [parent],
        **({"hostnames": names} if names else {}),
        "rules": [rule],
    }


def sources(cell: Cell, settings: Gateway) -> list[Source]:
    """Return the source of each field."""
    picker, parent = f"{POOL} spec.endpointPickerRef", f"{ROUTE} spec.parentRefs[{settings.name}]"
    kinds = [POOL, HEALTH, BACKEND, ROUTE, *([] if settings.priority is None else [OBJECTIVE])]
    references = [
        f"{POOL} spec.selector", f"{HEALTH} spec.targetRef", f"{BACKEND} spec.targetRef",
        f"{ROUTE} spec.rules",
        *([] if settings.priority is None else [f"{OBJECTIVE} spec.poolRef"]),
    ]  # fmt: skip
    return [
        source("@settings.gateway.name", f"{parent}.name", name="gateway.name"),
        source("@settings.gateway.namespace", f"{parent}.namespace", name="gateway.namespace"),
        source("@settings.gateway.listener", f"{parent}.sectionName", name="gateway.listener"),
        source("@settings.gateway.hostnames", f"{ROUTE} spec.hostnames", name="gateway.hostnames",
               listed=_joined),
        source("@settings.gateway.timeout_seconds", f"{BACKEND} spec.default.timeoutSec",
               f"{ROUTE} spec.rules[0].timeouts", name="gateway.timeout_seconds"),
        *([source("@engine.drain_seconds",
                  f"{BACKEND} spec.default.connectionDraining.drainingTimeoutSec",
                  name="gateway.draining_seconds")] if cell.engine.drain_seconds else ()),
        source("@settings.gateway.priority", f"{OBJECTIVE} spec.priority", name="gateway.priority"),
        source("@settings.gateway.endpoint_picker.service", f"{picker}.name",
               name="gateway.endpoint_picker.service"),
        source("@settings.gateway.endpoint_picker.port", f"{picker}.port",
               f"{picker}.port.number"),
        source("@settings.gateway.endpoint_picker.failure_mode", f"{picker}.failureMode"),
        source("the construct: a Gateway of GKE", f"{ROUTE} spec.parentRefs"),
        source("the construct: the server's port", f"{POOL} spec.targetPorts"),
        source("the construct: vLLM's /health; GKE's default is /, which the server does not have",
               f"{HEALTH} spec.default"),
        *sources_beside(cell, *kinds, also=references),
    ]  # fmt: skip


def _joined(values: Sequence[Any]) -> str:
    """Return the items of a list as text."""
    (items,) = values
    return ", ".join(map(str, items))
