"""Rules of ProvisioningRequests and of the Pods that consume them."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.kubernetes.allocatable import quantity
from ira_manifests.output.directory import Directory
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules import pods
from ira_manifests.rules.hit import Hit
from ira_manifests.rules.pods import Json, PodTemplate, mapping

_DIGITS = 18  # more than any number of seconds has


def check(directory: Directory) -> Iterator[Hit]:
    """Yield what the rules find in requests, their templates, and who consumes them."""
    templates = list(pods.pod_templates(directory))
    by_name = {item.name: item for item in templates if item.kind == "PodTemplate"}
    deployments = [item for item in templates if item.kind == "Deployment"]
    requests = {
        file: item
        for file, item in directory.objects.items()
        if item.get("kind") == "ProvisioningRequest"
    }
    for file, request in requests.items():
        yield from _range(file, request)
        yield from _agrees(file, request, by_name, deployments)
    for file, item in directory.objects.items():
        yield from _misplaced(file, item)
        if requests and item.get("kind") == "HorizontalPodAutoscaler":
            message = "an autoscaler beside a ProvisioningRequest makes Pods above its count"
            hint = "such Pods never get capacity: drop the autoscaler"
            yield Hit("IRA019", file, ("spec",), message, hint)
    for template in templates:
        yield from _annotations(template, list(requests.values()))
        if queued.CONSUME in template.annotations:
            yield from _excluded(template)
            yield from _unreachable(template)


def _range(file: str, request: Json) -> Iterator[Hit]:
    spec = mapping(request.get("spec"))
    parameters = mapping(spec.get("parameters"))
    for key, value in parameters.items():
        where: Path = ("spec", "parameters", key)
        if not isinstance(value, str):
            message = f"{key} is the number {value}; parameters are strings"
            yield Hit("IRA019", file, where, message, f'write {key}: "{value}"')
        elif len(value) > queued.MAX_PARAMETER:
            message = f"{key} has {len(value)} characters"
            hint = f"the API server takes {queued.MAX_PARAMETER} at most"
            yield Hit("IRA019", file, where, message, hint)
    run = str(parameters.get("maxRunDurationSeconds", queued.LONGEST_RUN))
    if not _is_number(run) or not queued.SHORTEST_RUN <= int(run) <= queued.LONGEST_RUN:
        message = f"maxRunDurationSeconds is {run[:60]}"
        hint = f"GKE grants {queued.SHORTEST_RUN} to {queued.LONGEST_RUN} seconds"
        yield Hit("IRA019", file, ("spec", "parameters"), message, hint)
    until = str(parameters.get("ValidUntilSeconds", "1"))
    if not _is_number(until) or int(until) == 0:
        message = f"ValidUntilSeconds is {until[:60]}"
        hint = "write the seconds that the request may wait, as a decimal number"
        yield Hit("IRA019", file, ("spec", "parameters", "ValidUntilSeconds"), message, hint)
    pod_sets = spec.get("podSets") or []
    if len(pod_sets) != 1:
        message = f"{len(pod_sets)} pod sets"
        yield Hit("IRA019", file, ("spec", "podSets"), message, "GKE takes exactly one")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < _DIGITS


def _agrees(
    file: str, request: Json, templates: dict[str, PodTemplate], deployments: list[PodTemplate]
) -> Iterator[Hit]:
    name = request["metadata"]["name"]
    consumers = [item for item in deployments if item.annotations.get(queued.CONSUME) == name]
    for index, pod_set in enumerate(mapping(request.get("spec")).get("podSets") or []):
        where: Path = ("spec", "podSets", index)
        reference = mapping(pod_set.get("podTemplateRef")).get("name")
        template = templates.get(str(reference))
        if template is None:
            message = f"there is no PodTemplate {reference!r} in the directory"
            hint = "without it the request fails after two minutes: MissingPodTemplates"
            yield Hit("IRA018", file, (*where, "podTemplateRef"), message, hint)
        else:
            yield from _template(template, request)
        for consumer in consumers:
            replicas = consumer.owner["spec"].get("replicas", 1)
            if pod_set.get("count") != replicas:
                message = f"count is {pod_set.get('count')} and the Deployment has {replicas} Pods"
                hint = "Pods above the count never get capacity"
                yield Hit("IRA019", file, (*where, "count"), message, hint)
            if template is not None:
                yield from _same_shape(template, consumer)
    if not consumers:
        message = f"no Deployment of the directory consumes {name!r}"
        hint = f"annotate the Pods with {queued.CONSUME}: {name}"
        yield Hit("IRA022", file, ("metadata", "name"), message, hint)


def _template(template: PodTemplate, request: Json) -> Iterator[Hit]:
    """A PodTemplate as such: where the Pod is, its namespace, its label."""
    metadata = mapping(template.owner.get("metadata"))
    if "spec" in template.owner:
        message = "a PodTemplate keeps its Pod under template, not under spec"
        yield Hit("IRA018", template.file, ("spec",), message, "name the key template")
    own, wanted = metadata.get("namespace"), mapping(request.get("metadata")).get("namespace")
    if own != wanted:
        message = f"the PodTemplate is in the namespace {own!r} and its request in {wanted!r}"
        hint = "the request finds templates of its own namespace only: MissingPodTemplates"
        yield Hit("IRA018", template.file, ("metadata", "namespace"), message, hint)
    if mapping(metadata.get("labels")).get(queued.WARDEN_LABEL) != "true":
        message = f"the PodTemplate lacks the label {queued.WARDEN_LABEL}"
        hint = f'write {queued.WARDEN_LABEL}: "true", so that GKE completes it as it does Pods'
        yield Hit("IRA018", template.file, ("metadata", "labels"), message, hint)


def _same_shape(template: PodTemplate, consumer: PodTemplate) -> Iterator[Hit]:
    for part, of_template, of_consumer in (
        ("resources", _resources(template), _resources(consumer)),
        ("nodeSelector", template.spec.get("nodeSelector"), consumer.spec.get("nodeSelector")),
        ("tolerations", _tolerations(template), _tolerations(consumer)),
        ("affinity", template.spec.get("affinity"), consumer.spec.get("affinity")),
    ):
        if (of_template or None) != (of_consumer or None):
            message = f"{part} differ from those of {consumer.name}"
            hint = "capacity is provisioned for the template and used by the Pods: make them equal"
            yield Hit("IRA018", template.file, (*template.path, "spec"), message, hint)


def _resources(template: PodTemplate) -> list[dict[str, Decimal | str]]:
    """Return what each container requests; limits count where requests are missing."""
    amounts = []
    for _, container in template.containers:
        resources = mapping(container.get("resources"))
        asked = {**mapping(resources.get("limits")), **mapping(resources.get("requests"))}
        amounts.append({name: _amount(str(text)) for name, text in asked.items()})
    return amounts


def _amount(text: str) -> Decimal | str:
    try:
        return quantity(text)
    except ValueError:
        return text


def _tolerations(template: PodTemplate) -> set[tuple[str, ...]]:
    """Return tolerations as the API server completes them; their order means nothing."""
    return {
        tuple(
            str(item.get(key, "Equal" if key == "operator" else ""))
            for key in ("key", "operator", "value", "effect", "tolerationSeconds")
        )
        for item in template.spec.get("tolerations") or ()
    }


def _unreachable(template: PodTemplate) -> Iterator[Hit]:
    where = (*template.path, "spec")
    tolerated = any(
        item.get("key", queued.TAINT) == queued.TAINT
        and (item.get("operator") == "Exists" or item.get("value") == "true")
        and item.get("effect", "NoSchedule") == "NoSchedule"
        for item in template.spec.get("tolerations") or ()
    )
    if not tolerated:
        message = f"the Pods do not tolerate the taint {queued.TAINT}=true of queued nodes"
        hint = "tolerate it, or no Pod is ever scheduled on the capacity that is paid for"
        yield Hit("IRA034", template.file, (*where, "tolerations"), message, hint)
    selected = _required(template)
    if queued.NODE_POOL not in selected and selected.get(queued.FLEX_START) != "true":
        message = "the Pods select neither flex-start capacity nor a node pool"
        hint = f'select {queued.FLEX_START}: "true", or {queued.NODE_POOL}: and the pool'
        yield Hit("IRA034", template.file, (*where, "nodeSelector"), message, hint)


def _affinity(template: PodTemplate) -> dict[str, str]:
    """Return the labels that node affinity requires or prefers, each with one of its values."""
    affinity = mapping(mapping(template.spec.get("affinity")).get("nodeAffinity"))
    required = mapping(affinity.get("requiredDuringSchedulingIgnoredDuringExecution"))
    terms = [
        *(required.get("nodeSelectorTerms") or ()),
        *(
            mapping(item.get("preference"))
            for item in affinity.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        ),
    ]
    return {
        item["key"]: str(value)
        for term in terms
        for item in term.get("matchExpressions") or ()
        if item.get("operator") in ("In", "Exists")
        for value in item.get("values") or ("",)
    }


def _required(template: PodTemplate) -> dict[str, str]:
    return {**_affinity(template), **mapping(template.spec.get("nodeSelector"))}


def _misplaced(file: str, item: Json) -> Iterator[Hit]:
    annotations = item.get("metadata", {}).get("annotations") or {}
    if item.get("kind") != "Pod" and queued.CONSUME in annotations:
        message = f"{queued.CONSUME} is on the {item['kind']} itself"
        hint = "the autoscaler reads it on Pods: move it to the Pod template's metadata"
        yield Hit("IRA022", file, ("metadata", "annotations"), message, hint)


def _annotations(template: PodTemplate, requests: list[Json]) -> Iterator[Hit]:
    where = (*template.path, "metadata", "annotations")
    given = template.annotations
    if queued.DEPRECATED & given.keys():
        message = f"the prefix {queued.DEPRECATED_PREFIX} is deprecated"
        yield Hit("IRA022", template.file, where, message, f"use {queued.PREFIX}")
    present = [key for key in (queued.CONSUME, queued.CLASS) if key in given]
    if len(present) == 1:
        (lacking,) = {queued.CONSUME, queued.CLASS} - set(present)
        message = f"{present[0]} without {lacking}"
        yield Hit("IRA022", template.file, where, message, "Pods need both annotations")
    name = given.get(queued.CONSUME)
    named = [item for item in requests if mapping(item.get("metadata")).get("name") == name]
    if name is not None and not named:
        message = f"the Pods consume {name!r}, and the directory has no such request"
        hint = "the Pods stay Pending: MissingProvisioningRequest"
        yield Hit("IRA022", template.file, (*where, queued.CONSUME), message, hint)
    for request in named:
        own = mapping(request.get("spec")).get("provisioningClassName")
        if given.get(queued.CLASS, own) != own:
            message = f"the Pods' class is {given[queued.CLASS]} and that of {name} is {own}"
            hint = f"write {queued.CLASS}: {own}"
            yield Hit("IRA022", template.file, (*where, queued.CLASS), message, hint)


def _excluded(template: PodTemplate) -> Iterator[Hit]:
    selector = mapping(template.spec.get("nodeSelector"))
    for labels, place in (
        (selector, ("nodeSelector",)),
        (_affinity(template), ("affinity", "nodeAffinity")),
    ):
        for key, reason in queued.excluded(labels).items():
            field = (*place, key) if place == ("nodeSelector",) else place
            message = f"{key} beside a ProvisioningRequest: {reason}"
            where = (*template.path, "spec", *field)
            yield Hit("IRA020", template.file, where, message, "drop one of the two")
