"""Graceful shutdown of a server: the three times of a Pod's deletion.

Kubernetes removes the Pod from its Services and runs `preStop` at the same time. Then it sends
SIGTERM, at which vLLM refuses new requests and finishes running ones for --shutdown-timeout
seconds; by default it aborts them (vllm/entrypoints/launcher.py and vllm/v1/engine/core.py of
0.26.0). Kubernetes kills the Pod `terminationGracePeriodSeconds` after its deletion.
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
"""

from __future__ import annotations

from dataclasses import dataclass

from ira_manifests.vllm.options import first_with, is_likely
from ira_manifests.vllm.release import UnknownReleaseError

OPTION = "--shutdown-timeout"

LEAVING = 15
"""Seconds until every proxy and load balancer has stopped sending requests to the Pod."""
TEARDOWN = 15
"""Seconds for the engine to send its last answers and to free the GPUs."""

DEFAULT_GRACE = 30
"""Kubernetes' default of `terminationGracePeriodSeconds`."""


@dataclass(frozen=True)
class Drain:
    """The times of a drain, in seconds."""

    pre_stop: int
    """How long the server still accepts requests after its Pod's deletion."""
    shutdown_timeout: int | None
    """How long the server then waits for running requests; None if the release can't wait."""
    grace_period: int
    """When Kubernetes kills the Pod, from its deletion; longer than the other two together."""


def drain(seconds: int, release: str) -> Drain | None:
    """Return the times of a drain that waits `seconds` for running requests; None for 0."""
    if not seconds:
        return None
    timeout = seconds if can_wait(release) else None
    return Drain(LEAVING, timeout, LEAVING + seconds + TEARDOWN)


def can_wait(release: str) -> bool:
    """Return whether the release of vLLM can wait for running requests.

    A release that was not read counts as the last one before it; text that is no version can't.
    """
    try:
        return is_likely(OPTION, release)
    except UnknownReleaseError:
        return False


def first_that_waits() -> str:
    """Return the first release of vLLM that can wait for running requests."""
    return first_with(OPTION)
