"""Rules of ProvisioningRequests: fields that GKE accepts, PodTemplates, and consuming Pods."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.kubernetes.quantities import quantity
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.plain import Json, at, mapping, mappings
from ira_manifests.rules.view.pods import Object, PodTemplate
from ira_manifests.rules.view.rendered import View

_DIGITS = 18  # more than any number of seconds has


def _requests(view: View) -> list[Object]:
    return view.of_kind("ProvisioningRequest")


class _PodSet(NamedTuple):
    """A pod set of a request, with the PodTemplate that it names and the Pods that consume it."""

    request: Object
    path: Path
    body: Json
    template: PodTemplate | None
    consumers: list[PodTemplate]

    @property
    def reference(self) -> object:
        """The name of the PodTemplate."""
        return at(self.body, "podTemplateRef", "name")


def _pod_sets(view: View) -> Iterator[_PodSet]:
    templates = {each.name: each for each in view.pods if each.is_copy}
    for request in _requests(view):
        for index, body in enumerate(mappings(request.spec.get("podSets"))):
            template = templates.get(str(at(body, "podTemplateRef", "name")))
            where = ("spec", "podSets", index)
            yield _PodSet(request, where, body, template, _consumers(view, request))


def _consumers(view: View, request: Object) -> list[PodTemplate]:
    return [each for each in view.workloads if each.annotations.get(queued.CONSUME) == request.name]


# --- IRA019 ---------------------------------------------------------------------------------------


@rule("IRA019", "request-out-of-range", Severity.ERROR, DIRECTORY, Needs.OBJECTS)
def request_out_of_range(view: View) -> Iterator[Finding]:
    """GKE refuses the ProvisioningRequest.

    GKE takes a run of 600 to 604800 seconds as a string, a wait that is a number, values of 255
    characters, exactly one pod set, and a count that is the number of Pods, which no autoscaler may
    raise. Anything else is refused when it is applied, or leaves Pods without capacity.
    """
    for request in _requests(view):
        yield from _parameters(view, request)
        count = len(mappings(request.spec.get("podSets")))
        if count != 1:
            message = f"{count} pod sets"
            yield view.finding(request.file, ("spec", "podSets"), message, "GKE takes exactly one")
    for pod_set in _pod_sets(view):
        yield from _count(view, pod_set)
    for item in view.of_kind("HorizontalPodAutoscaler") if _requests(view) else ():
        message = "an autoscaler beside a ProvisioningRequest makes Pods above its count"
        hint = "such Pods never get capacity: remove the autoscaler"
        yield view.finding(item.file, ("spec",), message, hint)


def _parameters(view: View, request: Object) -> Iterator[Finding]:
    file, parameters = request.file, mapping(request.spec.get("parameters"))
    for key, value in parameters.items():
        where: Path = ("spec", "parameters", key)
        if not isinstance(value, str):
            message = f"{key} is the number {value}; parameters are strings"
            yield view.finding(file, where, message, f'write {key}: "{value}"')
        elif len(value) > queued.MAX_PARAMETER:
            message = f"{key} has {len(value)} characters"
            hint = f"the API server takes {queued.MAX_PARAMETER} at most"
            yield view.finding(file, where, message, hint)
    run = str(parameters.get("maxRunDurationSeconds", queued.LONGEST_RUN))
    if not _is_number(run) or not queued.SHORTEST_RUN <= int(run) <= queued.LONGEST_RUN:
        message = f"maxRunDurationSeconds is {run[:60]}"
        hint = f"GKE grants {queued.SHORTEST_RUN} to {queued.LONGEST_RUN} seconds"
        yield view.finding(file, ("spec", "parameters"), message, hint)
    until = str(parameters.get("ValidUntilSeconds", "1"))
    if not _is_number(until) or int(until) == 0:
        message = f"ValidUntilSeconds is {until[:60]}"
        hint = "write the seconds that the request may wait, as a decimal number"
        yield view.finding(file, ("spec", "parameters", "ValidUntilSeconds"), message, hint)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < _DIGITS


def _count(view: View, pod_set: _PodSet) -> Iterator[Finding]:
    count = pod_set.body.get("count")
    for consumer in {each.file: each for each in pod_set.consumers}.values():
        pods = _pods(consumer)
        if count != pods:
            message = f"count is {count} and the {consumer.kind} has {pods} Pods"
            hint = "Pods above the count never get capacity"
            yield view.finding(pod_set.request.file, (*pod_set.path, "count"), message, hint)


def _pods(consumer: PodTemplate) -> object:
    """Return the number of Pods of a workload, of all groups of a LeaderWorkerSet."""
    if consumer.kind == "Job":
        return consumer.owner.spec.get("parallelism", 1)
    replicas = consumer.owner.spec.get("replicas", 1)
    if consumer.kind != lws.KIND or not isinstance(replicas, int):
        return replicas
    size = at(consumer.owner.body, *lws.SIZE_OF_GROUP)
    return replicas * size if isinstance(size, int) else size


# --- IRA018 ---------------------------------------------------------------------------------------


@rule("IRA018", "template-differs", Severity.ERROR, DIRECTORY, Needs.OBJECTS)
def template_differs(view: View) -> Iterator[Finding]:
    """PodTemplate and workload differ, or the PodTemplate is missing.

    The PodTemplate of a ProvisioningRequest is missing, misspelt, or asks for something else than
    the Pods that consume it; or it lies in another namespace than its request, or lacks the label
    `cloud.google.com/apply-warden-policies`. Quantities and tolerations are compared by what they
    mean. Capacity is provisioned that the Pods don't fit, and is billed until its booking expires.
    """
    for pod_set in _pod_sets(view):
        if pod_set.template is None:
            message = f"there is no PodTemplate {pod_set.reference!r} in the directory"
            hint = "without it the request fails after two minutes: MissingPodTemplates"
            where = (*pod_set.path, "podTemplateRef")
            yield view.finding(pod_set.request.file, where, message, hint)
            continue
        yield from _template(view, pod_set.template, pod_set.request)
        for consumer in pod_set.consumers:
            yield from _same_shape(view, pod_set.template, consumer)


def _template(view: View, template: PodTemplate, request: Object) -> Iterator[Finding]:
    """Check a PodTemplate's fields: its Pod under `template`, its namespace and its label."""
    file, owner = template.file, template.owner
    if "spec" in owner.body:
        message = "a PodTemplate keeps its Pod under template, not under spec"
        yield view.finding(file, ("spec",), message, "rename the key to template")
    own, wanted = owner.metadata.get("namespace"), request.metadata.get("namespace")
    if own != wanted:
        message = f"the PodTemplate is in the namespace {own!r} and its request in {wanted!r}"
        hint = "the request finds templates of its own namespace only: MissingPodTemplates"
        yield view.finding(file, ("metadata", "namespace"), message, hint)
    if owner.labels.get(queued.WARDEN_LABEL) != "true":
        message = f"the PodTemplate lacks the label {queued.WARDEN_LABEL}"
        hint = f'write {queued.WARDEN_LABEL}: "true", so that GKE completes it as it does Pods'
        yield view.finding(file, ("metadata", "labels"), message, hint)


def _same_shape(view: View, template: PodTemplate, consumer: PodTemplate) -> Iterator[Finding]:
    for part, of_template, of_consumer in (
        ("resources", _resources(template), _resources(consumer)),
        ("nodeSelector", template.node_selector, consumer.node_selector),
        ("tolerations", _tolerations(template), _tolerations(consumer)),
        ("affinity", template.spec.get("affinity"), consumer.spec.get("affinity")),
    ):
        if (of_template or None) != (of_consumer or None):
            message = f"{part} differ from those of {consumer.name}"
            hint = "capacity is provisioned for the template and used by the Pods: make them equal"
            yield view.finding(template.file, (*template.path, "spec"), message, hint)


def _resources(template: PodTemplate) -> list[dict[str, Decimal | str]]:
    """Return the requests of each container; a limit stands in for a missing request."""
    amounts = []
    for container in template.containers:
        resources = mapping(container.body.get("resources"))
        asked = {**mapping(resources.get("limits")), **mapping(resources.get("requests"))}
        amounts.append({name: _amount(str(text)) for name, text in asked.items()})
    return amounts


def _amount(text: str) -> Decimal | str:
    try:
        return quantity(text)
    except ValueError:
        return text


def _tolerations(template: PodTemplate) -> set[tuple[str, ...]]:
    """Return tolerations with the API server's defaults, without regard to their order."""
    return {
        tuple(
            str(item.get(key, "Equal" if key == "operator" else ""))
            for key in ("key", "operator", "value", "effect", "tolerationSeconds")
        )
        for item in template.tolerations
    }
