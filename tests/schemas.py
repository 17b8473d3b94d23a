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


_COUNT = {"type": "integer", "minimum": 0}
# The fields of the CRD leaderworkerset.x-k8s.io_leaderworkersets.yaml that are written, from the
# types of https://github.com/kubernetes-sigs/lws, api/leaderworkerset/v1. The Pod templates are
# validated as those of a PodTemplate.
LEADER_WORKER_SET: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "leaderworkerset.x-k8s.io/v1"},
        "kind": {"const": "LeaderWorkerSet"},
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "required": ["leaderWorkerTemplate"],
            "properties": {
                "replicas": _COUNT,
                "startupPolicy": {"enum": ["LeaderCreated", "LeaderReady"]},
                "networkConfig": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["subdomainPolicy"],
                    "properties": {"subdomainPolicy": {"enum": ["Shared", "UniquePerReplica"]}},
                },
                "rolloutStrategy": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["type"],
                    "properties": {
                        "type": {"const": "RollingUpdate"},
                        "rollingUpdateConfiguration": {
                            "type": "object",
                            "additionalProperties": False,
                            "properties": {
                                "partition": _COUNT,
                                "maxUnavailable": {"type": ["integer", "string"]},
                                "maxSurge": {"type": ["integer", "string"]},
                            },
                        },
                    },
                },
                "leaderWorkerTemplate": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["workerTemplate"],
                    "properties": {
                        "size": {"type": "integer", "minimum": 1},
                        "restartPolicy": {
                            "enum": [
                                "Default", "RecreateGroupOnPodRestart", "RecreateGroupAfterStart",
                                "None",
                            ],
                        },
                        "leaderTemplate": {"type": "object"},
                        "workerTemplate": {"type": "object"},
                    },
                },
            },
        },
    },
}  # fmt: skip


# The fields that are written of the types in apis/v1 of
# https://github.com/kubernetes-sigs/secrets-store-csi-driver.
SECRET_PROVIDER_CLASS: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["apiVersion", "kind", "metadata", "spec"],
    "properties": {
        "apiVersion": {"const": "secrets-store.csi.x-k8s.io/v1"},
        "kind": {"const": "SecretProviderClass"},
        "metadata": {"type": "object"},
        "spec": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "provider": {"type": "string"},
                "parameters": {"type": "object", "additionalProperties": {"type": "string"}},
            },
        },
    },
}


def validate(item: Any, version: str) -> None:
    """Raise if the object has an unknown field or a wrong value."""
    if item["kind"] == "ProvisioningRequest":
        jsonschema.validate(item, PROVISIONING_REQUEST)
    elif item["kind"] == "SecretProviderClass":
        jsonschema.validate(item, SECRET_PROVIDER_CLASS)
    elif item["kind"] == "LeaderWorkerSet":
        jsonschema.validate(item, LEADER_WORKER_SET)
        group = item["spec"]["leaderWorkerTemplate"]
        for name in ("leaderTemplate", "workerTemplate"):
            template = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "x"}}
            validate({**template, "template": group[name]}, version)
    else:
        kubernetes_validate.validate(item, version, strict=True)
