"""The objects beside a server as fields of a cell, where profiles have a field for them.

What an object has beyond its field is told by the comparison.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ira_manifests.constructs.manifests import autoscaling, inference_gateway, network_access
from ira_manifests.importing.reading import Found
from ira_manifests.importing.sizes import Say
from ira_manifests.kubernetes import labels as keys
from ira_manifests.kubernetes.quantities import quantity
from ira_manifests.rules.view.plain import at, mapping, mappings, texts
from ira_manifests.rules.view.pods import Object
from ira_manifests.vllm import metrics
from ira_manifests.vllm.options import releases

_METRICS = ("requests_waiting", "requests_running", "kv_cache_usage")
_GOOGLE = re.compile(r"prometheus\.googleapis\.com\|(.*)\|gauge")


def companions(found: Found, say: Say) -> dict[str, Any]:
    """Return the fields of the objects beside a server."""
    return {
        **_budget(found),
        **_monitoring(found),
        **_autoscaling(found, say),
        **_gateway(found, say),
        **_network_access(found, say),
    }


def _budget(found: Found) -> dict[str, Any]:
    item = _only(found, "PodDisruptionBudget")
    if item is None:
        return {}
    names = {"maxUnavailable": "max_unavailable", "minAvailable": "min_available"}
    given = {field: str(item.spec[key]) for key, field in names.items() if key in item.spec}
    return {"disruption_budget": given}


_MONITORS = {"PodMonitoring": ("google", "endpoints"), "PodMonitor": ("prometheus-operator",
             "podMetricsEndpoints")}  # fmt: skip


def _monitoring(found: Found) -> dict[str, Any]:
    for kind, (named, ends) in _MONITORS.items():
        item = _only(found, kind)
        if item is not None:
            end = next(iter(mappings(item.spec.get(ends))), {})
            seconds = str(end.get("interval", "")).removesuffix("s")
            every = {"interval_seconds": int(seconds)} if seconds.isdecimal() else {}
            return {"monitoring": {"kind": named, **every}}
    return {}


def _only(found: Found, kind: str) -> Object | None:
    items = found.of_kind(kind)
    return items[0] if len(items) == 1 else None


# --- autoscaling ----------------------------------------------------------------------------------


def _autoscaling(found: Found, say: Say) -> dict[str, Any]:
    """Return the field of an autoscaler on one metric of the engine."""
    item = _only(found, autoscaling.KIND)
    if item is None:
        return {}
    given = mappings(item.spec.get("metrics"))
    pods = mapping(given[0].get("pods")) if len(given) == 1 else {}
    name = str(at(pods, "metric", "name") or "")
    inner = _GOOGLE.fullmatch(name)
    metric = _metric(inner[1] if inner else name)
    target = str(at(pods, "target", "averageValue") or "")
    try:
        aimed = quantity(target)
    except ValueError:
        aimed = None
    if metric is None or aimed is None or "maxReplicas" not in item.spec:
        say("autoscaling", "profiles scale by the average of one metric of vLLM in the Pods")
        return {}
    operated = _only(found, "PodMonitor") is not None
    window = at(item.spec, "behavior", "scaleDown", "stabilizationWindowSeconds")
    fields = {
        "min": item.spec.get("minReplicas", 1),
        "max": item.spec["maxReplicas"],
        "metric": metric,
        "target": aimed,
        "scale_down_seconds": window,
        # The name that the adapter gives it, if it is not the one of the kind of monitoring.
        "metric_name": name if bool(inner) == operated else None,
    }
    return {"autoscaling": _given(fields)}


def _metric(name: str) -> str | None:
    """Return the word of profiles for a metric of any release."""
    same = (
        metric
        for metric in _METRICS
        if any(metrics.metric_name(metric, str(release)) == name for release in releases())
    )
    return next(same, None)


# --- InferencePool --------------------------------------------------------------------------------


def _gateway(found: Found, say: Say) -> dict[str, Any]:
    """Return the field of an InferencePool and the route to it."""
    pool = _only(found, inference_gateway.POOL)
    if pool is None:
        return {}
    route = _only(found, inference_gateway.ROUTE)
    parents = mappings(route.spec.get("parentRefs")) if route is not None else []
    if route is None or len(parents) != 1:
        say("gateway", "profiles have a pool with one HTTPRoute of one Gateway")
        return {}
    rules = mappings(route.spec.get("rules"))
    seconds = str(at(rules[0], "timeouts", "request") or "") if len(rules) == 1 else ""
    objective = _only(found, inference_gateway.OBJECTIVE)
    fields = {
        "name": parents[0].get("name"),
        "namespace": parents[0].get("namespace"),
        "listener": parents[0].get("sectionName"),
        "hostnames": route.spec.get("hostnames"),
        "timeout_seconds": int(seconds[:-1]) if re.fullmatch("[0-9]+s", seconds) else None,
        "priority": None if objective is None else objective.spec.get("priority"),
        "endpoint_picker": _picker(mapping(pool.spec.get("endpointPickerRef"))),
    }
    return {"gateway": _given(fields)}


def _picker(given: Mapping[str, Any]) -> dict[str, Any]:
    fields = {
        "service": given.get("name"),
        "port": at(given, "port", "number"),
        "failure_mode": given.get("failureMode"),
    }
    return _given(fields)


# --- NetworkPolicy --------------------------------------------------------------------------------


def _network_access(found: Found, say: Say) -> dict[str, Any]:
    """Return the field of a NetworkPolicy that lets in named clients; those of the field alone."""
    item = _only(found, network_access.KIND)
    if item is None:
        return {}
    entries = mappings(item.spec.get("ingress"))
    peers = [_peer(each) for entry in entries for each in mappings(entry.get("from"))]
    everybody = any(not mappings(entry.get("from")) for entry in entries)
    if None in peers or everybody or item.spec.get("policyTypes") != ["Ingress"]:
        say("network_access", "profiles let in namespaces, labels of Pods and ranges by name")
        return {}
    # What the profiles' policy lets in for monitoring and a gateway of their own.
    others = [*_collectors(found), *_through(found)]
    return {"network_access": _given({"peers": [each for each in peers if each not in others]})}


def _peer(given: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return a peer as profiles have it; None if they have none of its kind."""
    block, pods = mapping(given.get("ipBlock")), mapping(given.get("podSelector"))
    namespace = mapping(given.get("namespaceSelector"))
    named = texts(namespace.get("matchLabels"))
    if block:
        return {"cidr": block.get("cidr")} if block.keys() == {"cidr"} else None
    if {*pods, *namespace} - {"matchLabels"} or named.keys() - {keys.NAMESPACE_NAME}:
        return None
    peer = _given({"namespace": named.get(keys.NAMESPACE_NAME), "pods": pods.get("matchLabels")})
    return peer if peer and (named or not namespace) else None


def _collectors(found: Found) -> Iterator[dict[str, Any] | None]:
    if _only(found, "PodMonitoring") is not None:
        yield from ({"namespace": name} for name in network_access.COLLECTORS)
    elif _only(found, "PodMonitor") is not None:
        yield {"namespace": "monitoring"}


def _through(found: Found) -> Iterator[dict[str, Any] | None]:
    pool = _only(found, inference_gateway.POOL)
    if pool is not None and _only(found, inference_gateway.ROUTE) is not None:
        name = at(pool.spec, "endpointPickerRef", "name")
        yield {"pods": {"inferencepool": name}}
        yield from ({"cidr": each} for each in network_access.HEALTH_CHECKS)


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, {}, [])}
