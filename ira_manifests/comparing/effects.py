"""What happens on a cluster when a field of an object changes: one table, with its sources.

A field that the table does not name changes in place: the API server takes it, and no Pod restarts.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

from ira_manifests.comparing.fields import Difference, Path
from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.kubernetes.quantities import quantity


class Effect(IntEnum):
    """What a change does; of several, an object has the greatest."""

    IN_PLACE = 1
    """The object changes, and no Pod restarts."""
    REMOVED = 2
    """The object is in the output no longer."""
    NEW = 3
    """The object is new."""
    REPLACED = 4
    """Its name ends in a hash of its content: a new object takes its place."""
    ROLLS = 5
    """Its Pods are replaced."""
    IMMUTABLE = 6
    """The API server refuses the change: the object has to be deleted first."""

    @property
    def word(self) -> str:
        """The effect as JSON has it, such as "in_place"."""
        return self.name.lower()


class Row(NamedTuple):
    """A field, what a change of it or below it does, and where that is written."""

    kind: str
    field: str
    effect: Effect
    source: str


_KUBERNETES = "https://github.com/kubernetes/kubernetes/blob/v1.36.3/pkg/apis"
_DEPLOYMENT = f"{_KUBERNETES}/apps/validation/validation.go"  # ValidateDeploymentUpdate
_ROLLOUT = (
    "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#updating-a-deployment"
)
_JOB = f"{_KUBERNETES}/batch/validation/validation.go"  # ValidateJobSpecUpdate
_CORE = f"{_KUBERNETES}/core/validation/validation.go"
_REQUEST = (
    "https://github.com/kubernetes/autoscaler/blob/master/cluster-autoscaler/apis/"
    "provisioningrequest/autoscaling.x-k8s.io/v1/types.go"
)
_LWS = "https://github.com/kubernetes-sigs/lws/blob/v0.9.0/pkg"
_LWS_REVISION = f"{_LWS}/utils/revision/revision_utils.go"
_LWS_WEBHOOK = f"{_LWS}/webhooks/leaderworkerset_webhook.go"  # ValidateUpdate

_JOB_FIELDS = (
    "backoffLimitPerIndex", "completionMode", "completions", "managedBy", "podFailurePolicy",
    "selector", "successPolicy", "template",
)  # fmt: skip

STORAGE = "spec.resources.requests.storage"
"""The size of a claim, which can grow alone: ValidatePersistentVolumeClaimUpdate."""

TABLE = (
    Row("Deployment", "spec.selector", Effect.IMMUTABLE, _DEPLOYMENT),
    Row("Deployment", "spec.template", Effect.ROLLS, _ROLLOUT),
    *(Row("Job", f"spec.{field}", Effect.IMMUTABLE, _JOB) for field in _JOB_FIELDS),
    Row(lws.KIND, "spec.leaderWorkerTemplate", Effect.ROLLS, _LWS_REVISION),
    Row(lws.KIND, "spec.leaderWorkerTemplate.subGroupPolicy", Effect.IMMUTABLE, _LWS_WEBHOOK),
    Row(lws.KIND, "spec.networkConfig", Effect.ROLLS, _LWS_REVISION),
    # A claim's spec: all but its size and its class of attributes.
    Row("PersistentVolumeClaim", "spec", Effect.IMMUTABLE, _CORE),
    Row("PersistentVolumeClaim", "spec.volumeAttributesClassName", Effect.IN_PLACE, _CORE),
    Row("ProvisioningRequest", "spec", Effect.IMMUTABLE, _REQUEST),
    # The first of a Service's addresses: validateUpgradeDowngradeClusterIPs.
    Row("Service", "spec.clusterIP", Effect.IMMUTABLE, _CORE),
)


def effect_of(kind: str, difference: Difference) -> Effect:
    """Return what a change of a field does: that of the innermost row around the field."""
    if kind == "PersistentVolumeClaim" and ".".join(difference.path) == STORAGE:
        return Effect.IN_PLACE if _grows(difference) else Effect.IMMUTABLE
    found = [row for row in TABLE if row.kind == kind and _covers(row, difference.path)]
    return max(found, key=lambda row: len(row.field)).effect if found else Effect.IN_PLACE


def _covers(row: Row, path: Path) -> bool:
    steps = tuple(row.field.split("."))
    return path[: len(steps)] == steps


def _grows(difference: Difference) -> bool:
    try:
        return quantity(str(difference.new)) > quantity(str(difference.old))
    except ValueError:
        return False
