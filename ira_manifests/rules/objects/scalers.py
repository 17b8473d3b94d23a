"""The rule of autoscalers that never change the number of Pods."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.plain import Json, at, mapping, mappings
from ira_manifests.rules.view.pods import Object, PodTemplate
from ira_manifests.rules.view.rendered import View
from ira_manifests.vllm import metrics

_VLLM = re.compile(r"\bvllm:(\w+)")


@rule("IRA090", "scaler-without-effect", Severity.WARNING, DIRECTORY, Needs.OBJECTS)
def scaler_without_effect(view: View) -> Iterator[Finding]:
    """An autoscaler can't change the number of Pods.

    `minReplicas` and `maxReplicas` of a HorizontalPodAutoscaler are equal; or it acts on a share of
    the CPU or memory that the containers request, and one requests none; or it acts on a metric
    that the release of vLLM in the image does not have, such as `vllm:gpu_cache_usage_perc`, which
    0.12.0 dropped for `vllm:kv_cache_usage_perc`. The autoscaler shows `<unknown>` at most, and
    nothing else says that it does not work.
    """
    for scaler in () if view.own else view.of_kind("HorizontalPodAutoscaler"):
        least, most = scaler.spec.get("minReplicas", 1), scaler.spec.get("maxReplicas")
        if least == most:
            message = f"minReplicas and maxReplicas are both {most}: the number never changes"
            hint = "raise maxReplicas, or remove the autoscaler"
            yield view.finding(scaler.file, ("spec", "maxReplicas"), message, hint)
        target = _target(view, scaler)
        for index, metric in enumerate(mappings(scaler.spec.get("metrics")) if target else ()):
            if target is not None:
                yield from _metric(view, scaler, index, metric, target)


def _target(view: View, scaler: Object) -> PodTemplate | None:
    wanted = mapping(scaler.spec.get("scaleTargetRef"))
    named = (wanted.get("kind"), wanted.get("name"))
    return next((each for each in view.workloads if (each.kind, each.name) == named), None)


def _metric(
    view: View, scaler: Object, index: int, metric: Json, target: PodTemplate
) -> Iterator[Finding]:
    kind = str(metric.get("type"))
    given = mapping(metric.get(kind[:1].lower() + kind[1:]))
    place = ("spec", "metrics", index, kind[:1].lower() + kind[1:])
    if kind == "Resource" and at(given, "target", "type") == "Utilization":
        resource = str(given.get("name"))
        for container in target.containers:
            asked = {
                **mapping(at(container.body, "resources", "limits")),
                **mapping(at(container.body, "resources", "requests")),
            }
            if "initContainers" not in container.path and resource not in asked:
                message = f"a share of the requested {resource}, and the container "
                message += f"{container.body.get('name')} of {target.name} requests none"
                hint = f"request {resource} in every container, or act on another metric"
                yield view.finding(scaler.file, (*place, "name"), message, hint)
                return
    name = str(at(given, "metric", "name") or "")
    wrong = _renamed(view, target, name)
    if wrong:
        message = f"the server's release {wrong[0]} has no metric vllm:{wrong[1]}"
        hint = f"act on {wrong[2]}"
        yield view.finding(scaler.file, (*place, "metric", "name"), message, hint)


def _renamed(view: View, target: PodTemplate, name: str) -> tuple[str, str, str] | None:
    """Return the release, the metric and its name there, if the release has another name."""
    found = _VLLM.search(name)
    releases = {
        each.release for each in view.servers if each.container.template is target and each.release
    }
    if found is None or len(releases) != 1:
        return None
    (release,) = releases
    now = metrics.other_name(f"vllm:{found[1]}", release)
    return (release, found[1], now) if now else None
