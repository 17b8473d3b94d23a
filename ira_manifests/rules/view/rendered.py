"""`View`: one rendered directory as the rules of objects read it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path as FilePath

from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.kubernetes.expansion import expand
from ira_manifests.output.directory import Directory
from ira_manifests.output.kustomize import Kustomization
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.view.places import found_at
from ira_manifests.rules.view.plain import at, mapping, texts
from ira_manifests.rules.view.pods import Container, Object, PodTemplate, templates
from ira_manifests.rules.view.selector_index import SelectorIndex, Target
from ira_manifests.rules.view.selectors import (
    POD,
    SERVICE,
    Reference,
    Scope,
    Selector,
    references_of,
    selectors_of,
    spreads_of,
)
from ira_manifests.rules.view.servers import Server, server_of


class View:
    """One rendered directory: its objects, Pods, containers, servers and selectors.

    Each part is computed once, when a rule first asks for it.
    `out`: the output folder, for the paths in findings. `cell`: the directory's cell, for rules
    that compare the two. `complete`: whether Pods read no ConfigMap but those of the directory.
    `own`: whether this project's constructs made the objects. If not, a rule judges what is a fault
    in any tree, and no convention of this project.
    """

    def __init__(
        self,
        directory: Directory,
        out: FilePath,
        cell: Cell | None = None,
        *,
        complete: bool = True,
        own: bool = True,
    ) -> None:
        self._directory = directory
        self.complete = complete
        self.own = own
        self._folder = out / directory.name
        self.name = directory.name
        self.cell = cell
        self.objects = [Object(file, item) for file, item in directory.objects.items()]

    @property
    def kustomization(self) -> Kustomization:
        """The directory's kustomization."""
        return self._directory.kustomization

    @property
    def runtime_values(self) -> Mapping[str, str]:
        """The values that the directory adds to the ConfigMap of the user's values."""
        return self._directory.runtime_values

    def model_id(self, template: PodTemplate) -> str | None:
        """Return the id of the model that a workload serves, or None.

        It is the directory's, or that of the ConfigMap from which a server reads it.
        """
        of_directory = self.runtime_values.get("MODEL_ID")
        if of_directory is not None:
            return of_directory
        containers = [
            each.container for each in self.servers if each.container.template is template
        ]
        read = {self.environment(each).get("MODEL_ID") for each in containers}
        return read.pop() if len(read) == 1 else None

    def shown(self, file: str) -> str:
        """Return an object's file as messages name it."""
        return file

    def together(self, one: str, other: str) -> bool:
        """Return whether the objects of two files are applied together."""
        del one, other
        return True

    def of_kind(self, *kinds: str) -> list[Object]:
        """Return the objects of some kinds, in their order."""
        return [item for item in self.objects if item.kind in kinds]

    @cached_property
    def pods(self) -> list[PodTemplate]:
        """The Pod template of every object; PodTemplates, which are copies, come last."""
        found = [template for item in self.objects for template in templates(item)]
        return sorted(found, key=lambda template: template.is_copy)

    @cached_property
    def workloads(self) -> list[PodTemplate]:
        """The entries of `pods` from which Pods are created."""
        return [template for template in self.pods if not template.is_copy]

    def group_of(self, template: PodTemplate) -> Object | None:
        """Return the LeaderWorkerSet whose Pods a template describes, as its own or as a copy."""
        if not template.is_copy:
            return template.owner if template.kind == lws.KIND else None
        request = template.annotations.get(queued.CONSUME)
        groups = (each for each in self.workloads if each.kind == lws.KIND and request is not None)
        return next((g.owner for g in groups if g.annotations.get(queued.CONSUME) == request), None)

    @cached_property
    def containers(self) -> list[Container]:
        """The containers of all `pods`."""
        return [container for template in self.pods for container in template.containers]

    @cached_property
    def servers(self) -> list[Server]:
        """The vLLM servers that the containers start."""
        found = (server_of(each, self.environment(each)) for each in self.containers)
        return [server for server in found if server is not None]

    def server_under(self, container: Container, values: Mapping[str, str]) -> Server | None:
        """Return the server that a container starts if the ConfigMap holds `values`."""
        return server_of(container, self.environment(container, values))

    @cached_property
    def config_maps(self) -> frozenset[str]:
        """The names of the ConfigMap that `base` and the directory generate together.

        Without a kustomization it is among the objects.
        """
        if self.runtime_values and not self.kustomization.config_maps:
            return frozenset(self.data)
        generated = {generator.name for generator in self.kustomization.config_maps}
        return frozenset(generated | {each.config_map for each in self.kustomization.replacements})

    @cached_property
    def data(self) -> dict[str, dict[str, str]]:
        """The data of each ConfigMap among the objects, by its name."""
        return {item.name: texts(item.body.get("data")) for item in self.of_kind("ConfigMap")}

    def environment(
        self, container: Container, values: Mapping[str, str] | None = None
    ) -> dict[str, str]:
        """Return a container's variables whose values are known before it is applied.

        `values`: the data of the ConfigMap. Default: the directory's runtime values.
        """
        known = self.runtime_values if values is None else values
        found: dict[str, str] = {}
        for source in container.env_from:
            every = self._values_of(str(at(source, "configMapRef", "name")), known)
            found |= {f"{source.get('prefix', '')}{key}": value for key, value in every.items()}
        for item in container.env:
            reference = mapping(at(item, "valueFrom", "configMapKeyRef"))
            name, key = str(item.get("name")), str(reference.get("key"))
            every = self._values_of(str(reference.get("name")), known)
            if "value" in item:
                found[name] = expand(str(item["value"]), found)
            elif key in every:
                found[name] = every[key]
        return found

    def _values_of(self, config_map: str, generated: Mapping[str, str]) -> Mapping[str, str]:
        """Return the known data of a ConfigMap. `generated`: that of the generated one."""
        return generated if config_map in self.config_maps else self.data.get(config_map, {})

    @cached_property
    def selectors(self) -> list[Selector]:
        """Every selector of every kind of object."""
        return [
            *(each for template in self.workloads for each in spreads_of(template)),
            *(each for item in self.objects for each in selectors_of(item)),
        ]

    @cached_property
    def references(self) -> list[Reference]:
        """Every reference to another object, in objects of any kind."""
        return [each for item in self.objects for each in references_of(item)]

    @cached_property
    def targets(self) -> list[Target]:
        """The targets of selectors: Pods of workloads, and Services."""
        services = (Target(SERVICE, item.name, item.labels) for item in self.of_kind(SERVICE))
        return [*(Target(POD, each.name, each.labels) for each in self.workloads), *services]

    @property
    def selector_index(self) -> SelectorIndex:
        """The data that checks across the directories of a namespace need."""
        own = [each for each in self.selectors if each.scope is not Scope.WIDE]
        return SelectorIndex(self.targets, own)

    def finding(self, file: str, path: Path, message: str, hint: str) -> Finding:
        """Return a finding at a field of a file; the registry fills in its rule."""
        content = self._directory.files.get(file, b"")
        cell = self._directory.cell
        return found_at(self._folder / file, content, path, message, hint, cell)
