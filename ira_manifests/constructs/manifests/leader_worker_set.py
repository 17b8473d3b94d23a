"""The LeaderWorkerSet of a cell of several nodes, and the sources of its fields.

It has what the Deployment of one node has; a group of Pods, one on each node, takes the place of
each Pod. The first Pod of a group, its leader, has the server's API; the others have workers alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import replace

from ira_manifests.constructs.manifests import inference_server
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, source
from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.profiles.cell import Cell
from ira_manifests.vllm import multiple_nodes

LEADS = {lws.INDEX_LABEL: lws.LEADER_INDEX}
"""What the labels of a leader's Pod have beyond those of the group's other Pods."""

_RESTART = "RecreateGroupOnPodRestart"


def of_deployment(cell: Cell, deployment: Json) -> Json:
    """Return the LeaderWorkerSet in place of a Deployment."""
    spec = deployment["spec"]
    leader = spec["template"]
    template = {
        "size": cell.profile.nodes,
        # The workers' process groups don't survive a lost member: all start anew.
        "restartPolicy": _RESTART,
        "leaderTemplate": leader,
        "workerTemplate": _worker(leader),
    }
    replicas = {"replicas": spec["replicas"]} if "replicas" in spec else {}
    rolling = {"maxUnavailable": 1, "maxSurge": 0}
    return {
        "apiVersion": lws.API_VERSION,
        "kind": lws.KIND,
        "metadata": deployment["metadata"],
        "spec": {
            **replicas,
            # The leader is ready only with its workers, so these can't wait for it.
            "startupPolicy": "LeaderCreated",
            # The controller makes a headless Service for the leader's address. A shared one would
            # have the workload's name, and the workload's own Service is not headless.
            "networkConfig": {"subdomainPolicy": lws.UNIQUE_SUBDOMAINS},
            "rolloutStrategy": {
                "type": "RollingUpdate",
                "rollingUpdateConfiguration": rolling,
            },
            "leaderWorkerTemplate": template,
        },
    }


def _worker(leader: Json) -> Json:
    worker = deepcopy(leader)
    containers = worker["spec"]["containers"]
    worker["spec"]["containers"] = [
        inference_server.worker(each) if each["name"] == inference_server.NAME else each
        for each in containers
    ]
    return worker


_TEMPLATE = "Deployment spec.template"
_LEADER, _WORKER = (f"{lws.KIND} {'.'.join(path)}" for path in (lws.LEADER, lws.WORKER))
_ONLY_LEADER = ("ports", "startupProbe", "readinessProbe", "livenessProbe", "lifecycle")
_ONLY_DEPLOYMENT = tuple(
    f"Deployment spec.{field}"
    for field in ("selector", "strategy", "progressDeadlineSeconds", "minReadySeconds")
)
_RANKS = "the construct: the controller's variables, $(NAME) expanded"


def sources(rows: Sequence[Source]) -> list[Source]:
    """Return the source of each field. `rows`: those of the Deployment and its other objects."""
    return [*moved(rows), *_own()]


def moved(rows: Sequence[Source]) -> list[Source]:
    """Return rows of a Deployment as those of the LeaderWorkerSet in its place."""
    found = []
    for row in rows:
        fields = tuple(new for field in row.fields for new in _fields(field))
        copied = next(_fields(row.copied), "") if row.copied else ""
        if fields:
            found.append(replace(row, fields=fields, copied=copied))
    return found


def _fields(field: str) -> Iterator[str]:
    if field.startswith(_ONLY_DEPLOYMENT):
        return
    if field.startswith(_TEMPLATE):
        inner = field.removeprefix(_TEMPLATE)
        yield _LEADER + inner
        server = f"[{inference_server.NAME}]."
        if inner.partition(server)[2].partition(".")[0] not in _ONLY_LEADER:
            yield _WORKER + inner
    elif field.startswith("Deployment "):
        yield f"{lws.KIND} {field.removeprefix('Deployment ')}"
    else:
        yield field


def _own() -> list[Source]:
    template = f"{lws.KIND} spec.leaderWorkerTemplate"
    leader, worker = (
        f"{each}.spec.containers[{inference_server.NAME}].args" for each in (_LEADER, _WORKER)
    )
    options = (multiple_nodes.NODES, multiple_nodes.RANK, multiple_nodes.ADDRESS)
    return [
        source("@cell.nodes", f"{template}.size", name="nodes"),
        source("the construct: a server that lost a node starts anew",
               f"{template}.restartPolicy"),
        source("the construct: the leader is ready only with its workers",
               f"{lws.KIND} spec.startupPolicy"),
        source("the construct: the addresses of the leaders are not those of the Service",
               f"{lws.KIND} spec.networkConfig"),
        source("the construct: a rollout frees the GPUs of an old group for each new one",
               f"{lws.KIND} spec.rolloutStrategy"),
        source(_RANKS, *(f"{args}[{name}]" for args in (leader, worker) for name in options)),
        source("the construct: a worker has no API", f"{worker}[{multiple_nodes.HEADLESS}]"),
    ]  # fmt: skip
