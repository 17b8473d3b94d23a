"""The rest of a server's Pod, and of the objects beside it, as fields of a cell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ira_manifests.importing.companions import companions
from ira_manifests.importing.reading import Found
from ira_manifests.importing.sizes import Say
from ira_manifests.kubernetes import labels as keys
from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.profiles.secrets import is_secret
from ira_manifests.rules.view.plain import at, mapping, mappings, texts

FETCH = "fetch-safetensors"
"""The name of the container that warms the file cache, which the platform's profile has."""

_SIDECAR = ("gke-gcsfuse-cache", "gke-gcsfuse-tmp", "gke-gcsfuse-buffer")
_TAKEN = ("/dev/shm", "/tmp")  # noqa: S108  paths of mounts that the construct has
_OF_NODES = frozenset(
    {queued.COMPUTE_CLASS, queued.ACCELERATOR, queued.FLEX_START,
     "node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type"}
)  # fmt: skip
_OF_PODS = frozenset(
    {*keys.OURS, *keys.OUR_ANNOTATIONS, keys.DEFAULT_CONTAINER, queued.CONSUME, queued.CLASS,
     *queued.DEPRECATED}
)  # fmt: skip
_OF_OTHERS = ("kubectl.kubernetes.io/", "deployment.kubernetes.io/", "config.kubernetes.io/")


def additions(found: Found, say: Say) -> dict[str, Any]:
    """Return the serving fields of a Pod and its objects, without those of the server's command."""
    fields = {
        **_workload(found),
        **_scheduling(found),
        **_metadata(found),
        **_volumes(found),
        **_containers(found, say),
        **companions(found, say),
    }
    return {name: value for name, value in fields.items() if value not in (None, {}, [])}


def _workload(found: Found) -> dict[str, Any]:
    spec = found.workload.spec
    replicas = spec.get("replicas")
    return {
        "replicas": replicas if isinstance(replicas, int) and replicas > 1 else None,
        "strategy": _strategy(spec) if found.workload.kind == "Deployment" else None,
    }


def _strategy(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return how Pods are replaced. A Deployment that does not say has Kubernetes' default."""
    given = mapping(spec.get("strategy"))
    ready = spec.get("minReadySeconds")
    wait = {"min_ready_seconds": ready} if ready else {}
    if given.get("type") == "Recreate":
        return {"type": "recreate", **wait} if wait else {}
    rolling = mapping(given.get("rollingUpdate"))
    return {
        "type": "rolling-update",
        "max_surge": str(rolling.get("maxSurge", "25%")),
        "max_unavailable": str(rolling.get("maxUnavailable", "25%")),
        **wait,
    }


def _scheduling(found: Found) -> dict[str, Any]:
    spec, template = found.spec, found.server.container.template
    selected = template.node_selector.items()
    left_out = {queued.NODE_POOL} if found.is_queued else set()
    return {
        "priority_class": spec.get("priorityClassName"),
        "image_pull_secrets": [
            str(each.get("name")) for each in mappings(spec.get("imagePullSecrets"))
        ],
        "node_selector": {
            key: text for key, text in selected if key not in _OF_NODES | left_out
        },
    }  # fmt: skip


def _metadata(found: Found) -> dict[str, Any]:
    template = found.server.container.template
    service = next(iter(found.of_kind("Service")), None)
    written = texts(at(template.body, "metadata", "labels"))
    pod, workload = _own(written), _own(found.workload.labels)
    common = {key: text for key, text in pod.items() if workload.get(key) == text}
    if service is not None:
        common = {key: text for key, text in common.items() if service.labels.get(key) == text}
    fields = {
        "labels": common,
        "pod_labels": _without(pod, common),
        "pod_annotations": {
            key: text
            for key, text in _own(texts(template.annotations)).items()
            if keys.GCSFUSE_ANNOTATIONS.get(key) != text
        },
    }
    if service is not None:
        fields["service_labels"] = _without(_own(service.labels), common)
        fields["service_annotations"] = _own(texts(service.metadata.get("annotations")))
    return fields


def _own(given: Mapping[str, str]) -> dict[str, str]:
    return {
        key: text
        for key, text in given.items()
        if key not in _OF_PODS and not key.startswith(_OF_OTHERS) and not is_secret(key, text)
    }


def _without(given: Mapping[str, str], common: Mapping[str, str]) -> dict[str, str]:
    return {key: text for key, text in given.items() if key not in common}


# --- volumes and containers -----------------------------------------------------------------------


def _volumes(found: Found) -> dict[str, Any]:
    """Return further volumes and mounts: not of the bucket, shared memory and the sidecar."""
    container = found.server.container
    volumes = {str(each.get("name")): each for each in container.template.volumes}
    buckets = {name for name, each in volumes.items() if is_bucket(each)}
    mounts = [
        dict(each)
        for each in container.mounts
        if str(each.get("mountPath")).rstrip("/") not in _TAKEN and each.get("name") not in buckets
    ]
    taken = {each.get("name") for each in container.mounts} - {each["name"] for each in mounts}
    kept = [
        dict(each) for name, each in volumes.items() if name not in taken | buckets | set(_SIDECAR)
    ]
    return {"volumes": kept, "volume_mounts": mounts}


def is_bucket(volume: Mapping[str, Any]) -> bool:
    """Return whether a volume is a bucket that Cloud Storage FUSE mounts."""
    return str(at(volume, "csi", "driver")) == keys.GCSFUSE_DRIVER


def _containers(found: Found, say: Say) -> dict[str, Any]:
    own = found.server.container.path
    fields: dict[str, list[Any]] = {"containers": [], "init_containers": []}
    for each in found.server.container.template.containers:
        name = str(each.body.get("name"))
        if each.path == own or name == FETCH:
            continue
        if any(is_secret(*pair) for pair in _texts(each.body)):
            say(f"container {name}", "it has a secret in plain text, which is not copied")
            continue
        field = "init_containers" if "initContainers" in each.path else "containers"
        fields[field].append(json.loads(json.dumps(each.body, default=str)))
    return fields


def _texts(body: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each text of a container with the name of the variable that it is."""
    for item in mappings(body.get("env")):
        yield str(item.get("name")), str(item.get("value", ""))
    for key in ("command", "args"):
        yield from (("", str(word)) for word in body.get(key) or ())
