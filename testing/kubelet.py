"""Computes a container's environment, command line and Secrets as the kubelet does."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from ira_manifests.kubernetes.expansion import expand
from testing.objects import Json


def environment(container: Json, objects: Sequence[Json]) -> dict[str, str]:
    """Return a container's environment, with references resolved and values expanded.

    The value of a Secret that is not among the objects is "secret NAME KEY".
    https://github.com/kubernetes/kubernetes, pkg/kubelet/kubelet_pods.go
    """
    values: dict[str, str] = {}
    for source in container.get("envFrom", []):
        (kind, reference), *_ = source.items()
        values |= _data(objects, kind, reference["name"])
    defined: dict[str, str] = {}
    for variable in container.get("env", []):
        if "valueFrom" in variable:
            ((kind, reference),) = variable["valueFrom"].items()
            name, key = reference["name"], reference["key"]
            unknown = {key: f"secret {name} {key}"} if kind == "secretKeyRef" else {}
            value = (unknown | _data(objects, kind, name))[key]
        else:
            value = expand(variable["value"], defined)
        defined[variable["name"]] = value
    return values | defined


def secret_files(container: Json, pod: Json, objects: Sequence[Json]) -> dict[str, str]:
    """Return the content of mounted Secrets by path, with the same placeholder as `environment`.

    Keys that the volume does not list, or that its Secret does not have, are left out.
    """
    volumes = {volume["name"]: volume.get("secret") for volume in pod["volumes"]}
    found: dict[str, str] = {}
    for mount in container["volumeMounts"]:
        if secret := volumes[mount["name"]]:
            name = secret["secretName"]
            known = _data(objects, "secret", name)
            exists = any(item["metadata"]["name"] == name for item in objects)
            for item in secret["items"]:
                text = f"secret {name} {item['key']}" if not exists else known.get(item["key"])
                if text is not None:
                    found[f"{mount['mountPath']}/{item['path']}"] = text
    return found


def _data(objects: Sequence[Json], reference: str, name: str) -> dict[str, str]:
    """Return the data of the ConfigMap or Secret of a reference such as configMapKeyRef."""
    kind = "Secret" if reference.startswith("secret") else "ConfigMap"
    held = [item for item in objects if (item["kind"], item["metadata"]["name"]) == (kind, name)]
    data = {key: value for item in held for key, value in item["data"].items()}
    if kind == "Secret":
        return {key: base64.b64decode(value).decode() for key, value in data.items()}
    return data


def command_line(container: Json, objects: Sequence[Json]) -> list[str]:
    """Return a container's command and arguments, with references expanded."""
    variables = environment(container, objects)
    words = [*container.get("command", []), *container.get("args", [])]
    return [expand(word, variables) for word in words]
