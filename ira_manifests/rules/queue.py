"""Rules of ProvisioningRequests and of the Pods that consume them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ira_manifests import queued_capacity as queued
from ira_manifests.directory import Directory
from ira_manifests.rules import pods
from ira_manifests.rules.pods import Json, PodTemplate
from ira_manifests.rules.workloads import Hit


def check(directory: Directory) -> Iterator[Hit]:
    """Yield what the rules find in requests, their templates, and who consumes them."""
    templates = list(pods.pod_templates(directory))
    by_name = {
        item.owner["metadata"]["name"]: item
        for item in templates
        if item.owner["kind"] == "PodTemplate"
    }
    deployments = [item for item in templates if item.owner["kind"] == "Deployment"]
    for file, item in directory.objects.items():
        if item.get("kind") == "ProvisioningRequest":
            yield from _range(file, item)
            yield from _agrees(file, item, by_name, deployments)
        yield from _misplaced(file, item)
    for template in templates:
        yield from _annotations(template)
        yield from _excluded(template)


def _range(file: str, request: Json) -> Iterator[Hit]:
    spec = request.get("spec") or {}
    parameters = spec.get("parameters") or {}
    for key, value in parameters.items():
        if not isinstance(value, str):
            message = f"{key} is the number {value}; parameters are strings"
            where = ("spec", "parameters", key)
            yield Hit("IRA019", file, where, message, f'write {key}: "{value}"')
    run = str(parameters.get("maxRunDurationSeconds", queued.LONGEST_RUN))
    if not run.isdecimal() or not queued.SHORTEST_RUN <= int(run) <= queued.LONGEST_RUN:
        message = f"maxRunDurationSeconds is {run}"
        hint = f"GKE grants {queued.SHORTEST_RUN} to {queued.LONGEST_RUN} seconds"
        yield Hit("IRA019", file, ("spec", "parameters"), message, hint)
    pod_sets = spec.get("podSets") or []
    if len(pod_sets) != 1:
        message = f"{len(pod_sets)} pod sets"
        yield Hit("IRA019", file, ("spec", "podSets"), message, "GKE takes exactly one")


def _agrees(
    file: str, request: Json, templates: dict[str, PodTemplate], deployments: list[PodTemplate]
) -> Iterator[Hit]:
    name = request["metadata"]["name"]
    consumers = [item for item in deployments if item.annotations.get(queued.CONSUME) == name]
    pod_sets = (request.get("spec") or {}).get("podSets") or []
    for index, pod_set in enumerate(pod_sets):
        reference = (pod_set.get("podTemplateRef") or {}).get("name")
        template = templates.get(str(reference))
        if template is None:
            message = f"there is no PodTemplate {reference!r} in the directory"
            hint = "without it the request fails after two minutes: MissingPodTemplates"
            where = ("spec", "podSets", index, "podTemplateRef")
            yield Hit("IRA018", file, where, message, hint)
        elif "spec" in template.owner:
            message = "a PodTemplate keeps its Pod under template, not under spec"
            yield Hit("IRA018", template.file, ("spec",), message, "name the key template")
        for consumer in consumers:
            replicas = consumer.owner["spec"].get("replicas", 1)
            if pod_set.get("count") != replicas:
                message = f"count is {pod_set.get('count')} and the Deployment has {replicas} Pods"
                hint = "Pods above the count never get capacity"
                yield Hit("IRA019", file, ("spec", "podSets", index, "count"), message, hint)
            if template is not None:
                yield from _same_shape(template, consumer)
    if not consumers:
        message = f"no Deployment of the directory consumes {name!r}"
        hint = f"annotate the Pods with {queued.CONSUME}: {name}"
        yield Hit("IRA022", file, ("metadata", "name"), message, hint)


def _same_shape(template: PodTemplate, consumer: PodTemplate) -> Iterator[Hit]:
    for part, of_template, of_consumer in (
        ("resources", _resources(template), _resources(consumer)),
        ("nodeSelector", template.spec.get("nodeSelector"), consumer.spec.get("nodeSelector")),
        ("tolerations", template.spec.get("tolerations"), consumer.spec.get("tolerations")),
        ("affinity", template.spec.get("affinity"), consumer.spec.get("affinity")),
    ):
        if of_template != of_consumer:
            message = f"{part} differ from those of {consumer.owner['metadata']['name']}"
            hint = "capacity is provisioned for the template and used by the Pods: make them equal"
            yield Hit("IRA018", template.file, (*template.path, "spec"), message, hint)


def _resources(template: PodTemplate) -> list[Any]:
    amounts = []
    for _, container in template.containers():
        resources = container.get("resources") or {}
        limits = resources.get("limits") or {}
        amounts.append({**limits, **(resources.get("requests") or {})})
    return amounts


def _misplaced(file: str, item: Json) -> Iterator[Hit]:
    annotations = item.get("metadata", {}).get("annotations") or {}
    if item.get("kind") != "Pod" and queued.CONSUME in annotations:
        message = f"{queued.CONSUME} is on the {item['kind']} itself"
        hint = "the autoscaler reads it on Pods: move it to the Pod template's metadata"
        yield Hit("IRA022", file, ("metadata", "annotations"), message, hint)


def _annotations(template: PodTemplate) -> Iterator[Hit]:
    where = (*template.path, "metadata", "annotations")
    given = template.annotations
    if any(key.startswith(queued.DEPRECATED_PREFIX) for key in given):
        message = f"the prefix {queued.DEPRECATED_PREFIX} is deprecated"
        yield Hit("IRA022", template.file, where, message, f"use {queued.PREFIX}")
    present = [key for key in (queued.CONSUME, queued.CLASS) if key in given]
    if len(present) == 1:
        (lacking,) = {queued.CONSUME, queued.CLASS} - set(present)
        message = f"{present[0]} without {lacking}"
        yield Hit("IRA022", template.file, where, message, "Pods need both annotations")


def _excluded(template: PodTemplate) -> Iterator[Hit]:
    if queued.CONSUME not in template.annotations:
        return
    for key, reason in queued.excluded(template.spec.get("nodeSelector") or {}).items():
        where = (*template.path, "spec", "nodeSelector", key)
        message = f"{key} beside a ProvisioningRequest: {reason}"
        yield Hit("IRA020", template.file, where, message, "drop one of the two")
