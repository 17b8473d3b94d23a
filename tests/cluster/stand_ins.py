"""CustomResourceDefinitions of kinds whose own are not read from a module.

Each has the fields, the required ones and the bounds that this project's objects meet, typed from
the named source; kubectl refuses every other field.
"""

from __future__ import annotations

from collections.abc import Iterator

from testing.objects import Json

_TEXT = {"type": "string"}
_NUMBER = {"type": "integer"}
_PORT = {"type": "integer", "minimum": 1, "maximum": 65535}
_LABELS = {"type": "object", "additionalProperties": _TEXT}
_ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def crds() -> Iterator[Json]:
    """The definitions."""
    yield _crd("monitoring.googleapis.com", "PodMonitoring", "v1", _pod_monitoring())
    yield _crd("networking.gke.io", "HealthCheckPolicy", "v1", _policy(_health_check()))
    yield _crd("networking.gke.io", "GCPBackendPolicy", "v1", _policy(_backend()))
    yield _crd("secrets-store.csi.x-k8s.io", "SecretProviderClass", "v1", _provider_class())


def _crd(group: str, kind: str, version: str, spec: Json) -> Json:
    singular = kind.lower()
    plural = f"{singular}es" if singular.endswith("s") else f"{singular}s".replace("ys", "ies")
    schema = _object({"spec": spec, "status": _ANYTHING}, "spec")
    served = {
        "name": version,
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": plural, "singular": singular, "kind": kind},
            "versions": [served],
        },
    }


def _object(properties: Json, *required: str) -> Json:
    return {
        "type": "object",
        "properties": properties,
        **({"required": [*required]} if required else {}),
    }


def _list(items: Json, **bounds: int) -> Json:
    return {"type": "array", "items": items, **bounds}


def _selector() -> Json:
    condition = _object(
        {"key": _TEXT, "operator": _TEXT, "values": _list(_TEXT)}, "key", "operator"
    )
    return _object({"matchLabels": _LABELS, "matchExpressions": _list(condition)})


def _pod_monitoring() -> Json:
    """GoogleCloudPlatform/prometheus-engine, charts/operator/crds."""
    port = {"x-kubernetes-int-or-string": True, "anyOf": [_NUMBER, _TEXT]}
    endpoint = _object(
        {"port": port, "path": _TEXT, "interval": {**_TEXT, "format": "duration"},
         "timeout": _TEXT, "scheme": _TEXT},
        "interval", "port",
    )  # fmt: skip
    return _object(
        {"selector": _selector(), "endpoints": _list(endpoint, minItems=1, maxItems=10)},
        "endpoints", "selector",
    )  # fmt: skip


def _provider_class() -> Json:
    """kubernetes-sigs/secrets-store-csi-driver, apis/v1."""
    return _object({"provider": _TEXT, "parameters": _LABELS})


def _policy(default: Json) -> Json:
    """https://googlecloudplatform.github.io/gke-gateway-api."""
    target = _object(
        {"group": _TEXT, "kind": _TEXT, "name": _TEXT, "namespace": _TEXT}, "group", "kind", "name"
    )
    return _object({"targetRef": target, "default": default}, "targetRef")


def _health_check() -> Json:
    seconds = {"type": "integer", "minimum": 1, "maximum": 300}
    check = _object({"port": _PORT, "requestPath": _TEXT, "host": _TEXT})
    config = _object(
        {"type": {**_TEXT, "enum": ["TCP", "HTTP", "HTTPS", "HTTP2", "GRPC"]},
         "httpHealthCheck": check}
    )  # fmt: skip
    return _object({"config": config, "checkIntervalSec": seconds, "timeoutSec": seconds})


def _backend() -> Json:
    draining = {"type": "integer", "minimum": 0, "maximum": 3600}
    timeout = {"type": "integer", "minimum": 1, "maximum": 2147483647}
    return _object(
        {"timeoutSec": timeout, "connectionDraining": _object({"drainingTimeoutSec": draining})}
    )
