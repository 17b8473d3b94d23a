"""An object as what it means: each field's path and its text.

Variables have their values, options of a server their full names, mounts what they show. Lists have
the names of their items in place of indexes, and Kubernetes' defaults are left out, so that two
objects that mean the same are the same.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ira_manifests.kubernetes.expansion import references
from ira_manifests.kubernetes.labels import GCSFUSE_DRIVER
from ira_manifests.kustomizations.names import without_hash
from ira_manifests.lint.placeholders import has_placeholder
from ira_manifests.lint.units import Place, Unit
from ira_manifests.lint.view import ForeignView
from ira_manifests.profiles.secrets import HIDDEN, is_secret
from ira_manifests.rules.view.plain import at, mapping, mappings
from ira_manifests.rules.view.pods import Container, Object
from ira_manifests.rules.view.servers import Server

Path = tuple[str, ...]
Fields = dict[Path, str]

EMPTY = "{}"
"""The text of a mapping without fields."""

_OF_SECRET = "secretName"  # noqa: S105  the name of a field
SERVER, MODEL = "server", "model"
"""The names that the server's container and the model's mount have in paths."""

_OF_CLUSTER = frozenset(
    {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink",
     "kubectl.kubernetes.io/last-applied-configuration", "deployment.kubernetes.io/revision",
     "clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"}
)  # fmt: skip
_NAMES = ("containerPort", "port", "name", "mountPath", "key", "topologyKey", "kind")

# Defaults of the API by the field's name: https://kubernetes.io/docs/reference/kubernetes-api/
_DEFAULTS = {
    "protocol": "TCP", "scheme": "HTTP", "timeoutSeconds": "1", "periodSeconds": "10",
    "successThreshold": "1", "failureThreshold": "3", "initialDelaySeconds": "0",
    "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File",
    "restartPolicy": "Always", "dnsPolicy": "ClusterFirst", "schedulerName": "default-scheduler",
    "terminationGracePeriodSeconds": "30", "revisionHistoryLimit": "10", "replicas": "1",
    "sessionAffinity": "None", "internalTrafficPolicy": "Cluster", "operator": "Equal",
    "readOnly": "false", "optional": "false", "minReadySeconds": "0", "defaultMode": "420",
    "volumeMode": "Filesystem",
}  # fmt: skip
_DEFAULT_OF_KIND: Mapping[tuple[str, ...], str] = {("Service", "spec", "type"): "ClusterIP"}


def view_of(name: str, bodies: Sequence[Mapping[str, Any]]) -> ForeignView:
    """Return objects as `lint` sees them, without places."""
    keys = tuple(f"object {number}" for number in range(len(bodies)))
    return ForeignView(Unit(name, tuple(bodies), keys, lambda _n, _path: Place(name, 0, 0)))


def fields(view: ForeignView, item: Object) -> Fields:
    """Return the fields of an object of a view; values that are secrets are not shown."""
    body = _FORMS.get(item.kind, dict)(item.body)
    found = dict(_Walk(view, item).leaves(body, (), ()))
    return {
        path: HIDDEN if is_secret("", text) else text
        for path, text in found.items()
        if not _is_default(item.kind, path, text)
    }


def _with_targets(service: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Service with the ports of Pods that Kubernetes takes from its own."""
    spec = mapping(service.get("spec"))
    ports = [{"targetPort": each.get("port"), **each} for each in mappings(spec.get("ports"))]
    return {**service, "spec": {**spec, "ports": ports}}


def _with_peers(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Return a NetworkPolicy with its clients by what they are, as their order means nothing."""
    spec = mapping(policy.get("spec"))
    entries = mappings(spec.get("ingress"))
    ingress = [
        {**each, "from": {_peer(one): "let in" for one in mappings(each.get("from"))}}
        for each in entries
    ]
    return {**policy, "spec": {**spec, "ingress": ingress}}


def _peer(peer: Mapping[str, Any]) -> str:
    return json.dumps(peer, sort_keys=True, separators=(",", ":"), default=str).replace('"', "")


_FORMS: Mapping[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
    "Service": _with_targets,
    "NetworkPolicy": _with_peers,
}


def _is_default(kind: str, path: Path, text: str) -> bool:
    if path[0] in ("status", "apiVersion", "kind"):
        return True
    return _DEFAULTS.get(path[-1]) == text or _DEFAULT_OF_KIND.get((kind, *path)) == text


class _Walk:
    def __init__(self, view: ForeignView, item: Object) -> None:
        self._view = view
        containers = [each for each in view.containers if each.file == item.file]
        self._containers = {each.path: each for each in containers}
        servers = (each for each in view.servers if each.file == item.file)
        self._servers = {each.container.path: each for each in servers}
        self._pods = {
            (*each.path, "spec"): each for each in view.pods if each.file == item.file
        }  # fmt: skip

    def leaves(
        self, value: Any, real: tuple[str | int, ...], path: Path
    ) -> Iterator[tuple[Path, str]]:
        """Yield the fields in a value. `real`: its path in the object; `path`: as it is shown."""
        if real in self._containers:
            value = self._container(self._containers[real])
        elif real in self._pods:
            value = self._without_mounted(value)
        if isinstance(value, dict):
            if not value and path:
                yield path, EMPTY
            for key, inner in value.items():
                if inner is not None and key not in _OF_CLUSTER:
                    yield from self.leaves(inner, (*real, key), (*path, str(key)))
        elif isinstance(value, list | tuple) and value and isinstance(value[0], dict):
            for index, inner in enumerate(value):
                place = (*real, index)
                name = SERVER if place in self._servers else _name_of(inner, index)
                yield from self.leaves(inner, place, (*path[:-1], f"{path[-1]}[{name}]"))
        elif value not in (None, [], ()):
            yield path, without_hash(_text(value)) if path[-1] == _OF_SECRET else _text(value)

    def _model(self, container: Container) -> str | None:
        """Return the model that the server of a container's Pod loads."""
        pod = container.template.path
        its = (each for path, each in self._servers.items() if path[: len(pod)] == pod)
        return next((each.command.model for each in its), None)

    def _without_mounted(self, spec: Any) -> Any:
        """Return a Pod's spec with those volumes alone that no container of it mounts."""
        every = mappings(mapping(spec).get("containers")) + mappings(
            mapping(spec).get("initContainers")
        )
        mounted = {
            each.get("name") for item in every for each in mappings(item.get("volumeMounts"))
        }
        kept = [each for each in mappings(spec.get("volumes")) if each.get("name") not in mounted]
        return {**spec, "volumes": kept}

    def _container(self, container: Container) -> dict[str, Any]:
        """Return a container with the values of its variables, and with what its mounts show."""
        body, server = dict(container.body), self._servers.get(container.path)
        model = str(self._model(container)).rstrip("/")
        mounts = [_shown(container, each) for each in container.mounts]
        body["volumeMounts"] = [
            {"name": MODEL, **each} if _shows(each, model) else each for each in mounts
        ]
        body["resources"] = _resources(body.get("resources"))
        body["env"] = variables(self._view, container, server)
        body.pop("envFrom", None)
        if server is not None:
            body |= {"command": started_by(server), "args": options(server)}
        return {key: inner for key, inner in body.items() if inner not in ({}, [])}


def _name_of(item: Any, index: int) -> str:
    given = mapping(item)
    named = [str(given[key]) for key in _NAMES if key in given][:1] or [str(index)]
    return ":".join([*named, *([str(given["effect"])] if "effect" in given else [])])


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _resources(given: Any) -> dict[str, Any]:
    """Return resources with the requests that Kubernetes takes from the limits."""
    limits, requests = mapping(at(given, "limits")), mapping(at(given, "requests"))
    requests = {**limits, **requests}
    found = {**mapping(given), "limits": limits, "requests": requests}
    return {key: inner for key, inner in found.items() if inner}


def _shown(container: Container, mount: Mapping[str, Any]) -> dict[str, Any]:
    """Return a mount with its volume's source in place of the volume's name."""
    volumes = container.template.volumes
    volume = next((each for each in volumes if each.get("name") == mount.get("name")), {})
    source = {key: inner for key, inner in volume.items() if key != "name"}
    found = {key: inner for key, inner in mount.items() if key != "name"}
    found["mountPath"] = str(mount.get("mountPath", "")).rstrip("/")
    return {**found, **{key: _mount_options(inner) for key, inner in source.items()}}


def _shows(mount: Mapping[str, Any], model: str) -> bool:
    """Return whether a mount is of a bucket, and has the folder of the model."""
    path = str(mount["mountPath"])
    is_bucket = at(mount, "csi", "driver") == GCSFUSE_DRIVER
    return is_bucket and (model == path or model.startswith(f"{path}/"))


def _mount_options(source: Any) -> Any:
    """Return a volume's source with the options of its mount in one order."""
    given = at(source, "volumeAttributes", "mountOptions")
    if not isinstance(given, str):
        return source
    ordered = ",".join(sorted(each.strip().replace("=", ":") for each in given.split(",")))
    attributes = {**source["volumeAttributes"], "mountOptions": ordered}
    return {**source, "volumeAttributes": attributes}


def started_by(server: Server) -> str:
    """Return how a server is started, without its arguments."""
    if server.container.is_script:
        return "a shell script"
    return " ".join(server.container.command) or "the image's entry point"


def options(server: Server) -> dict[str, str]:
    """Return a server's options by their full names; secrets are not shown."""
    secret = ("--api-key", "--hf-token")
    return {
        name: HIDDEN if name in secret or is_secret("", text) else _compact(text)
        for name, text in server.settings.items()
    }


def _compact(text: str) -> str:
    if not text.startswith("{"):
        return text
    try:
        return json.dumps(json.loads(text), separators=(",", ":"), sort_keys=True)
    except ValueError:
        return text


def variables(view: ForeignView, container: Container, server: Server | None) -> dict[str, str]:
    """Return a container's variables, each as its value or as where it comes from.

    Of a server those that its arguments alone read are left out. Secrets are not shown.
    """
    known = view.environment(container)
    found = {name: _hidden(name, text) for name, text in known.items()}
    for item in container.env:
        name = str(item.get("name"))
        source = mapping(item.get("valueFrom"))
        if name not in known and source:
            found[name] = _reference(source)
    for each in container.env_from:
        for kind in ("secretRef", "configMapRef"):
            name = str(at(each, kind, "name") or "")
            if name and (kind == "secretRef" or name not in view.data):
                found[f"all keys of {kind.removesuffix('Ref')} {name}"] = "given"
    only = read_by_arguments(container) if server is not None else frozenset()
    return {name: text for name, text in found.items() if name not in only}


def _hidden(name: str, text: str) -> str:
    return HIDDEN if is_secret(name, text) and not has_placeholder(text) else text


def _reference(source: Mapping[str, Any]) -> str:
    for kind, shown in (("secretKeyRef", "Secret"), ("configMapKeyRef", "ConfigMap")):
        given = mapping(source.get(kind))
        if given:
            optional = ", optional" if given.get("optional") else ""
            name = without_hash(str(given.get("name")))
            return f"{shown} {name}, key {given.get('key')}{optional}"
    return _text(source)


def read_by_arguments(container: Container) -> frozenset[str]:
    """Return the variables that a container's command and arguments read."""
    words = [text for text, _ in container.words]
    found = {name for text in words for name in references(text)}
    if container.is_script:
        known = [str(item.get("name")) for item in container.env]
        found |= {
            name for name in known for text in words if f"${name}" in text or f"${{{name}" in text
        }
    return frozenset(found)
