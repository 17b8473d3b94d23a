"""The image, the user and the times of a server as fields of the engine."""

from __future__ import annotations

from typing import Any

from ira_manifests.importing.reading import Found
from ira_manifests.importing.sizes import Say
from ira_manifests.lint.models import Library
from ira_manifests.lint.placeholders import has_placeholder
from ira_manifests.profiles.engine import SERVE
from ira_manifests.rules.view.plain import at
from ira_manifests.vllm import images
from ira_manifests.vllm.draining import LEAVING, OPTION, TEARDOWN

_SHORTEST, _LONGEST = 600, 86400


def engine(found: Found, library: Library, say: Say) -> dict[str, Any]:
    """Return the fields of the engine that the server has."""
    return {
        **_image(found, library, say),
        **_command(found),
        **_user(found),
        "startup_seconds": _startup(found, library),
        "drain_seconds": _drain(found),
    }


def _image(found: Found, library: Library, say: Say) -> dict[str, Any]:
    usual = library.platform.engine
    image = found.server.container.image
    release = found.server.command.release or usual.version
    if not found.server.command.release:
        say("engine.version", f"the release in {image} is not known; written as {release}")
    if has_placeholder(image):
        say("engine.image", f"{image} is not known; written as {usual.image}")
        return {"image": usual.image, "version": release}
    path, at_sign, digest = image.partition("@")
    folder, slash, last = path.rpartition("/")
    name, _, tag = last.partition(":")
    path = f"{folder}{slash}{name}"
    named = {} if (images.is_vllms_own(path) and tag == f"v{release}") or not tag else {"tag": tag}
    pinned = {"digest": digest} if at_sign else {}
    return {"image": path, "version": release, **named, **pinned}


def _command(found: Found) -> dict[str, Any]:
    container = found.server.container
    command = container.command
    if container.is_script or not command or tuple(command) == SERVE:
        return {}
    return {"command": command} if command[-1].endswith("api_server") else {}


def _user(found: Found) -> dict[str, Any]:
    own, pod = (
        each.get("securityContext") for each in (found.server.container.body, found.spec)
    )  # fmt: skip
    user = at(own, "runAsUser") or at(pod, "runAsUser")
    is_read_only = at(own, "readOnlyRootFilesystem") is True
    return {
        **({"run_as_user": user} if isinstance(user, int) and user > 0 else {}),
        **({"read_only_root": True} if is_read_only else {}),
    }


def _startup(found: Found, library: Library) -> int:
    """Return the time to load a model: of the startup probe, else the package's."""
    probe = found.server.container.body.get("startupProbe")
    tries, period = at(probe, "failureThreshold"), at(probe, "periodSeconds") or 10
    if not isinstance(tries, int) or not isinstance(period, int):
        return library.platform.engine.startup_seconds
    return min(max(tries * period, _SHORTEST), _LONGEST)


def _drain(found: Found) -> int:
    """Return how long a server ends its requests: of its option, else of what its Pod waits for."""
    text = found.server.settings.get(OPTION, "")
    if text.isdecimal():
        return int(text)
    grace = found.spec.get("terminationGracePeriodSeconds")
    waits = at(found.server.container.body, "lifecycle", "preStop") is not None
    return max(0, grace - LEAVING - TEARDOWN) if waits and isinstance(grace, int) else 0
