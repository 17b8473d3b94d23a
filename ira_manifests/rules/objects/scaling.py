"""Rules of what changes the number of a workload's Pods: autoscalers and evictions."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.plain import mapping
from ira_manifests.rules.view.pods import Object, PodTemplate
from ira_manifests.rules.view.rendered import View

_ALL = 100


@rule("IRA051", "replicas-reset", Severity.WARNING, DIRECTORY, Needs.OBJECTS)
def replicas_reset(view: View) -> Iterator[Finding]:
    """A workload has a number of replicas beside an autoscaler.

    Each `kubectl apply`, and each sync of a GitOps tool, sets the number again: Pods that the
    autoscaler had added are ended in the middle of the load, and it begins anew. In profiles:
    `replicas` beside `autoscaling`, which is not used.
    """
    for workload in view.workloads:
        scaler = _autoscaler(view, workload)
        if scaler is not None and "replicas" in workload.owner.spec:
            message = f"each apply sets {workload.owner.spec['replicas']} replicas again, whatever "
            message += f"the {scaler.kind} {scaler.name} has decided"
            hint = "remove the field; the autoscaler's minReplicas is the number to begin with"
            yield view.finding(workload.file, ("spec", "replicas"), message, hint)


@rule("IRA052", "no-eviction-allowed", Severity.WARNING, DIRECTORY, Needs.OBJECTS)
def no_eviction_allowed(view: View) -> Iterator[Finding]:
    """A PodDisruptionBudget never lets a Pod go.

    `maxUnavailable` is 0, or `minAvailable` is the number of Pods, which is the autoscaler's
    minimum if there is one. `kubectl drain` waits for ever, the autoscaler keeps a node that it
    would remove, and an upgrade of GKE waits an hour for each node and then ends the Pod anyway.
    """
    for budget in view.of_kind("PodDisruptionBudget"):
        selected = _selected(view, budget)
        for field in ("maxUnavailable", "minAvailable"):
            value = budget.spec.get(field)
            if value is not None and selected and _blocks(view, field, value, selected):
                message = f"{field} {value} of {_pods(_count(view, selected))} allows no eviction"
                hint = "write maxUnavailable: 1, or run more replicas"
                yield view.finding(budget.file, ("spec", field), message, hint)


def _selected(view: View, budget: Object) -> list[PodTemplate]:
    selectors = [each for each in view.selectors if each.file == budget.file]
    return [
        workload
        for workload in view.workloads
        if any(selector.matches(workload.labels) for selector in selectors)
    ]


def _blocks(view: View, field: str, value: object, selected: list[PodTemplate]) -> bool:
    pods = _count(view, selected)
    limit = _number(value, pods)
    if limit is None or pods == 0:
        return False
    return limit == 0 if field == "maxUnavailable" else limit >= pods


def _number(value: object, pods: int) -> int | None:
    """Return a limit as a number of Pods; shares are rounded up, as Kubernetes does."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    share = str(value).removesuffix("%")
    if str(value) == share or not share.isdecimal() or len(share) > len(str(_ALL)):
        return None
    return -(-int(share) * pods // _ALL)


def _count(view: View, selected: list[PodTemplate]) -> int:
    return sum(_replicas(view, each) for each in selected)


def _replicas(view: View, workload: PodTemplate) -> int:
    scaler = _autoscaler(view, workload)
    spec = workload.owner.spec if scaler is None else scaler.spec
    found = spec.get("replicas" if scaler is None else "minReplicas", 1)
    return found if isinstance(found, int) else 1


def _autoscaler(view: View, workload: PodTemplate) -> Object | None:
    wanted = workload.kind, workload.name
    for item in view.of_kind("HorizontalPodAutoscaler"):
        target = mapping(item.spec.get("scaleTargetRef"))
        if (target.get("kind"), target.get("name")) == wanted:
            return item
    return None


def _pods(count: int) -> str:
    return "1 Pod" if count == 1 else f"{count} Pods"
