"""The table of what changes of fields do: the API server refuses what it calls immutable."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from ira_manifests.comparing.effects import STORAGE, TABLE, Effect, effect_of
from ira_manifests.comparing.fields import differences
from testing.objects import Json
from tests.cluster.controlplane import ControlPlane
from tests.cluster.kubectl import KubectlError
from tests.cluster.namespace import Namespace, namespace_on

POD: Json = {
    "metadata": {"labels": {"app": "a", "b": "c"}},
    "spec": {"containers": [{"name": "main", "image": "simulated:1"}]},
}
OTHER_POD: Json = {
    **POD, "spec": {"containers": [{"name": "main", "image": "simulated:2"}]},
}  # fmt: skip
SELECTOR = {"matchLabels": {"app": "a"}}
FAILURE = {"rules": [{"action": "FailJob", "onExitCodes": {"operator": "In", "values": [1]}}]}
SUCCESS = {"rules": [{"succeededIndexes": "0"}]}
INDEXED = {"completions": 2, "parallelism": 2, "completionMode": "Indexed"}


def _of(api_version: str, kind: str, spec: Json) -> Json:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "one"}, "spec": spec}


def _job(**fields: Any) -> Json:
    pod = {**POD, "spec": {**POD["spec"], "restartPolicy": "Never"}}
    return _of("batch/v1", "Job", {"suspend": True, "template": pod, **fields})


DEPLOYMENT = _of("apps/v1", "Deployment", {"replicas": 0, "selector": SELECTOR, "template": POD})
CLAIM = _of(
    "v1",
    "PersistentVolumeClaim",
    {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "premium-rwo",
        "resources": {"requests": {"storage": "2Ti"}},
        "volumeAttributesClassName": "slow",
    },
)
REQUEST = _of(
    "autoscaling.x-k8s.io/v1",
    "ProvisioningRequest",
    {
        "provisioningClassName": "queued-provisioning.gke.io",
        "podSets": [{"count": 1, "podTemplateRef": {"name": "a"}}],
    },
)
SERVICE = _of("v1", "Service", {"selector": {"app": "a"}, "ports": [{"port": 80}]})
GROUP = _of(
    "leaderworkerset.x-k8s.io/v1",
    "LeaderWorkerSet",
    {
        "replicas": 0,
        "networkConfig": {"subdomainPolicy": "Shared"},
        "leaderWorkerTemplate": {"size": 4, "workerTemplate": POD},
    },
)

# Of each row: an object, and the value that the field gets.
CASES: dict[tuple[str, str], tuple[Json, Any]] = {
    ("Deployment", "spec.selector"): (DEPLOYMENT, {"matchLabels": {"app": "a", "b": "c"}}),
    ("Deployment", "spec.template"): (DEPLOYMENT, OTHER_POD),
    ("Job", "spec.backoffLimitPerIndex"): (_job(**INDEXED, backoffLimitPerIndex=1), 2),
    ("Job", "spec.completionMode"): (_job(**INDEXED), "NonIndexed"),
    ("Job", "spec.completions"): (_job(completions=1), 2),
    ("Job", "spec.managedBy"): (_job(), "example.com/other"),
    ("Job", "spec.podFailurePolicy"): (_job(), FAILURE),
    ("Job", "spec.selector"): (
        _job(manualSelector=True, selector=SELECTOR), {"matchLabels": {"app": "a", "b": "c"}},
    ),
    ("Job", "spec.successPolicy"): (_job(**INDEXED), SUCCESS),
    ("Job", "spec.template"): (
        _job(), {**OTHER_POD, "spec": {**OTHER_POD["spec"], "restartPolicy": "Never"}},
    ),
    ("LeaderWorkerSet", "spec.leaderWorkerTemplate"): (
        GROUP, {"size": 4, "workerTemplate": OTHER_POD},
    ),
    ("LeaderWorkerSet", "spec.leaderWorkerTemplate.subGroupPolicy"): (GROUP, {"subGroupSize": 2}),
    ("LeaderWorkerSet", "spec.networkConfig"): (GROUP, {"subdomainPolicy": "UniquePerReplica"}),
    ("PersistentVolumeClaim", "spec"): (
        CLAIM, {**CLAIM["spec"], "accessModes": ["ReadWriteMany"]},
    ),
    ("PersistentVolumeClaim", "spec.volumeAttributesClassName"): (CLAIM, "fast"),
    ("ProvisioningRequest", "spec"): (
        REQUEST, {**REQUEST["spec"], "podSets": [{"count": 2, "podTemplateRef": {"name": "a"}}]},
    ),
    ("Service", "spec.clusterIP"): (SERVICE, "None"),
}  # fmt: skip
_REFUSED = r"immutable|Forbidden|may not change once set|cannot enable subGroupSize"
# Tried nowhere: the miniature has no VolumeAttributesClass.
_OF_BOUND_CLAIMS = ("PersistentVolumeClaim", "spec.volumeAttributesClassName")


def with_value(item: Json, field: str, value: Any) -> Json:
    changed = copy.deepcopy(item)
    *above, last = field.split(".")
    at = changed
    for step in above:
        at = at[step]
    at[last] = value
    return changed


def applied(namespace: Namespace, item: Json) -> None:
    namespace.kubectl("apply", "--server-side", "--filename", "-", stdin=json.dumps(item))


def test_each_row_is_tried() -> None:
    assert CASES.keys() == {(row.kind, row.field) for row in TABLE}


@pytest.mark.parametrize("key", [key for key in CASES if key != _OF_BOUND_CLAIMS], ids=":".join)
def test_the_api_server_does_as_the_table_says(
    with_lws: ControlPlane, key: tuple[str, str]
) -> None:
    kind, field = key
    old, value = CASES[key]
    new = with_value(old, field, value)
    found = {effect_of(kind, each) for each in differences(old, new)}
    with namespace_on(with_lws, "baseline") as namespace:
        applied(namespace, old)
        if found == {Effect.IMMUTABLE}:
            with pytest.raises(KubectlError, match=_REFUSED):
                applied(namespace, new)
            namespace.kubectl("delete", f"{kind.lower()}/one")
        applied(namespace, new)


def test_a_claim_can_not_shrink(namespace: Namespace) -> None:
    smaller = with_value(CLAIM, STORAGE, "1Ti")
    (found,) = differences(CLAIM, smaller)
    assert effect_of("PersistentVolumeClaim", found) is Effect.IMMUTABLE

    applied(namespace, CLAIM)

    with pytest.raises(KubectlError, match=_REFUSED):
        applied(namespace, smaller)


def test_a_change_in_place_restarts_no_pod_and_one_of_the_template_does(
    namespace: Namespace,
) -> None:
    served = with_value(DEPLOYMENT, "spec.replicas", 1)
    applied(namespace, served)
    assert len(namespace.items("replicasets")) == 1

    applied(namespace, with_value(served, "spec.progressDeadlineSeconds", 700))
    assert namespace.get("deployments", "one")["metadata"]["generation"] == 2
    namespace.kubectl("rollout", "status", "deployment/one", "--watch=false")
    assert len(namespace.items("replicasets")) == 1

    applied(namespace, with_value(served, "spec.template", OTHER_POD))
    namespace.kubectl(
        "wait", "deployment/one", "--for=jsonpath={.status.observedGeneration}=3", "--timeout=60s"
    )
    assert len(namespace.items("replicasets")) == 2
