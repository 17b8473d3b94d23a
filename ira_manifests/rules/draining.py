"""Rules of servers that are to finish their requests before they end."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ira_manifests.output.directory import Directory
from ira_manifests.rules import server
from ira_manifests.rules.hit import Hit
from ira_manifests.rules.pods import Json, mapping
from ira_manifests.rules.server import Server
from ira_manifests.vllm import draining

_SLEEP = re.compile(r"(?:.*/)?sleep (\d{1,9})s?")


def check(directory: Directory) -> Iterator[Hit]:
    """Yield what cuts the requests of a directory's servers off."""
    for started in server.started(directory):
        yield from _grace(started)


def _grace(started: Server) -> Iterator[Hit]:
    template, lifecycle = started.template, mapping(started.container.get("lifecycle"))
    timeout = _number(started.settings.get(draining.OPTION))
    sleep = _sleep(mapping(lifecycle.get("preStop")))
    grace = template.spec.get("terminationGracePeriodSeconds", draining.DEFAULT_GRACE)
    if (timeout or sleep) and isinstance(grace, int) and grace <= timeout + (sleep or 0):
        message = f"the Pod is killed {grace} seconds after its deletion, before {sleep or 0} "
        message += f"of preStop and {timeout} of {draining.OPTION} are over"
        hint = f"set {timeout + (sleep or 0) + draining.TEARDOWN}: the engine needs time to end"
        place = (*template.path, "spec", "terminationGracePeriodSeconds")
        yield Hit("IRA042", template.file, place, message, hint)
    if timeout and "preStop" not in lifecycle:
        message = "at SIGTERM the server refuses requests, which still come for some seconds"
        hint = f"sleep in preStop until every proxy knows, such as {draining.LEAVING} seconds"
        yield Hit("IRA042", template.file, started.path, message, hint)


def _number(text: str | None) -> int:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,9}", text) else 0


def _sleep(pre_stop: Json) -> int | None:
    """Return the seconds that a preStop hook sleeps; None where it does something else."""
    native = mapping(pre_stop.get("sleep")).get("seconds")
    if isinstance(native, int):
        return native
    words = [str(word) for word in mapping(pre_stop.get("exec")).get("command") or ()]
    if words[1:2] == ["-c"]:
        words = words[2:]
    match = _SLEEP.fullmatch(" ".join(words).strip())
    return int(match[1]) if match else None
