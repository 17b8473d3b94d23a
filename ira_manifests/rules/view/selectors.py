"""Selectors in objects of every kind: at the paths of a table, or found by their shape.

Selectors of unknown kinds are checked too, so that a new kind is not skipped silently.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import Enum
from typing import Any, NamedTuple

from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.view.plain import Json, at, mapping, mappings, sequence, texts
from ira_manifests.rules.view.pods import Object, PodTemplate

POD, SERVICE = "Pod", "Service"
ANY = ""
"""The target of a selector of an unknown kind: Pods, or objects by their own labels."""


class Scope(Enum):
    """Which Pods a selector may match besides its own workload's."""

    NAMED = "named"
    """None, and it must hold the workload's name, so that no later workload matches."""
    OWN = "own"
    """None of the existing workloads."""
    WIDE = "wide"
    """Other workloads' Pods as well."""


class Requirement(NamedTuple):
    """A condition of `matchExpressions`."""

    key: str
    operator: str
    values: tuple[str, ...]

    def holds(self, labels: Mapping[str, Any]) -> bool:
        """Return whether labels meet the condition."""
        match self.operator:
            case "In":
                return self.key in labels and labels[self.key] in self.values
            case "NotIn":
                return self.key not in labels or labels[self.key] not in self.values
            case "DoesNotExist":
                return self.key not in labels
            case _:
                return self.key in labels


class Selector(NamedTuple):
    """A selector, and the object that has it."""

    file: str
    path: Path
    kind: str
    name: str
    selects: str
    """`POD`, `SERVICE` or `ANY`."""
    labels: Mapping[str, str]
    requirements: tuple[Requirement, ...] = ()
    scope: Scope = Scope.OWN

    def matches(self, labels: Mapping[str, Any]) -> bool:
        """Return whether it matches these labels."""
        return self.labels.items() <= labels.items() and all(
            requirement.holds(labels) for requirement in self.requirements
        )

    @property
    def shown(self) -> str:
        """The selector as one line of text."""
        labels = [f"{key}: {value}" for key, value in self.labels.items()]
        rest = [" ".join([key, how, *values]) for key, how, values in self.requirements]
        return ", ".join([*labels, *rest]) or "{}"


class Reference(NamedTuple):
    """A reference to another object by name, such as an autoscaler's scaleTargetRef."""

    file: str
    path: Path
    kind: str
    name: str
    target_kind: str
    target: str


class _Known(NamedTuple):
    """The path of a kind's selector, and what it selects."""

    path: Path = ("spec", "selector")
    selects: str = POD
    scope: Scope = Scope.NAMED
    takes_all: bool = False
    """Whether an empty selector selects everything, and not nothing."""


_WORKLOAD = _Known()
_MONITOR = _Known(scope=Scope.OWN, takes_all=True)
# None: the kind's selector-like fields do not select Pods, but volumes, metrics or nothing.
_KINDS: dict[tuple[str, str], _Known | None] = {
    ("", "ConfigMap"): None,
    ("", "PersistentVolumeClaim"): None,
    ("", "Pod"): None,
    ("", "PodTemplate"): None,
    ("", "ReplicationController"): _WORKLOAD,
    ("", "Secret"): None,
    ("", "Service"): _WORKLOAD,
    ("", "ServiceAccount"): None,
    ("apps", "DaemonSet"): _WORKLOAD,
    ("apps", "Deployment"): _WORKLOAD,
    ("apps", "ReplicaSet"): _WORKLOAD,
    ("apps", "StatefulSet"): _WORKLOAD,
    ("autoscaling", "HorizontalPodAutoscaler"): None,
    ("autoscaling.x-k8s.io", "ProvisioningRequest"): None,
    ("batch", "CronJob"): _Known(("spec", "jobTemplate", "spec", "selector")),
    ("batch", "Job"): _WORKLOAD,
    ("inference.networking.k8s.io", "InferencePool"): _WORKLOAD,
    ("inference.networking.x-k8s.io", "InferencePool"): _WORKLOAD,
    (lws.GROUP, lws.KIND): None,
    ("monitoring.coreos.com", "PodMonitor"): _MONITOR,
    ("monitoring.coreos.com", "ServiceMonitor"): _MONITOR._replace(selects=SERVICE),
    ("monitoring.googleapis.com", "ClusterPodMonitoring"): _MONITOR._replace(scope=Scope.WIDE),
    ("monitoring.googleapis.com", "PodMonitoring"): _MONITOR,
    ("networking.k8s.io", "NetworkPolicy"): _Known(
        ("spec", "podSelector"), scope=Scope.OWN, takes_all=True
    ),
    ("policy", "PodDisruptionBudget"): _Known(takes_all=True),
}
_UNKNOWN = _Known(selects=ANY, scope=Scope.OWN)

_SELECTOR_KEYS = {
    "endpointSelector", "labelSelector", "podLabelSelector", "podSelector", "selector",
    "workloadSelector",
}  # fmt: skip
_OF_LABELS = ("matchLabels", "matchExpressions", "labels")
# Fields that select nodes or namespaces, and network peers, which are other workloads on purpose.
_NO_SELECTORS = {
    "egress", "from", "ingress", "metadata", "namespaceSelector", "nodeAffinity", "nodeSelector",
    "objectSelector", "status", "to",
}  # fmt: skip

# A selector as text: app=vllm,tier=gpu, or app == 'vllm' && tier == 'gpu'.
_PAIR = re.compile(r"([\w./-]+) ?==? ?'?([\w.-]+)'?")
_TEXT = re.compile(rf"(?:{_PAIR.pattern})(?: ?(?:,|&&) ?{_PAIR.pattern})*")

# Fields that name an object of the same namespace, with their default kind. Not those of an
# InferencePool's picker, which is a program of its own and installed apart.
_REFERENCES = {
    "backendRef": "Service",
    "backendRefs": "Service",
    "podTemplateRef": "PodTemplate",
    "scaleTargetRef": "Deployment",
    "targetRef": "",
    "targetRefs": "",
}


def selectors_of(item: Object) -> Iterator[Selector]:
    """Yield every selector of an object that matches Pods, or objects with Pods."""
    known = _known(item)
    if item.spec.get("namespaceSelector"):
        return  # it selects Pods in other namespaces
    if known is _UNKNOWN:
        for path, value in _shaped(item.body, ()):
            yield from _selector(item, known, path, value)
    elif known is not None:
        yield from _selector(item, known, known.path, at(item.body, *map(str, known.path)))


def spreads_of(template: PodTemplate) -> Iterator[Selector]:
    """Yield the selectors of topology spread constraints, which may match the Pods themselves."""
    wide = _Known(scope=Scope.WIDE)
    constraints = mappings(template.spec.get("topologySpreadConstraints"))
    for index, each in enumerate(constraints):
        path = (*template.path, "spec", "topologySpreadConstraints", index, "labelSelector")
        yield from _selector(template.owner, wide, path, each.get("labelSelector"))


def _known(item: Object) -> _Known | None:
    if "apiVersion" in item.body:
        return _KINDS.get((item.group, item.kind), _UNKNOWN)
    return next((known for (_, kind), known in _KINDS.items() if kind == item.kind), _UNKNOWN)


def _selector(item: Object, known: _Known, path: Path, value: Any) -> Iterator[Selector]:
    if not isinstance(value, dict) or not (value or known.takes_all):
        return
    inner = next((key for key in _OF_LABELS if isinstance(value.get(key), dict | list)), None)
    labels = value if inner is None else mapping(value.get("matchLabels", value.get("labels")))
    if known is _UNKNOWN and not all(isinstance(each, str) for each in labels.values()):
        return  # not a selector in spite of its name
    requirements = () if inner is None else tuple(_requirements(value))
    if labels or requirements or known.takes_all:
        where = path if inner is None else (*path, inner)
        yield Selector(
            item.file, where, item.kind, item.name, known.selects, texts(labels), requirements,
            known.scope,
        )  # fmt: skip


def _requirements(value: Json) -> Iterator[Requirement]:
    for item in mappings(value.get("matchExpressions")):
        values = tuple(str(each) for each in sequence(item.get("values")))
        yield Requirement(str(item.get("key", "")), str(item.get("operator", "")), values)


def _shaped(value: Any, path: Path, key: str = "") -> Iterator[tuple[Path, Json]]:
    """Yield each value of an unknown kind that looks like a selector, with its path."""
    if isinstance(value, str) and key in _SELECTOR_KEYS and _TEXT.fullmatch(value):
        yield path, dict(_PAIR.findall(value))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _shaped(each, (*path, index))
    elif isinstance(value, dict):
        if key in _SELECTOR_KEYS or "matchLabels" in value or "matchExpressions" in value:
            yield path, value
        elif not isinstance(mapping(value.get("spec")).get("containers"), list):
            for name, each in value.items():
                if name not in _NO_SELECTORS:
                    yield from _shaped(each, (*path, name), name)


def references_of(item: Object) -> Iterator[Reference]:
    """Yield the references of an object of any kind to others of its namespace."""
    for path, default, value in _named(item.body, ()):
        kind, name = value.get("kind", default), value.get("name")
        namespace = value.get("namespace", item.metadata.get("namespace"))
        if kind and isinstance(name, str) and namespace == item.metadata.get("namespace"):
            yield Reference(item.file, (*path, "name"), item.kind, item.name, str(kind), name)


def _named(value: Any, path: Path, key: str = "") -> Iterator[tuple[Path, str, Json]]:
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _named(each, (*path, index), key)
    elif isinstance(value, dict):
        if key in _REFERENCES:
            yield path, _REFERENCES[key], value
        elif key in ("backend", "defaultBackend") and isinstance(value.get("service"), dict):
            yield (*path, "service"), SERVICE, value["service"]  # an Ingress's
        elif not isinstance(mapping(value.get("spec")).get("containers"), list):
            for name, each in value.items():
                yield from _named(each, (*path, name), name)
