"""Rules of what all cells share; each finding is told once."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.profiles.matrix import Matrix
from ira_manifests.rules.finding import Finding, found
from ira_manifests.vllm import Release, changes, draining, images


def check(matrix: Matrix) -> Iterator[Finding]:
    """Yield what is wrong with the platform's profile as a whole."""
    yield from _user(matrix)
    yield from _drain(matrix)


def _user(matrix: Matrix) -> Iterator[Finding]:
    engine = matrix.platform.engine
    if engine.run_as_user is None or not images.is_vllms_own(engine.image):
        return
    if changes.facts_of(Release.parse(engine.version)).image_has_user:
        return
    source = matrix.profiles.sources["platform", "platform"]
    first = changes.first_with("image_has_user")
    message = f"the image of {engine.version} has no user {engine.run_as_user}; {first} has one"
    hint = "drop the line and read_only_root, and let the image run as root; or pin a newer release"
    path = ("engine", "run_as_user")
    yield found(source.file, source.document, path, "IRA031", message, hint)


def _drain(matrix: Matrix) -> Iterator[Finding]:
    engine = matrix.platform.engine
    if not engine.drain_seconds or draining.can_wait(engine.version):
        return
    source = matrix.profiles.sources["platform", "platform"]
    message = f"{engine.drain_seconds} seconds are wanted, and vLLM {engine.version} is not known "
    message += f"to have {draining.OPTION}: it aborts running requests at SIGTERM"
    hint = f"pin {draining.first_that_waits()} or newer, or set drain_seconds: 0"
    path = ("engine", "drain_seconds")
    yield found(source.file, source.document, path, "IRA042", message, hint)
