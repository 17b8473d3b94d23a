"""Writes the table of Kubernetes' fields from the published schemas of its newest release.

    python -m tools.kubernetes_fields

The schemas are those of the package kubernetes-validate, which are made from the API's OpenAPI
document. The notation is that of `ira_manifests.kubernetes.fields`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate

from ira_manifests.kubernetes.fields import TABLE

RELEASE = "v1.37.0"
ROOTS = (
    "io.k8s.api.apps.v1.Deployment",
    "io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler",
    "io.k8s.api.core.v1.Service",
    "io.k8s.api.core.v1.ServiceAccount",
    "io.k8s.api.networking.v1.NetworkPolicy",
    "io.k8s.api.policy.v1.PodDisruptionBudget",
)
_SIMPLE = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "quantity",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "number-or-text",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "text",
    "io.k8s.apimachinery.pkg.apis.meta.v1.FieldsV1": "any",
}
_WORDS = {"string": "text", "integer": "number", "boolean": "truth", "object": "any"}
# What the API server writes.
_LEFT_OUT = ("status", "managedFields")


def table(release: str = RELEASE) -> dict[str, dict[str, str]]:
    """Return the fields of every type below `ROOTS`."""
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema"
    file = folder / f"{release}-local-strict" / "_definitions.json"
    definitions = json.loads(file.read_text("utf-8"))["$defs"]
    found: dict[str, dict[str, str]] = {}
    waiting = list(ROOTS)
    while waiting:
        name = waiting.pop()
        if _short(name) in found or name in _SIMPLE:
            continue
        found[_short(name)] = dict(_fields(definitions[name]))
        waiting += _references(
            {k: v for k, v in definitions[name]["properties"].items() if k not in _LEFT_OUT}
        )
    return dict(sorted(found.items()))


def _fields(definition: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    required = definition.get("required", ())
    for name, schema in sorted(definition["properties"].items()):
        if name not in _LEFT_OUT:
            yield name, _type(schema) + ("!" if name in required else "")


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _SIMPLE.get(name, _short(name))
    if "items" in schema:
        merged = "merge" in schema.get("x-kubernetes-patch-strategy", "").split(",")
        return f"[{_type(schema['items'])}]" + (_keys(schema) if merged else "")
    if isinstance(schema.get("additionalProperties"), dict):
        return "{" + _type(schema["additionalProperties"]) + "}"
    kinds = schema.get("type", "object")
    (word,) = [kinds] if isinstance(kinds, str) else [each for each in kinds if each != "null"]
    return _WORDS[word]


def _keys(schema: Mapping[str, Any]) -> str:
    """Return by what items are merged: the list's own keys, of which the merge key is one."""
    key = schema.get("x-kubernetes-patch-merge-key", "")
    several = schema.get("x-kubernetes-list-map-keys", [])
    return f"by {','.join(several if key in several else [key])}".rstrip()


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        if "$ref" in value:
            yield value["$ref"].rpartition("/")[2]
        for inner in value.values():
            yield from _references(inner)


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def text() -> str:
    """Return the file's text: one type a line."""
    lines = [f"{json.dumps(name)}: {json.dumps(fields)}" for name, fields in table().items()]
    return "{\n" + ",\n".join(lines) + "\n}\n"


if __name__ == "__main__":
    TABLE.write_text(text(), "utf-8")
