"""The requests of GKE's own Pods on a GPU node of the base platform.

No page of GKE lists them. The rows are from published nodes and manifests; one row assumes the
requests that are unpublished. The base platform decides which Pods there are
(GoogleCloudPlatform/accelerated-platforms, `container_cluster.tf`): Dataplane V2, Workload
Identity, Cloud Logging, managed Prometheus with DCGM, and the drivers of disks, Filestore and
Cloud Storage FUSE. Further add-ons ask for more.
"""

from __future__ import annotations

from typing import NamedTuple

_MIB = 1 << 20
_MB = 1000**2


class _Pod(NamedTuple):
    """A Pod on every node: its requests in thousandths of a core and in bytes."""

    name: str
    millicpus: int
    memory: int


# CPU: https://github.com/mubarak4you/my-app, a listing of the DaemonSets of a cluster.
# Memory: "node" is https://github.com/cryptnono/cryptnono/issues/34, a node of GKE 1.29.
_PODS = (
    _Pod("fluentbit-gke", 105, 230 * _MIB),  # node
    _Pod("gke-metadata-server", 100, 100 * _MIB),  # node
    # https://github.com/2i2c-org/infrastructure, daemonset_requests.yaml
    _Pod("gke-metrics-agent", 19, 100 * _MIB),
    # https://github.com/GoogleCloudPlatform/gcs-fuse-csi-driver, deploy/base/node/node.yaml
    _Pod("gcsfusecsi-node", 15, 20 * _MIB),
    # https://github.com/GoogleCloudPlatform/container-engine-accelerators, device-plugin.yaml
    _Pod("nvidia-gpu-device-plugin", 55, 100 * _MIB),
    # https://github.com/GoogleCloudPlatform/prometheus-engine, manifests/operator.yaml
    _Pod("collector", 5, 36 * _MB),
    _Pod("anetd", 205, 0),
    _Pod("dcgm-exporter", 100, 0),
    _Pod("filestore-node", 25, 0),
    _Pod("pdcsi-node", 10, 0),
    _Pod("netd", 8, 0),
    # The unpublished memory of the five above: the rest of 1 GiB.
    _Pod("assumed", 0, 474 * _MIB - 36 * _MB),
)

MILLICPUS = sum(pod.millicpus for pod in _PODS)
"""Thousandths of a core: 647."""

MEMORY = sum(pod.memory for pod in _PODS)
"""Bytes: 1 GiB."""
