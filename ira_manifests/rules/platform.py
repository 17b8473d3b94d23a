"""Rules of what all cells share; each finding is told once."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.memory import EngineVersion
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.rules.finding import Finding, found
from ira_manifests.vllm import draining

# https://github.com/vllm-project/vllm/pull/40275; docker/Dockerfile of the source distributions
# has no such user in 0.21.0, and has it in 0.22.0.
_IMAGE, _FIRST_WITH_USER = "vllm-openai", EngineVersion(0, 22, 0)


def check(matrix: Matrix) -> Iterator[Finding]:
    """Yield what is wrong with the platform's profile as a whole."""
    yield from _user(matrix)
    yield from _drain(matrix)


def _user(matrix: Matrix) -> Iterator[Finding]:
    engine = matrix.platform.engine
    release = EngineVersion.parse(engine.version)
    if engine.run_as_user is None or not _is_vllms(engine.image) or release >= _FIRST_WITH_USER:
        return
    source = matrix.profiles.sources["platform", "platform"]
    message = f"the image of {release} has no user {engine.run_as_user}; {_FIRST_WITH_USER} has one"
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
    hint = "pin 0.18.0 or newer, or set drain_seconds: 0"
    path = ("engine", "drain_seconds")
    yield found(source.file, source.document, path, "IRA042", message, hint)


def _is_vllms(image: str) -> bool:
    """Return whether it is vLLM's own image, or a registry's copy of it."""
    return image.rpartition("/")[2] == _IMAGE
