"""Annotations, labels and limits of GKE's queued capacity (ProvisioningRequests).

https://cloud.google.com/kubernetes-engine/docs/how-to/provisioningrequest and the
ProvisioningRequest API of https://github.com/kubernetes/autoscaler, cluster-autoscaler/apis.
"""

from __future__ import annotations

from collections.abc import Mapping

API_VERSION = "autoscaling.x-k8s.io/v1"

# Annotations of the Pods, not of the object that creates them.
PREFIX = "autoscaling.x-k8s.io/"
DEPRECATED_PREFIX = "cluster-autoscaler.kubernetes.io/"
_NAMES = ("consume-provisioning-request", "provisioning-class-name")
CONSUME, CLASS = (PREFIX + name for name in _NAMES)
DEPRECATED = frozenset(DEPRECATED_PREFIX + name for name in _NAMES)
"""The same two annotations with their old prefix, which other annotations still use."""

SHORTEST_RUN, LONGEST_RUN = 600, 604800
"""The largest `maxRunDurationSeconds`, in seconds."""

MAX_PARAMETER = 255
"""The longest value of a parameter, in characters."""

WARDEN_LABEL = "cloud.google.com/apply-warden-policies"
"""Label that GKE requires on PodTemplates, with the value "true"."""

TAINT = "cloud.google.com/gke-queued"
NODE_POOL = "cloud.google.com/gke-nodepool"
ACCELERATOR = "cloud.google.com/gke-accelerator"
FLEX_START = "cloud.google.com/gke-flex-start"
"""Label of flex-start node pools; pools with queued provisioning alone do not have it."""
DRIVER = "cloud.google.com/gke-gpu-driver-version"
"""Label of the GPU driver on nodes that GKE creates: "latest" if a Pod selects it, else default.

https://cloud.google.com/kubernetes-engine/docs/how-to/node-auto-provisioning
"""

COMPUTE_CLASS = "cloud.google.com/compute-class"
_SPOT = "queued capacity is never Spot"
_RESERVED = "queued capacity is never reserved"
_EXCLUDED = {
    COMPUTE_CLASS: "ordinary pools of a compute class never scale up for it",
    "cloud.google.com/gke-spot": _SPOT,
    "cloud.google.com/gke-preemptible": _SPOT,
    "cloud.google.com/reservation-name": _RESERVED,
    "cloud.google.com/gke-max-run-duration-seconds": "the request sets the run's duration",
}
_EXCLUDED_VALUES = {
    ("cloud.google.com/gke-provisioning", "spot"): _SPOT,
    ("cloud.google.com/gke-provisioning", "preemptible"): _SPOT,
    ("cloud.google.com/reservation-affinity", "any"): _RESERVED,
    ("cloud.google.com/reservation-affinity", "specific"): _RESERVED,
}


def excluded(node_selector: Mapping[str, str]) -> dict[str, str]:
    """Return the keys of a node selector that no queued capacity matches, each with the reason."""
    reasons = {
        key: _EXCLUDED.get(key) or _EXCLUDED_VALUES.get((key, value))
        for key, value in node_selector.items()
    }
    return {key: reason for key, reason in reasons.items() if reason}
