"""Strict schemas of every kind that this project writes."""

from __future__ import annotations

from typing import Any

import jsonschema
import kubernetes_validate

from testing.objects import Json

# GKE gives 24 months of support to a minor version from its entry into the Regular channel
# (https://cloud.google.com/kubernetes-engine/versioning): from 1.31 up to 1.37 in late 2026; 1.30
# is kept for clusters on their way up.
OLDEST, NEWEST = 30, 37
VERSIONS = [f"1.{minor}" for minor in range(OLDEST, NEWEST + 1)]

_NAME = {
    "type": "string",
    "maxLength": 253,
    "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
}
# The fields of the CRD autoscaling.x-k8s.io_provisioningrequests.yaml of
# https://github.com/kubernetes/autoscaler, and GKE's own bounds on parameters and pod sets.
PROVISIONING_REQUEST: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "autoscaling.x-k8s.io/v1"},
        "kind": {"const": "ProvisioningRequest"},
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "required": ["podSets", "provisioningClassName"],
            "properties": {
                "provisioningClassName": _NAME,
                "parameters": {
                    "type": "object",
                    "maxProperties": 100,
                    "additionalProperties": {"type": "string", "maxLength": 255},
                    "properties": {
                        "maxRunDurationSeconds": {"type": "string", "pattern": "^[0-9]{3,6}$"},
                    },
                },
                "podSets": {
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 1,
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["count", "podTemplateRef"],
                        "properties": {
                            "count": {"type": "integer", "minimum": 1},
                            "podTemplateRef": {
                                "type": "object",
                                "additionalProperties": False,
                                "required": ["name"],
                                "properties": {"name": _NAME},
                            },
                        },
                    },
                },
            },
        },
    },
}


def validate(item: Any, version: str) -> None:
    """Raise if the object has an unknown field or a wrong value."""
    if item["kind"] == "ProvisioningRequest":
        jsonschema.validate(item, PROVISIONING_REQUEST)
    else:
        kubernetes_validate.validate(item, version, strict=True)
