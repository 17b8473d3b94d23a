"""Rules of selectors, in one directory and over all that share a namespace."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ira_manifests.output.directory import Directory
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules import pods
from ira_manifests.rules.hit import Hit
from ira_manifests.rules.pods import PodTemplate, mapping

_NARROW = "select by a label that only one workload's Pods carry, such as its name"


class _Selector(NamedTuple):
    """A selector of a Deployment or Service, and the workload that it is for."""

    file: str
    path: Path
    kind: str
    name: str
    labels: Mapping[str, str]

    def selects(self, template: PodTemplate) -> bool:
        return self.labels.items() <= template.labels.items()


class Reach(NamedTuple):
    """What a directory's neighbours in a namespace must know of it."""

    pods: Sequence[tuple[str, Mapping[str, str]]]
    """Each workload by its name, with the labels of its Pods."""
    selectors: Sequence[_Selector]


def reach(directory: Directory) -> str:
    """Return what a directory selects, and what can be selected there, as JSON: a fleet is many."""
    labels = [(item.name, item.labels) for item in _workloads(directory)]
    return json.dumps(Reach(labels, list(_selectors(directory))))


def read_reach(text: str) -> Reach:
    """Return what `reach` wrote. Raises `TypeError` or `ValueError` for anything else."""
    labels, selectors = json.loads(text)
    found = [
        _Selector(_text(file), tuple(map(_text, path)), _text(kind), _text(name), _labels(some))
        for file, path, kind, name, some in selectors
    ]
    if not all(each.labels for each in found):
        raise ValueError
    return Reach([(_text(name), _labels(of_pods)) for name, of_pods in labels], found)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _labels(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError
    return {name: _text(label) for name, label in value.items()}


def check(directory: Directory) -> Iterator[Hit]:
    """Yield what the rules find in a directory's selectors."""
    workloads = _workloads(directory)
    for selector in _selectors(directory):
        owned = [item for item in workloads if item.name == selector.name] or workloads
        others = [item.name for item in workloads if selector.selects(item) and item not in owned]
        if others:
            yield _shared(selector, others, "of the directory")
        elif workloads and not any(selector.selects(item) for item in owned):
            message = f"the {selector.kind} {selector.name} selects no Pod of the directory"
            hint = "select labels that the Pod template has, exactly as they are there"
            yield Hit("IRA037", selector.file, selector.path, message, hint)
        elif workloads and not {item.name for item in owned} & set(selector.labels.values()):
            shown = ", ".join(f"{key}: {value}" for key, value in selector.labels.items())
            message = f"the selector {shown} does not hold the name of "
            message += f"{owned[0].name}: any other workload may have it as well"
            yield Hit("IRA016", selector.file, selector.path, message, _NARROW)


def check_namespace(directories: Mapping[str, str]) -> Iterator[tuple[str, Hit]]:
    """Yield selectors of one directory that select another one's workload of another name.

    `directories`: the reach of each. Those whose workloads have one name are meant to replace
    each other.
    """
    by_label: dict[tuple[str, str], set[str]] = defaultdict(set)
    for text in directories.values():
        for name, labels in read_reach(text).pods:
            for label in labels.items():
                by_label[label].add(name)
    for directory, text in directories.items():
        each = read_reach(text)
        own = {name for name, _ in each.pods}
        for selector in each.selectors:
            # The rarest label first, or a fleet would be compared with a fleet.
            named = sorted((by_label[label] for label in selector.labels.items()), key=len)
            others = sorted(named[0].intersection(*named[1:]) - own)
            if others:
                yield directory, _shared(selector, others, "of the namespace")


def _shared(selector: _Selector, others: Sequence[str], where: str) -> Hit:
    does = "sends requests to" if selector.kind == "Service" else "also selects"
    message = f"the {selector.kind} {selector.name} {does} the Pods of {' and '.join(others)}"
    return Hit("IRA016", selector.file, selector.path, f"{message} {where}", _NARROW)


def _workloads(directory: Directory) -> list[PodTemplate]:
    return [item for item in pods.pod_templates(directory) if item.kind != "PodTemplate"]


def _selectors(directory: Directory) -> Iterator[_Selector]:
    for template in pods.pod_templates(directory):
        if template.kind == "Deployment":
            spec = mapping(template.owner.get("spec"))
            labels = mapping(mapping(spec.get("selector")).get("matchLabels"))
            path: Path = ("spec", "selector", "matchLabels")
            if labels:
                yield _Selector(template.file, path, "Deployment", template.name, labels)
    for file, item in directory.objects.items():
        if item.get("kind") == "Service":
            labels = mapping(mapping(item.get("spec")).get("selector"))
            name = str(mapping(item.get("metadata")).get("name", ""))
            if labels:  # without any, somebody else names the Service's endpoints
                yield _Selector(file, ("spec", "selector"), "Service", name, labels)
