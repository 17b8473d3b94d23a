"""What the rules of profiles and of objects say alike of rollouts."""

from __future__ import annotations


def beyond_the_request(count: int, surge: int) -> str:
    """Return what is wrong with a rollout that needs more Pods than a request is for."""
    return (
        f"no old Pod ends before a new one is ready: GPUs for {count + surge} Pods are needed, and "
        f"the ProvisioningRequest is for {count}"
    )
