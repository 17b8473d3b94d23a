"""Objects of a directory, their Pod templates, and the Pods' containers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ira_manifests.kubernetes import labels
from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.view.plain import Json, at, mapping, mappings, sequence, texts
from ira_manifests.vllm.server import is_shell

# The path of the Pod template in each kind; templates of other kinds are found by their shape.
_TEMPLATES: dict[str, Path] = {
    "CronJob": ("spec", "jobTemplate", "spec", "template"),
    "DaemonSet": ("spec", "template"),
    "Deployment": ("spec", "template"),
    "Job": ("spec", "template"),
    "Pod": (),
    "PodTemplate": ("template",),
    "ReplicaSet": ("spec", "template"),
    "ReplicationController": ("spec", "template"),
    "StatefulSet": ("spec", "template"),
}
_GROUPS = ("", "apps", "batch")
# Kinds without Pods, which are not searched.
_WITHOUT = ("ConfigMap", "Secret", "Service", "ServiceAccount", "PersistentVolumeClaim")


@dataclass(frozen=True)
class Object:
    """An object and the file that holds it."""

    file: str
    body: Json

    @property
    def kind(self) -> str:
        """The object's kind, such as Deployment."""
        return str(self.body.get("kind", ""))

    @property
    def group(self) -> str:
        """The API group of its kind; empty for the core group."""
        group, slash, _ = str(self.body.get("apiVersion", "")).rpartition("/")
        return group if slash else ""

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.metadata.get("name", ""))

    @property
    def metadata(self) -> Json:
        """Its metadata."""
        return mapping(self.body.get("metadata"))

    @property
    def labels(self) -> dict[str, str]:
        """Its own labels."""
        return texts(self.metadata.get("labels"))

    @property
    def spec(self) -> Json:
        """Its spec; empty where it has none."""
        return mapping(self.body.get("spec"))


@dataclass(frozen=True)
class Container:
    """A container of a Pod, with its path inside the object."""

    template: PodTemplate
    path: Path
    body: Json

    @property
    def file(self) -> str:
        """The file of its object."""
        return self.template.file

    @property
    def image(self) -> str:
        """The image, as the container has it."""
        return str(self.body.get("image", ""))

    @property
    def words(self) -> list[tuple[str, Path]]:
        """Its command and arguments, each with its path."""
        return [
            (str(word), (*self.path, key, index))
            for key in ("command", "args")
            for index, word in enumerate(sequence(self.body.get(key)))
        ]

    @property
    def command(self) -> list[str]:
        """Its command, without the arguments."""
        return [str(word) for word in sequence(self.body.get("command"))]

    @property
    def is_script(self) -> bool:
        """Whether a shell runs the arguments, and so expands ${VAR}."""
        return is_shell(self.command)

    @cached_property
    def env(self) -> list[Json]:
        """The entries of its `env`."""
        return mappings(self.body.get("env"))

    @cached_property
    def env_from(self) -> list[Json]:
        """The entries of its `envFrom`: ConfigMaps and Secrets whose keys all become variables."""
        return mappings(self.body.get("envFrom"))

    @cached_property
    def mounts(self) -> list[Json]:
        """Its volume mounts."""
        return mappings(self.body.get("volumeMounts"))

    @cached_property
    def ports(self) -> list[Json]:
        """Its ports."""
        return mappings(self.body.get("ports"))

    @cached_property
    def gpus(self) -> int:
        """The number of its GPUs."""
        text = str(mapping(at(self.body, "resources", "limits")).get(labels.GPU, "0"))
        return int(text) if text.isdecimal() else 0


@dataclass(frozen=True)
class PodTemplate:
    """A Pod template in an object, with its path there."""

    owner: Object
    path: Path
    body: Json
    added: Mapping[str, str] = field(default_factory=dict)
    """Labels that the kind's controller gives to the Pods."""

    @property
    def file(self) -> str:
        """The file of the object."""
        return self.owner.file

    @property
    def kind(self) -> str:
        """The kind of the object."""
        return self.owner.kind

    @property
    def name(self) -> str:
        """The name of the object."""
        return self.owner.name

    @property
    def is_of_kubernetes(self) -> bool:
        """Whether its kind is one of Kubernetes itself, whose Pods have what the template has."""
        return self.kind in _TEMPLATES and self.owner.group in _GROUPS

    @property
    def is_copy(self) -> bool:
        """Whether the object is a PodTemplate, from which no Pods are created."""
        return self.kind == "PodTemplate"

    @cached_property
    def spec(self) -> Json:
        """The Pod's spec; empty if the object has none."""
        return mapping(self.body.get("spec"))

    @property
    def annotations(self) -> Json:
        """The Pod's annotations."""
        return mapping(at(self.body, "metadata", "annotations"))

    @cached_property
    def labels(self) -> dict[str, str]:
        """The Pod's labels."""
        return {**texts(at(self.body, "metadata", "labels")), **self.added}

    @cached_property
    def volumes(self) -> list[Json]:
        """The Pod's volumes."""
        return mappings(self.spec.get("volumes"))

    @cached_property
    def tolerations(self) -> list[Json]:
        """The Pod's tolerations."""
        return mappings(self.spec.get("tolerations"))

    @cached_property
    def node_selector(self) -> dict[str, str]:
        """The labels of nodes on which the Pod may run."""
        return texts(self.spec.get("nodeSelector"))

    @cached_property
    def containers(self) -> list[Container]:
        """The containers, init containers included."""
        return [
            Container(self, (*self.path, "spec", key, index), container)
            for key in ("initContainers", "containers")
            for index, container in enumerate(mappings(self.spec.get(key)))
        ]

    @cached_property
    def gpus(self) -> int:
        """The number of GPUs of all containers."""
        return sum(container.gpus for container in self.containers)


def templates(item: Object) -> list[PodTemplate]:
    """Return the Pod templates in an object of any kind."""
    if item.kind in _WITHOUT and item.group == "":
        return []
    if item.kind == lws.KIND and item.group == lws.GROUP:
        return list(_of_group(item))
    path = _TEMPLATES.get(item.kind) if item.group in _GROUPS else None
    if path is None:
        return [PodTemplate(item, where, body) for where, body in _shaped(item.body, ())]
    return [PodTemplate(item, path, mapping(at(item.body, *map(str, path))))]


def _of_group(item: Object) -> Iterator[PodTemplate]:
    """Yield the template of the leaders, and that of the workers if there are any."""
    named = {lws.NAME_LABEL: item.name}
    worker = mapping(at(item.body, *lws.WORKER))
    leads = {**named, lws.INDEX_LABEL: lws.LEADER_INDEX}
    leader = mapping(at(item.body, *lws.LEADER))
    yield PodTemplate(item, lws.LEADER if leader else lws.WORKER, leader or worker, leads)
    if leader and worker:
        yield PodTemplate(item, lws.WORKER, worker, named)


def _shaped(value: Any, path: Path) -> Iterator[tuple[Path, Json]]:
    """Yield each mapping that has the shape of a Pod, with its path."""
    if isinstance(value, list):
        for index, each in enumerate(value):
            yield from _shaped(each, (*path, index))
    elif isinstance(value, dict):
        containers = at(value, "spec", "containers")
        if isinstance(containers, list):
            yield path, value
        else:
            for key, each in value.items():
                yield from _shaped(each, (*path, key))
