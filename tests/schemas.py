"""Strict schemas of every kind that this project writes."""

from __future__ import annotations

from functools import cache
from typing import Any

import jsonschema
import kubernetes_validate
from kubernetes_validate import utils

from testing.objects import Json

# GKE gives 24 months of support to a minor version from its entry into the Regular channel
# (https://cloud.google.com/kubernetes-engine/versioning): from 1.31 up to 1.37 in late 2026; 1.30
# is kept for clusters on their way up.
OLDEST, NEWEST = 30, 37
VERSIONS = [f"1.{minor}" for minor in range(OLDEST, NEWEST + 1)]

# It reads a megabyte of JSON for each object, which takes most of its time.
setattr(utils, "schema_contents", cache(utils.schema_contents))  # noqa: B010  mypy refuses it

_NAME = {
    "type": "string",
    "maxLength": 253,
    "pattern": r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
}
_COUNT = {"type": "integer", "minimum": 0}
_COUNT_OR_SHARE = {"type": ["integer", "string"]}


def _fields(*required: str, **fields: Json) -> Json:
    """Return the schema of a mapping with these fields and no others."""
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "properties": fields,
    }


def _kind(version: str, kind: str, spec: Json) -> Json:
    return _fields(
        "apiVersion",
        "kind",
        "metadata",
        "spec",
        apiVersion={"const": version},
        kind={"const": kind},
        metadata={"type": "object"},
        spec=spec,
    )


# The fields of the CRD autoscaling.x-k8s.io_provisioningrequests.yaml of
# https://github.com/kubernetes/autoscaler, and GKE's own bounds on parameters and pod sets.
_PROVISIONING_REQUEST = _kind(
    "autoscaling.x-k8s.io/v1",
    "ProvisioningRequest",
    _fields(
        "podSets",
        "provisioningClassName",
        provisioningClassName=_NAME,
        parameters={
            "type": "object",
            "maxProperties": 100,
            "additionalProperties": {"type": "string", "maxLength": 255},
            "properties": {"maxRunDurationSeconds": {"type": "string", "pattern": "^[0-9]{3,6}$"}},
        },
        podSets={
            "type": "array",
            "minItems": 1,
            "maxItems": 1,
            "items": _fields(
                "count",
                "podTemplateRef",
                count={"type": "integer", "minimum": 1},
                podTemplateRef=_fields("name", name=_NAME),
            ),
        },
    ),
)
# The fields of the CRD leaderworkerset.x-k8s.io_leaderworkersets.yaml that are written, from the
# types of https://github.com/kubernetes-sigs/lws, api/leaderworkerset/v1. The Pod templates are
# validated as those of a PodTemplate.
_LEADER_WORKER_SET = _kind(
    "leaderworkerset.x-k8s.io/v1",
    "LeaderWorkerSet",
    _fields(
        "leaderWorkerTemplate",
        replicas=_COUNT,
        startupPolicy={"enum": ["LeaderCreated", "LeaderReady"]},
        networkConfig=_fields(
            "subdomainPolicy", subdomainPolicy={"enum": ["Shared", "UniquePerReplica"]}
        ),
        rolloutStrategy=_fields(
            "type",
            type={"const": "RollingUpdate"},
            rollingUpdateConfiguration=_fields(
                partition=_COUNT, maxUnavailable=_COUNT_OR_SHARE, maxSurge=_COUNT_OR_SHARE
            ),
        ),
        leaderWorkerTemplate=_fields(
            "workerTemplate",
            size={"type": "integer", "minimum": 1},
            restartPolicy={
                "enum": ["Default", "RecreateGroupOnPodRestart", "RecreateGroupAfterStart", "None"]
            },
            leaderTemplate={"type": "object"},
            workerTemplate={"type": "object"},
        ),
    ),
)
# The fields that are written of the types in apis/v1 of
# https://github.com/kubernetes-sigs/secrets-store-csi-driver.
_SECRET_PROVIDER_CLASS = _kind(
    "secrets-store.csi.x-k8s.io/v1",
    "SecretProviderClass",
    _fields(
        provider={"type": "string"},
        parameters={"type": "object", "additionalProperties": {"type": "string"}},
    ),
)
_OTHER_KINDS = {
    each["properties"]["kind"]["const"]: each
    for each in (_PROVISIONING_REQUEST, _LEADER_WORKER_SET, _SECRET_PROVIDER_CLASS)
}


def validate(item: Any, version: str) -> None:
    """Raise if the object has an unknown field or a wrong value."""
    if item["kind"] not in _OTHER_KINDS:
        kubernetes_validate.validate(item, version, strict=True)
        return
    jsonschema.validate(item, _OTHER_KINDS[item["kind"]])
    if item["kind"] == "LeaderWorkerSet":
        group = item["spec"]["leaderWorkerTemplate"]
        for name in ("leaderTemplate", "workerTemplate"):
            template = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "x"}}
            validate({**template, "template": group[name]}, version)
