"""Rules of the server's arguments in rendered containers."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.kubernetes import labels, names
from ira_manifests.output.directory import Directory
from ira_manifests.rules import pods, server
from ira_manifests.rules.flags import CRASH_LOOP, READ_THEM_YOURSELF
from ira_manifests.rules.hit import Hit
from ira_manifests.rules.pods import mapping
from ira_manifests.rules.server import Server
from ira_manifests.vllm import UnknownReleaseError, flag_problems

_CLOSED = {
    "--uds": "the server listens on a Unix socket and on no port",
    "--headless": "the server runs workers and no API",
    "--grpc": "the server speaks gRPC and no HTTP",
    "--ssl-certfile": "the server speaks HTTPS alone",
    "--ssl-keyfile": "the server speaks HTTPS alone",
}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


def check(directory: Directory) -> Iterator[Hit]:
    """Yield what the rules find in the arguments of a directory's servers."""
    for started in server.started(directory):
        pinned = names.check_pinned_image(str(started.container.get("image"))) is None
        yield from _flags(started, pinned=pinned)
        yield from _parallel(started)
        yield from _unreachable(started)


def _flags(started: Server, *, pinned: bool) -> Iterator[Hit]:
    file, image = started.template.file, (*started.path, "image")
    if not started.version and not pinned:
        return  # another rule says so
    if not started.version:
        message = "nothing names the release of the image: the flags are not judged"
        hint = (
            "write the tag beside the digest, vllm/vllm-openai:v0.26.0@sha256:…, or the release "
            f"into the object's label {labels.VERSION}"
        )
        yield Hit("IRA032", file, image, message, hint)
        return
    try:
        refused = flag_problems(started.words, started.version, serve=started.serve)
    except UnknownReleaseError as error:
        yield Hit("IRA032", file, image, f"{error}", READ_THEM_YOURSELF)
        return
    for flag in refused:
        place = started.places[flag.index]
        yield Hit("IRA010", file, place, flag.message, CRASH_LOOP)


def _size(started: Server, name: str) -> int:
    text = started.settings.get(name)
    return int(text) if text is not None and text.isdecimal() else 1


def _parallel(started: Server) -> Iterator[Hit]:
    tensor = _size(started, "--tensor-parallel-size")
    pipeline = _size(started, "--pipeline-parallel-size")
    data = _size(started, "--data-parallel-size")
    gpus = pods.gpus(started.container)
    if gpus != tensor * pipeline * data:
        message = f"{gpus} GPUs for tensor parallel {tensor} × pipeline parallel {pipeline}"
        message += f" × data parallel {data}" if data > 1 else ""
        hint = "the server starts one process for each GPU that it is told of: make them agree"
        place = (*started.path, "resources", "limits", labels.GPU)
        yield Hit("IRA011", started.template.file, place, message, hint)


def _unreachable(started: Server) -> Iterator[Hit]:
    """Yield the options with which no probe and no Service reaches the server."""
    given = started.settings
    reasons = [
        (option, reason)
        for option, reason in _CLOSED.items()
        if given.get(option, "false") not in ("false", "")
        and not (option.startswith("--ssl") and _probes_https(started))
    ]
    ports = {str(port.get("containerPort")) for port in started.container.get("ports") or ()}
    port = given.get("--port", "")
    if port.isdecimal() and ports and port not in ports:
        reasons.append(("--port", f"the server listens at {port}, the Pod has {', '.join(ports)}"))
    if given.get("--host") in _LOOPBACK:
        reasons.append(("--host", f"the server listens at {given['--host']} inside the Pod alone"))
    for option, reason in reasons:
        message = f"{option}: {reason}, so the probes fail"
        hint = "leave it out, or change the probes and the Service as well"
        yield Hit("IRA035", started.template.file, started.place_of(option), message, hint)


def _probes_https(started: Server) -> bool:
    probes = (
        started.container.get(f"{name}Probe") for name in ("startup", "readiness", "liveness")
    )
    schemes = [mapping(mapping(probe).get("httpGet")).get("scheme") for probe in probes if probe]
    return bool(schemes) and set(schemes) == {"HTTPS"}
