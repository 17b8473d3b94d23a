"""How a server ends without cutting requests off: the three times of a Pod's deletion.

Kubernetes takes the Pod out of its Services and runs `preStop` at the same time. Then it sends
SIGTERM, at which vLLM refuses new requests and, for --shutdown-timeout seconds, goes on with those
that run; by default it aborts them (vllm/entrypoints/launcher.py and vllm/v1/engine/core.py of
0.26.0). What still runs `terminationGracePeriodSeconds` after the deletion is killed.
https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-termination
"""

from __future__ import annotations

from dataclasses import dataclass

from ira_manifests.vllm.options import first_with, option_strings
from ira_manifests.vllm.release import UnknownReleaseError

OPTION = "--shutdown-timeout"

LEAVING = 15
"""Seconds until every proxy and load balancer knows that the Pod takes no more requests."""
TEARDOWN = 15
"""Seconds for the engine to answer its last requests and to let go of the GPUs."""

DEFAULT_GRACE = 30
"""Seconds of a Pod that does not say."""


@dataclass(frozen=True)
class Drain:
    """The times of a drain, in seconds."""

    pre_stop: int
    """What the server still takes requests, after its Pod's deletion."""
    shutdown_timeout: int | None
    """What running requests are then waited for; None where the release can't wait."""
    grace_period: int
    """When everything is over, counted from the deletion; longer than both together."""


def drain(seconds: int, release: str) -> Drain | None:
    """Return the times of a drain that waits so long for running requests; None for 0 seconds."""
    if not seconds:
        return None
    timeout = seconds if can_wait(release) else None
    return Drain(LEAVING, timeout, LEAVING + seconds + TEARDOWN)


def can_wait(release: str) -> bool:
    """Return whether the release of vLLM waits for running requests; an unknown one may not."""
    try:
        return OPTION in option_strings(release)
    except UnknownReleaseError:
        return False


def first_that_waits() -> str:
    """Return the first release of vLLM that waits for running requests."""
    return first_with(OPTION)
