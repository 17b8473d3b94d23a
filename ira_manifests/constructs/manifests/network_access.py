"""The object of `NetworkAccess`, a NetworkPolicy, and the sources of its fields."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ira_manifests.constructs.manifests import inference_gateway
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, source
from ira_manifests.constructs.manifests.workload import Workload, beside, sources_beside
from ira_manifests.kubernetes import labels as keys
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.serving_objects import Gateway, Monitoring, NetworkAccess, Peer

KIND = "NetworkPolicy"

# Where Google's collectors run: GKE's own managed collection, and the one that users install.
# https://cloud.google.com/stackdriver/docs/managed-prometheus/setup-managed
COLLECTORS = ("gke-gmp-system", "gmp-system")
# From where Google's health checks come, besides the proxies' own requests.
# https://cloud.google.com/load-balancing/docs/health-check-concepts#ip-ranges
HEALTH_CHECKS = ("130.211.0.0/22", "35.191.0.0/16")


def objects(
    cell: Cell,
    workload: Workload,
    settings: NetworkAccess,
    monitoring: Monitoring | None,
    gateway: Gateway | None,
) -> dict[str, Json]:
    """Return the object, by its id in the construct.

    `monitoring`, `gateway`: the workload's, whose collectors, proxies and picker are let in.
    The kubelet's probes need no rule: traffic of a Pod's own node is always allowed.
    https://kubernetes.io/docs/concepts/services-networking/network-policies/
    """
    clients = [
        *map(_peer, settings.peers),
        *_collectors(monitoring),
        *_of_gateway(workload, gateway),
    ]
    ports = [{"protocol": "TCP", "port": workload.port}]
    spec = {
        "podSelector": workload.selector,
        "policyTypes": ["Ingress"],
        # An entry without a peer would let in everybody.
        "ingress": [{"from": clients, "ports": ports}] if clients else [],
    }
    made = beside(cell, workload, "networking.k8s.io/v1", KIND, "network-access", spec)
    return {"Default": made}


def _peer(peer: Peer) -> Json:
    if peer.cidr is not None:
        return {"ipBlock": {"cidr": peer.cidr}}
    found: Json = {}
    if peer.namespace is not None:
        found["namespaceSelector"] = {"matchLabels": {keys.NAMESPACE_NAME: peer.namespace}}
    if peer.pods:
        found["podSelector"] = {"matchLabels": dict(peer.pods)}
    return found


def _collectors(monitoring: Monitoring | None) -> Iterator[Json]:
    if monitoring is None:
        return
    operated = monitoring.kind == "prometheus-operator"
    names = (monitoring.collector_namespace,) if operated else COLLECTORS
    yield from (_peer(Peer(namespace=name)) for name in names)


def _of_gateway(workload: Workload, gateway: Gateway | None) -> Iterator[Json]:
    if gateway is None:
        return
    yield _peer(Peer(pods=inference_gateway.picker_pods(workload, gateway)))
    for cidr in (*gateway.proxy_ranges, *HEALTH_CHECKS):
        yield _peer(Peer(cidr=cidr))


_FROM = f"{KIND} spec.ingress[0].from"


def sources(
    cell: Cell, settings: NetworkAccess, monitoring: Monitoring | None, gateway: Gateway | None
) -> list[Source]:
    """Return the source of each field."""
    named = [f"{_FROM}[{n}]" for n in range(len(settings.peers))]
    rows = [source("@settings.network_access", f"{KIND} spec.ingress")]
    if named:
        rows.append(
            source("@settings.network_access.peers", *named, name="network_access.peers",
                   listed=_clients)
        )  # fmt: skip
    at = len(settings.peers)
    for why, others in (
        ("the construct: the collectors of monitoring", [*_collectors(monitoring)]),
        ("the construct: the gateway's picker, proxies and health checks", _through(gateway)),
    ):
        if others:
            rows.append(source(why, *(f"{_FROM}[{at + n}]" for n in range(len(others)))))
        at += len(others)
    return [
        *rows,
        *([source("the construct: the server's port", f"{KIND} spec.ingress[0].ports")]
          if at else ()),
        source("the construct: replies and the bucket need no rule", f"{KIND} spec.policyTypes"),
        *sources_beside(cell, KIND, also=(f"{KIND} spec.podSelector",)),
    ]  # fmt: skip


def _through(gateway: Gateway | None) -> list[str]:
    """Return a name for each peer that a gateway needs, in their order."""
    return [] if gateway is None else ["picker", *gateway.proxy_ranges, *HEALTH_CHECKS]


def _clients(peers: Sequence[Any]) -> str:
    """Return peers as text: namespaces, labels of Pods and ranges."""
    return "; ".join(map(_client, peers))


def _client(peer: Json) -> str:
    if "ipBlock" in peer:
        return str(peer["ipBlock"]["cidr"])
    labels = peer.get("podSelector", {}).get("matchLabels", {})
    pods = ",".join(f"{key}={value}" for key, value in labels.items())
    namespace = peer.get("namespaceSelector", {}).get("matchLabels", {}).get(keys.NAMESPACE_NAME)
    return " in ".join(part for part in (pods or "all Pods", namespace) if part)
