"""The rule of rollouts that can't end, in rendered objects."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.kubernetes.rollout import USUAL, rolling
from ira_manifests.rules.catalogue import Needs
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import also
from ira_manifests.rules.rollouts import beyond_the_request
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.plain import mapping
from ira_manifests.rules.view.rendered import View


@also("IRA055", DIRECTORY, Needs.OBJECTS)
def rollout_beyond_the_request(view: View) -> Iterator[Finding]:
    """A rollout needs more Pods than the ProvisioningRequest is for."""
    for template in view.workloads:
        if template.kind != "Deployment" or queued.CONSUME not in template.annotations:
            continue
        strategy = mapping(template.owner.spec.get("strategy"))
        if strategy.get("type", "RollingUpdate") != "RollingUpdate":
            continue
        limits, replicas = (
            mapping(strategy.get("rollingUpdate")),
            template.owner.spec.get("replicas", 1),
        )
        if not isinstance(replicas, int):
            continue
        found = rolling(
            limits.get("maxSurge", USUAL), limits.get("maxUnavailable", USUAL), replicas
        )
        if found.frees_nothing_first:
            message = beyond_the_request(replicas, found.surge)
            hint = "set maxSurge: 0 and maxUnavailable: 1, or strategy Recreate"
            place = ("spec", "strategy") if "strategy" in template.owner.spec else ("spec",)
            yield view.finding(template.file, place, message, hint)
