"""The rule of ports: a server must listen on the port that probes and Services use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import also, rule
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.plain import at, mapping, mappings
from ira_manifests.rules.view.pods import Container, PodTemplate
from ira_manifests.rules.view.rendered import View
from ira_manifests.rules.view.servers import Server

_DEFAULT_PORT = "8000"
_PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
_CLOSED = {
    "--uds": "the server listens on a Unix socket and on no port",
    "--headless": "the server runs workers and no API",
    "--grpc": "the server accepts gRPC and not HTTP",
    "--ssl-certfile": "the server accepts only HTTPS",
    "--ssl-keyfile": "the server accepts only HTTPS",
}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@rule("IRA035", "no-such-port", Severity.ERROR, DIRECTORY)
def no_such_port(view: View) -> Iterator[Finding]:
    """A probe, Service, pool or monitor uses a port at which no server listens.

    A probe, a Service, an InferencePool, a PodMonitoring or a PodMonitor names a port that no
    container of the Pods has, or the server does not listen there: `--port`, `--host` with a
    loopback address, `--uds`, `--headless`, `--grpc`, TLS without probes of HTTPS. The probe fails
    until the kubelet kills a healthy server, or every request to the Service is refused while all
    Pods look ready, or no metrics are collected. The workers of a LeaderWorkerSet have no API.
    """
    for server in view.servers:
        if server.container.template.path != lws.WORKER:
            yield from _closed(view, server)
    for container in view.containers:
        yield from _probe_ports(view, container)
    yield from _target_ports(view)
    yield from _ports_of_companions(view)


@also("IRA035", DIRECTORY, Needs.OBJECTS)
def unanswered_port(view: View) -> Iterator[Finding]:
    """A probe or a Service of another author uses a port at which the server does not listen.

    A number needs no entry among a container's ports, so it is compared with the server's own; a
    name needs one.
    """
    for server in () if view.own else view.servers:
        if server.container.template.path != lws.WORKER:
            yield from _unanswered(view, server)


def _unanswered(view: View, server: Server) -> Iterator[Finding]:
    container, own = server.container, server.settings.get("--port", _DEFAULT_PORT)
    named = {port["name"] for port in container.ports if port.get("name") is not None}
    closed = {option for option, _ in _reasons(server)} - {"--port"}
    if not own.isdecimal() or closed:
        return
    for probe in _PROBES:
        for how in ("httpGet", "tcpSocket"):
            port = at(container.body, probe, how, "port")
            wrong = str(port) != own if isinstance(port, int) else port not in named
            if port is not None and wrong:
                message = f"the probe targets port {port}, and the server listens at {own}"
                hint = "the probe always fails: use the port on which the server listens"
                path = (*container.path, probe, how, "port")
                yield view.finding(container.file, path, message, hint)


def _closed(view: View, server: Server) -> Iterator[Finding]:
    """Yield the options that keep probes and Services from reaching the server."""
    for option, reason in _reasons(server):
        message = f"{option}: {reason}, so the probes fail"
        hint = "remove it, or change the probes and the Service too"
        yield view.finding(server.file, server.place_of(option), message, hint)


def _reasons(server: Server) -> Iterator[tuple[str, str]]:
    given, container = server.settings, server.container
    for option, reason in _CLOSED.items():
        expected = option.startswith("--ssl") and _probes_https(container)
        if given.get(option, "false") not in ("false", "") and not expected:
            yield option, reason
    ports = {str(port.get("containerPort")) for port in container.ports}
    port = given.get("--port", "")
    if port.isdecimal() and ports and port not in ports:
        yield "--port", f"the server listens at {port}, the Pod has {', '.join(ports)}"
    if given.get("--host") in _LOOPBACK:
        yield "--host", f"the server listens only at {given['--host']}, inside the Pod"


def _probes_https(container: Container) -> bool:
    probes = [mapping(container.body.get(name)) for name in _PROBES]
    schemes = [at(probe, "httpGet", "scheme") for probe in probes if probe]
    return bool(schemes) and all(scheme == "HTTPS" for scheme in schemes)


def _probe_ports(view: View, container: Container) -> Iterator[Finding]:
    known = _ports(container.template)
    for probe in _PROBES:
        for how in ("httpGet", "tcpSocket", "grpc"):
            port = at(container.body, probe, how, "port")
            if port is not None and port not in known:
                message = f"the probe targets port {port}, and the Pod has {_listed(known)}"
                hint = "the probe always fails: use the port on which the server listens"
                yield view.finding(
                    container.file, (*container.path, probe, how, "port"), message, hint
                )


def _target_ports(view: View) -> Iterator[Finding]:
    for service in view.of_kind("Service"):
        selector = mapping(service.spec.get("selector"))
        selected = [each for each in view.workloads if selector.items() <= each.labels.items()]
        known = [port for each in selected for port in _ports(each)]
        for index, port in enumerate(mappings(service.spec.get("ports"))):
            target = port.get("targetPort", port.get("port"))
            if selected and target not in known:
                message = f"the Service targets port {target}, and the Pods have {_listed(known)}"
                hint = "every request fails: use a port of the Pods"
                path = ("spec", "ports", index, "targetPort")
                yield view.finding(service.file, path, message, hint)


# The list of ports in each kind that selects Pods, and the keys of a port there.
_COMPANIONS = {
    "InferencePool": ("targetPorts", ("number",)),
    "PodMonitoring": ("endpoints", ("port",)),
    "PodMonitor": ("podMetricsEndpoints", ("port", "portNumber")),
}


def _ports_of_companions(view: View) -> Iterator[Finding]:
    for item in view.of_kind(*_COMPANIONS):
        listed, keys = _COMPANIONS[item.kind]
        selectors = [each for each in view.selectors if each.file == item.file]
        selected = [
            each for each in view.workloads if any(one.matches(each.labels) for one in selectors)
        ]
        known = [port for each in selected for port in _ports(each)]
        for index, entry in enumerate(mappings(item.spec.get(listed))):
            for key in keys:
                if selected and key in entry and entry[key] not in known:
                    message = f"the {item.kind} uses port {entry[key]}, and the Pods have "
                    hint = "nothing answers there: use a port of the Pods"
                    path = ("spec", listed, index, key)
                    yield view.finding(item.file, path, message + _listed(known), hint)


def _ports(template: PodTemplate) -> list[object]:
    """Return the numbers and names of the ports of a Pod's containers."""
    return [
        port[key]
        for container in template.containers
        for port in container.ports
        for key in ("containerPort", "name")
        if port.get(key) is not None
    ]


def _listed(known: Iterable[object]) -> str:
    return ", ".join(sorted({str(port) for port in known})) or "no port"
