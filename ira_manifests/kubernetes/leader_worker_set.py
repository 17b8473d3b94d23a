"""The LeaderWorkerSet API, which runs groups of Pods that serve together.

Source: https://github.com/kubernetes-sigs/lws, api/leaderworkerset/v1/leaderworkerset_types.go.
"""

from __future__ import annotations

GROUP = "leaderworkerset.x-k8s.io"
API_VERSION = f"{GROUP}/v1"
KIND = "LeaderWorkerSet"

NAME_LABEL = "leaderworkerset.sigs.k8s.io/name"
"""Label of each Pod: the name of its LeaderWorkerSet."""
INDEX_LABEL = "leaderworkerset.sigs.k8s.io/worker-index"
"""Label of each Pod: its index in its group, which is 0 for the leader."""
LEADER_INDEX = "0"

ADDRESS = "LWS_LEADER_ADDRESS"
SIZE = "LWS_GROUP_SIZE"
INDEX = "LWS_WORKER_INDEX"
VARIABLES = (ADDRESS, SIZE, INDEX)
"""Variables that the controller adds to each container."""

UNIQUE_SUBDOMAINS = "UniquePerReplica"
"""The subdomain policy by which each group has a headless Service, of its leader's name.

By the other one, all groups have one of the LeaderWorkerSet's name. The controller makes a Service
only if none has the name; it publishes addresses before Pods are ready, so that a leader can wait
for its workers: pkg/utils/controller/controller_utils.go.
"""

LEADER = ("spec", "leaderWorkerTemplate", "leaderTemplate")
WORKER = ("spec", "leaderWorkerTemplate", "workerTemplate")
"""The paths of the Pod templates."""
SIZE_OF_GROUP = ("spec", "leaderWorkerTemplate", "size")
"""The path of the number of Pods in a group."""
