"""Rules of Pods that consume a ProvisioningRequest: their annotations and node selectors."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.plain import Json, at, mapping, mappings, sequence
from ira_manifests.rules.view.pods import Object, PodTemplate
from ira_manifests.rules.view.rendered import View

KUEUE = "kueue.x-k8s.io/queue-name"
"""The label of workloads that Kueue admits, and for which it makes the requests."""


def _consuming(view: View) -> list[PodTemplate]:
    return [template for template in view.pods if queued.CONSUME in template.annotations]


@rule("IRA022", "wrong-annotations", Severity.ERROR, DIRECTORY, Needs.OBJECTS)
def wrong_annotations(view: View) -> Iterator[Finding]:
    """Consuming annotations are incomplete or misplaced.

    The annotations that consume a request belong on the Pod template, both of them, under one
    prefix, and name a request of the directory and its class. Without such a request the Pods stay
    Pending. On the workload itself they do nothing: the Pods are scheduled like any others.
    """
    requests = view.of_kind("ProvisioningRequest")
    for request in requests if view.own or view.workloads else ():
        if not any(request.name in _consumed(view, each) for each in view.workloads):
            message = f"no workload of the directory consumes {request.name!r}"
            hint = f"annotate the Pods with {queued.CONSUME}: {request.name}"
            yield view.finding(request.file, ("metadata", "name"), message, hint)
    for item in view.objects:
        if item.kind != "Pod" and queued.CONSUME in mapping(item.metadata.get("annotations")):
            message = f"{queued.CONSUME} is on the {item.kind} itself"
            hint = "the autoscaler reads it on Pods: move it to the Pod template's metadata"
            yield view.finding(item.file, ("metadata", "annotations"), message, hint)
    for template in view.pods:
        yield from _annotations(view, template)
        yield from _request(view, template, requests)


def _consumed(view: View, template: PodTemplate) -> list[object]:
    """Return the requests that Pods consume, in trees of other authors by the old prefix too."""
    keys = (queued.CONSUME,) if view.own else (queued.CONSUME, *queued.DEPRECATED)
    return [template.annotations.get(key) for key in keys]


def _annotations(view: View, template: PodTemplate) -> Iterator[Finding]:
    where, given = (*template.path, "metadata", "annotations"), template.annotations
    if queued.DEPRECATED & given.keys():
        message = f"the prefix {queued.DEPRECATED_PREFIX} is deprecated"
        yield view.finding(template.file, where, message, f"use {queued.PREFIX}")
    present = [key for key in (queued.CONSUME, queued.CLASS) if key in given]
    if len(present) == 1:
        (lacking,) = {queued.CONSUME, queued.CLASS} - set(present)
        message = f"{present[0]} without {lacking}"
        yield view.finding(template.file, where, message, "Pods need both annotations")


def _request(view: View, template: PodTemplate, requests: list[Object]) -> Iterator[Finding]:
    where: Path = (*template.path, "metadata", "annotations")
    given = template.annotations
    name = given.get(queued.CONSUME)
    named = [item for item in requests if item.name == name]
    if name is not None and not named and (view.own or requests):
        message = f"the Pods consume {name!r}, and the directory has no such request"
        hint = "the Pods stay Pending: MissingProvisioningRequest"
        yield view.finding(template.file, (*where, queued.CONSUME), message, hint)
    for request in named:
        own = request.spec.get("provisioningClassName")
        if given.get(queued.CLASS, own) != own:
            message = f"the Pods' class is {given[queued.CLASS]} and that of {name} is {own}"
            hint = f"write {queued.CLASS}: {own}"
            yield view.finding(template.file, (*where, queued.CLASS), message, hint)


@rule("IRA020", "queue-with-selector", Severity.ERROR, DIRECTORY, Needs.OBJECTS)
def queue_with_selector(view: View) -> Iterator[Finding]:
    """A node selector or affinity excludes queued capacity.

    Pods that consume a request never trigger ordinary pools, and other Pods never trigger queued
    ones. A compute class, Spot or reservation in the node selector or in node affinity beside a
    request therefore waits for ever, or pays twice.
    """
    for template in _consuming(view):
        where = (*template.path, "spec")
        for key, reason in queued.excluded(template.node_selector).items():
            yield _excluded(view, template, (*where, "nodeSelector", key), key, reason)
        for key, reason in queued.excluded(_affinity(template)).items():
            yield _excluded(view, template, (*where, "affinity", "nodeAffinity"), key, reason)


def _excluded(view: View, template: PodTemplate, path: Path, key: str, reason: str) -> Finding:
    message = f"{key} beside a ProvisioningRequest: {reason}"
    return view.finding(template.file, path, message, "remove one of the two")


@rule("IRA092", "queue-without-request", Severity.WARNING, DIRECTORY, Needs.OBJECTS)
def queue_without_request(view: View) -> Iterator[Finding]:
    """Pods tolerate the taint of queued capacity, and ask for none.

    Only nodes that a ProvisioningRequest brought up have the taint `cloud.google.com/gke-queued`. A
    Pod that tolerates it without consuming a request never brings one up, and is scheduled on those
    that another workload's request provisioned and waits for. Kueue adds the annotations itself:
    workloads with a `kueue.x-k8s.io/queue-name` are not judged, nor are DaemonSets.
    """
    for template in () if view.own else view.workloads:
        labels = {*template.labels, *template.owner.labels}
        asks = {queued.CONSUME, *queued.DEPRECATED} & {*template.annotations} or KUEUE in labels
        if asks or template.kind == "DaemonSet":
            continue
        for index, item in enumerate(template.tolerations):
            if item.get("key") == queued.TAINT:
                message = f"the Pods tolerate {queued.TAINT} and consume no ProvisioningRequest"
                hint = f"annotate the Pods with {queued.CONSUME}, or remove the toleration"
                place = (*template.path, "spec", "tolerations", index, "key")
                yield view.finding(template.file, place, message, hint)


@rule("IRA034", "queue-not-reached", Severity.ERROR, DIRECTORY, Needs.OBJECTS)
def queue_not_reached(view: View) -> Iterator[Finding]:
    """Pods can't be scheduled on the nodes of their request.

    Pods that consume a request do not tolerate the taint `cloud.google.com/gke-queued`, or select
    neither flex-start capacity nor a named node pool. The request brings up nodes on which its Pods
    are never scheduled.
    """
    for template in _consuming(view):
        where = (*template.path, "spec")
        if not any(_tolerates(item) for item in template.tolerations):
            message = f"the Pods do not tolerate the taint {queued.TAINT}=true of queued nodes"
            hint = "tolerate it: otherwise no Pod is scheduled on the provisioned capacity"
            yield view.finding(template.file, (*where, "tolerations"), message, hint)
        selected = {**_affinity(template), **template.node_selector}
        if queued.NODE_POOL not in selected and selected.get(queued.FLEX_START) != "true":
            message = "the Pods select neither flex-start capacity nor a node pool"
            hint = f'select {queued.FLEX_START}: "true", or {queued.NODE_POOL}: and the pool'
            yield view.finding(template.file, (*where, "nodeSelector"), message, hint)


def _tolerates(toleration: Json) -> bool:
    return (
        toleration.get("key", queued.TAINT) == queued.TAINT
        and (toleration.get("operator") == "Exists" or toleration.get("value") == "true")
        and toleration.get("effect", "NoSchedule") == "NoSchedule"
    )


def _affinity(template: PodTemplate) -> dict[str, str]:
    """Return the labels that node affinity requires or prefers, each with its last value."""
    affinity = mapping(at(template.spec, "affinity", "nodeAffinity"))
    required = mapping(affinity.get("requiredDuringSchedulingIgnoredDuringExecution"))
    preferred = mappings(affinity.get("preferredDuringSchedulingIgnoredDuringExecution"))
    terms = [
        *mappings(required.get("nodeSelectorTerms")),
        *(mapping(item.get("preference")) for item in preferred),
    ]
    return {
        str(item.get("key")): str(value)
        for term in terms
        for item in mappings(term.get("matchExpressions"))
        if item.get("operator") in ("In", "Exists")
        for value in sequence(item.get("values")) or ("",)
    }
