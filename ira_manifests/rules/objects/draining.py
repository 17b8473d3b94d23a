"""The rule of servers that must finish running requests before they stop."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import also, rule
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.plain import Json, at, mapping, sequence
from ira_manifests.rules.view.rendered import View
from ira_manifests.rules.view.servers import Server
from ira_manifests.vllm import draining

_SLEEP = re.compile(r"(?:.*/)?sleep (\d{1,9})s?")


@rule("IRA042", "requests-cut-off", Severity.WARNING, DIRECTORY, Needs.OBJECTS)
def requests_cut_off(view: View) -> Iterator[Finding]:
    """A server ends before its requests do.

    A server that is to end can't finish the requests that it has. The pinned release of vLLM has no
    `--shutdown-timeout` (before 0.18.0), so `engine.drain_seconds` can't be kept and it aborts them
    at SIGTERM; or the Pod is killed before `preStop` and the timeout are over; or nothing sleeps in
    `preStop`, and the requests that Services still send to the Pod for some seconds are refused.
    Clients see broken connections at every rollout and eviction. The workers of a LeaderWorkerSet
    get no requests of clients. In trees of other authors, a longer grace period without a `preStop`
    and without the option is reported as well: nothing waits in it.
    """
    for server in view.servers:
        if server.container.template.path != lws.WORKER:
            yield from _grace(view, server)


def _grace(view: View, server: Server) -> Iterator[Finding]:
    container, template = server.container, server.container.template
    lifecycle = mapping(container.body.get("lifecycle"))
    timeout = _number(server.settings.get(draining.OPTION))
    sleep = _sleep(mapping(lifecycle.get("preStop")))
    grace = template.spec.get("terminationGracePeriodSeconds", draining.DEFAULT_GRACE)
    if (timeout or sleep) and isinstance(grace, int) and grace <= timeout + (sleep or 0):
        message = f"the Pod is killed {grace} seconds after its deletion, before {sleep or 0} "
        message += f"of preStop and {timeout} of {draining.OPTION} are over"
        hint = f"set {timeout + (sleep or 0) + draining.TEARDOWN}: the engine needs time to end"
        place = (*template.path, "spec", "terminationGracePeriodSeconds")
        yield view.finding(template.file, place, message, hint)
    if timeout and "preStop" not in lifecycle:
        message = "at SIGTERM the server refuses requests, which still arrive for some seconds"
        hint = f"sleep in preStop until proxies drop the Pod, such as {draining.LEAVING} seconds"
        yield view.finding(template.file, container.path, message, hint)


@also("IRA042", DIRECTORY, Needs.OBJECTS)
def grace_without_drain(view: View) -> Iterator[Finding]:
    """A longer grace period alone drains nothing: the server does not use it."""
    for server in () if view.own else view.servers:
        template = server.container.template
        grace = template.spec.get("terminationGracePeriodSeconds")
        waits = draining.OPTION in server.settings or any(
            "preStop" in mapping(each.body.get("lifecycle")) for each in template.containers
        )
        if isinstance(grace, int) and grace > draining.DEFAULT_GRACE and not waits:
            message = f"{grace} seconds of grace drain nothing: at SIGTERM the server aborts its "
            message += "requests at once"
            hint = f"sleep in preStop, and set {draining.OPTION}, from vLLM "
            hint += f"{draining.first_that_waits()} on"
            place = (*template.path, "spec", "terminationGracePeriodSeconds")
            yield view.finding(template.file, place, message, hint)


def _number(text: str | None) -> int:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,9}", text) else 0


def _sleep(pre_stop: Json) -> int | None:
    """Return the seconds that a preStop hook sleeps; None for any other hook."""
    native = at(pre_stop, "sleep", "seconds")
    if isinstance(native, int):
        return native
    words = [str(word) for word in sequence(at(pre_stop, "exec", "command"))]
    if words[1:2] == ["-c"]:
        words = words[2:]
    match = _SLEEP.fullmatch(" ".join(words).strip())
    return int(match[1]) if match else None
