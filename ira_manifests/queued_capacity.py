"""What GKE and the cluster autoscaler expect of Pods that wait for queued capacity.

https://cloud.google.com/kubernetes-engine/docs/how-to/provisioningrequest and the
ProvisioningRequest API of https://github.com/kubernetes/autoscaler, cluster-autoscaler/apis.
"""

from __future__ import annotations

from collections.abc import Mapping

API_VERSION = "autoscaling.x-k8s.io/v1"

# Annotations of the Pods, never of what makes them.
PREFIX = "autoscaling.x-k8s.io/"
DEPRECATED_PREFIX = "cluster-autoscaler.kubernetes.io/"
CONSUME = PREFIX + "consume-provisioning-request"
CLASS = PREFIX + "provisioning-class-name"

SHORTEST_RUN, LONGEST_RUN = 600, 604800
"""Seconds that `maxRunDurationSeconds` may have."""

COMPUTE_CLASS = "cloud.google.com/compute-class"
_EXCLUDED = {
    COMPUTE_CLASS: "ordinary pools of a compute class never scale up for it",
    "cloud.google.com/gke-spot": "queued capacity is never Spot",
    "cloud.google.com/reservation-name": "queued capacity is never reserved",
    "cloud.google.com/gke-max-run-duration-seconds": "the request sets the run's duration",
}


def excluded(node_selector: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of a node selector that queued capacity never matches, each with why."""
    return {key: _EXCLUDED[key] for key in node_selector if key in _EXCLUDED}
