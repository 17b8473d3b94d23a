"""The servers of a unit that can be cells, and the objects that belong to each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import getitem
from typing import Any, NamedTuple, cast

from ira_manifests.importing import downloads
from ira_manifests.kubernetes import fields
from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.kubernetes.fields import Wrong
from ira_manifests.lint import hardware, serving
from ira_manifests.lint.hardware import Hardware
from ira_manifests.lint.models import Library
from ira_manifests.lint.placeholders import has_placeholder
from ira_manifests.lint.view import ForeignView
from ira_manifests.profiles.yaml_source import dotted
from ira_manifests.rules.view.plain import Json, at, mapping, texts
from ira_manifests.rules.view.pods import Object
from ira_manifests.rules.view.servers import Server

WORKLOADS = ("Deployment", lws.KIND)


class Left(NamedTuple):
    """What is not carried over: the unit, the object in it or the profile, its field, and why.

    Without a field it is the object as a whole.
    """

    unit: str
    owner: str
    field: str
    why: str


@dataclass(frozen=True)
class Found:
    """A server that becomes a cell. `objects`: its own, and the ConfigMaps of its unit."""

    unit: str
    view: ForeignView
    server: Server
    hardware: Hardware
    model_id: str
    objects: tuple[Object, ...]

    @property
    def workload(self) -> Object:
        """The Deployment or LeaderWorkerSet."""
        return self.server.container.template.owner

    @property
    def is_queued(self) -> bool:
        """Whether its Pods consume a ProvisioningRequest."""
        annotations = self.server.container.template.annotations
        return bool({queued.CONSUME, queued.CLASS, *queued.DEPRECATED} & annotations.keys())

    @property
    def spec(self) -> Mapping[str, Any]:
        """The spec of its Pods."""
        return self.server.container.template.spec

    def of_kind(self, kind: str) -> list[Object]:
        """Return its objects of a kind."""
        return [item for item in self.objects if item.kind == kind]


def read(view: ForeignView, library: Library) -> tuple[list[Found], list[Left]]:
    """Return the servers of a unit, and what of it is not carried over."""
    found: list[Found] = []
    left: list[Left] = []
    seen: set[str] = set()
    for server in _servers(view):
        seen.add(server.file)
        known = _found(view, server, library)
        if isinstance(known, Found):
            found.append(known)
        else:
            left.append(Left(view.name, _named(server.container.template.owner), "", known))
    own = {item.file for each in found for item in each.objects}
    own |= seen | {item.file for item in downloads.objects(view)}
    rest = [item for item in view.objects if item.file not in own and _why(item)]
    return found, [*left, *(Left(view.name, _named(item), "", _why(item)) for item in rest)]


def _servers(view: ForeignView) -> Iterator[Server]:
    """Yield one server for each object: not those of PodTemplates, and of workers."""
    seen = set()
    for server in view.servers:
        is_worker = "--headless" in server.settings
        if server.file not in seen and not server.container.template.is_copy and not is_worker:
            seen.add(server.file)
            yield server


def _found(view: ForeignView, server: Server, library: Library) -> Found | str:
    """Return a server that becomes a cell, else why it does not."""
    template = server.container.template
    if template.kind not in WORKLOADS:
        return "profiles make Deployments and LeaderWorkerSets alone"
    if not server.container.gpus:
        return "its server asks for no GPU"
    place = hardware.find(template, library.gpus, server.container.gpus)
    if isinstance(place, str):
        return f"not known: {place}"
    model_id = serving.find_model(view, server, library)
    if not model_id:
        return "not known: the model that it serves"
    objects = tuple(_own(view, template.owner))
    misshapen = next(_misshapen(view, objects), None)
    if misshapen is not None:
        return f"no API server takes its Pods: {dotted(misshapen.path)} {misshapen.message}"
    return Found(view.name, view, server, place, model_id, objects)


def _misshapen(view: ForeignView, objects: Sequence[Object]) -> Iterator[Wrong]:
    """Yield the fields of objects' Pods with values of other types; null is unset."""
    files = {item.file for item in objects}
    for template in view.pods:
        if template.file in files:
            yield from _misshapen_in(template.spec)


def _misshapen_in(spec: Json) -> Iterator[Wrong]:
    for each in fields.wrong("PodSpec", spec):
        try:
            value = reduce(getitem, each.path, cast("Any", spec))
        except KeyError:  # a required field
            yield each
            continue
        is_placeholder = isinstance(value, str) and has_placeholder(value)
        is_unset = value is None and isinstance(each.path[-1], str)
        if not (each.is_key or is_unset or is_placeholder):
            yield each


def _own(view: ForeignView, owner: Object) -> Iterator[Object]:
    """Yield the objects of a server: of an only one, all but those of a download."""
    of_download = downloads.objects(view)
    others = {each.file for each in _servers(view)} - {owner.file}
    for item in view.objects:
        if item.file in others or item in of_download:
            continue
        is_plain = item.kind == "ConfigMap" or item.file == owner.file
        if is_plain or (_belongs(view, item, owner) if others else item.kind != "Secret"):
            yield item


def _belongs(view: ForeignView, item: Object, owner: Object) -> bool:
    """Return whether an object is one workload's of several."""
    template = next(each for each in view.pods if each.file == owner.file)
    if item.kind == "ServiceAccount":
        return item.name == template.spec.get("serviceAccountName")
    if item.kind in ("PodTemplate", "ProvisioningRequest"):
        return item.name.startswith(owner.name)
    if at(item.spec, "scaleTargetRef", "name") == owner.name:
        return True
    selector = item.spec.get("podSelector") or item.spec.get("selector")
    selected = texts(mapping(selector).get("matchLabels") or selector)
    return bool(selected) and selected.items() <= template.labels.items()


def _why(item: Object) -> str:
    """Return why an object that belongs to no cell is left out; empty if there is nothing to it."""
    if item.kind in ("ConfigMap", "Namespace"):
        return ""
    if item.kind == "Secret":
        return "Secrets are never copied; the cluster keeps its own"
    if item.kind in ("Job", "CronJob"):
        return "profiles have a download of their own (model_download), and no other Job"
    return "no server of a cell uses it, or profiles have no field for it"


def _named(item: Object) -> str:
    return f"{item.kind} {item.name}"
