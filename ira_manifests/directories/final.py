"""A directory as final objects, for what applies plain YAML: no kustomization and no env file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ira_manifests.layout import by_file
from ira_manifests.output.directory import Directory
from ira_manifests.output.kustomize import EMPTY

Json = dict[str, Any]

# Fields in which an object names a ConfigMap.
_REFERENCES = frozenset({"configMap", "configMapKeyRef", "configMapRef"})


def final(directory: Directory) -> Directory:
    """Return a complete directory with the objects that kustomize would make of it."""
    objects = dict(directory.objects)
    for generator in directory.kustomization.config_maps:
        made = _config_map(
            generator.name, directory.runtime_values, directory.kustomization.namespace
        )
        name = made["metadata"]["name"]
        named = {file: _naming(item, generator.name, name) for file, item in objects.items()}
        objects = by_file([*named.values(), made])
    return replace(directory, objects=objects, kustomization=EMPTY)


def _config_map(name: str, data: Mapping[str, str], namespace: str | None) -> Json:
    hashed = {"name": f"{name}-{_hash_of(data)}"}
    placed = {"namespace": namespace} if namespace else {}
    metadata = {**hashed, **placed}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


# kustomize writes no vowel, and no digit that looks like one, so that a hash is no word.
_LETTERS = str.maketrans("013ae", "ghkmt")


def _hash_of(data: Mapping[str, str]) -> str:
    """Return the suffix that kustomize gives a ConfigMap.

    https://github.com/kubernetes-sigs/kustomize/blob/master/api/internal/hasher/hasher.go: of the
    JSON as Go writes it, in which the name is empty.
    """
    hashed = {"data": dict(data), "kind": "ConfigMap", "name": ""}
    text = json.dumps(hashed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return hashlib.sha256(text.encode()).hexdigest()[:10].translate(_LETTERS)


def _naming(value: Any, former: str, name: str) -> Any:
    """Return a value in which another name of a ConfigMap stands in references to it."""
    if isinstance(value, list):
        return [_naming(each, former, name) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: {**each, "name": name}
        if key in _REFERENCES and isinstance(each, dict) and each.get("name") == former
        else _naming(each, former, name)
        for key, each in value.items()
    }
