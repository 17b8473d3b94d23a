"""The rule of network policies that shut out who must connect."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.plain import Json, at, mapping, mappings, sequence
from ira_manifests.rules.view.pods import Object, PodTemplate
from ira_manifests.rules.view.rendered import View

# Ranges of health checks alone: the proxies connect from the proxy-only subnet.
_HEALTH_CHECKS = {"130.211.0.0/22", "35.191.0.0/16"}
_MONITORS = ("PodMonitoring", "PodMonitor")


class _Entry(NamedTuple):
    """One rule of a policy: whom it lets in, and to which ports; None: everybody, all ports."""

    peers: list[Json] | None
    ports: list[Json] | None


@rule("IRA053", "client-shut-out", Severity.WARNING, DIRECTORY, Needs.OBJECTS)
def client_shut_out(view: View) -> Iterator[Finding]:
    """A NetworkPolicy shuts out who must reach the server.

    The policies that select the server's Pods let in nobody at all, or no collector although a
    PodMonitoring or PodMonitor of the directory reads their metrics, or no load balancer although
    they are in an InferencePool: requests end in a timeout or with 502, metrics are missing, and
    the Pods look healthy, since the kubelet's probes can't be shut out. Collectors run in another
    namespace, and a load balancer connects from the proxy-only subnet, which no selector matches:
    `gateway.proxy_ranges` names it. Not judged: whether a named peer is the right one, and policies
    outside of the directory, which can let in more clients.
    """
    for workload in view.workloads:
        policies = [each for each in _policies(view) if _selects(view, each, workload)]
        if policies:
            yield from _shut_out(view, policies, workload)


def _policies(view: View) -> list[Object]:
    """Return the policies that limit who connects; without policyTypes, all do."""
    return [
        each
        for each in view.of_kind("NetworkPolicy")
        if each.group == "networking.k8s.io"
        and "Ingress" in sequence(each.spec.get("policyTypes", ["Ingress"]))
    ]


def _selects(view: View, item: Object, workload: PodTemplate) -> bool:
    found = (each for each in view.selectors if each.file == item.file and each.name == item.name)
    return any(each.matches(workload.labels) for each in found)


def _shut_out(view: View, policies: list[Object], workload: PodTemplate) -> Iterator[Finding]:
    entries = [each for policy in policies for each in _entries(policy)]
    first = policies[0]
    if not entries:
        message = f"nobody can connect to {workload.name}"
        hint = "name the clients: network_access.peers in the profile"
        yield view.finding(first.file, ("spec", "ingress"), message, hint)
        return
    for item in view.of_kind(*_MONITORS):
        if _selects(view, item, workload) and not _any(entries, workload, _from_elsewhere):
            message = f"the collector of the {item.kind} {item.name} is not let in"
            hint = "let in the collector's namespace, to the port of the metrics"
            yield view.finding(first.file, ("spec", "ingress"), message, hint)
    for item in view.of_kind("InferencePool"):
        if _selects(view, item, workload) and not _any(entries, workload, _from_proxies):
            message = f"the load balancer of the InferencePool {item.name} is not let in"
            hint = "let in the range of the proxy-only subnet: gateway.proxy_ranges in the profile"
            yield view.finding(first.file, ("spec", "ingress"), message, hint)


def _entries(policy: Object) -> list[_Entry]:
    return [
        _Entry(
            mappings(entry["from"]) or None if "from" in entry else None,
            mappings(entry["ports"]) or None if "ports" in entry else None,
        )
        for entry in mappings(policy.spec.get("ingress"))
    ]


def _any(entries: list[_Entry], workload: PodTemplate, lets_in: Callable[[Json], bool]) -> bool:
    """Return whether an entry for a port of the workload lets somebody in."""
    return any(
        _is_open(entry.ports, workload)
        and (entry.peers is None or any(lets_in(peer) for peer in entry.peers))
        for entry in entries
    )


def _is_open(ports: list[Json] | None, workload: PodTemplate) -> bool:
    """Return whether one of some ports is a port of the workload; ranges are not judged."""
    known = [
        port[key]
        for container in workload.containers
        for port in container.ports
        for key in ("containerPort", "name")
        if port.get(key) is not None
    ]
    return (
        ports is None
        or not known
        or any(
            "endPort" in port or port.get("port") is None or port["port"] in known for port in ports
        )
    )


def _from_elsewhere(peer: Json) -> bool:
    return "namespaceSelector" in peer or "ipBlock" in peer


def _from_proxies(peer: Json) -> bool:
    cidr = at(peer, "ipBlock", "cidr")
    return cidr is not None and mapping(peer.get("ipBlock")) != {} and cidr not in _HEALTH_CHECKS
