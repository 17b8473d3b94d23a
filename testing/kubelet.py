"""What a kubelet gives to a container: its environment, its command line, its Secrets."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from ira_manifests.kubernetes.expansion import expand
from testing.objects import Json


def environment(container: Json, objects: Sequence[Json]) -> dict[str, str]:
    """A container's environment as the kubelet makes it: references resolved, values expanded.

    A Secret that is not among the objects shows as its name and key.
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
    """What a container finds in the Secrets that are mounted, by path, as `environment` shows it.

    A key that a volume doesn't list is not there; one that its Secret lacks is left out too.
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
    """What the ConfigMap or Secret holds that a reference, such as configMapKeyRef, names."""
    kind = "Secret" if reference.startswith("secret") else "ConfigMap"
    held = [item for item in objects if (item["kind"], item["metadata"]["name"]) == (kind, name)]
    data = {key: value for item in held for key, value in item["data"].items()}
    if kind == "Secret":
        return {key: base64.b64decode(value).decode() for key, value in data.items()}
    return data


def command_line(container: Json, objects: Sequence[Json]) -> list[str]:
    """The effective command line of a container."""
    variables = environment(container, objects)
    words = [*container.get("command", []), *container.get("args", [])]
    return [expand(word, variables) for word in words]
