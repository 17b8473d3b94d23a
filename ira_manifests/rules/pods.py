"""Objects that hold Pods, and where in each object the Pod is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from ira_manifests.kubernetes import labels
from ira_manifests.kubernetes.expansion import expand
from ira_manifests.output.directory import Directory
from ira_manifests.profiles.yaml_source import Path

Json = Mapping[str, Any]

# Where each kind keeps the template of its Pods.
_TEMPLATES: dict[str, Path] = {
    "Deployment": ("spec", "template"),
    "Job": ("spec", "template"),
    "PodTemplate": ("template",),
}


@dataclass(frozen=True)
class PodTemplate:
    """The template of an object's Pods."""

    file: str
    owner: Json
    path: Path
    template: Json

    @property
    def kind(self) -> str:
        """The kind of the object."""
        return str(self.owner.get("kind"))

    @property
    def name(self) -> str:
        """The name of the object."""
        return str(mapping(self.owner.get("metadata")).get("name", ""))

    @cached_property
    def spec(self) -> Json:
        """The Pod's spec; empty where the object lacks one."""
        return mapping(self.template.get("spec"))

    @property
    def annotations(self) -> Json:
        """The Pod's annotations."""
        return mapping(mapping(self.template.get("metadata")).get("annotations"))

    @cached_property
    def labels(self) -> Json:
        """The Pod's labels."""
        return mapping(mapping(self.template.get("metadata")).get("labels"))

    @cached_property
    def containers(self) -> list[tuple[Path, Json]]:
        """Each container with its path inside the object."""
        return [
            ((*self.path, "spec", key, index), container)
            for key in ("initContainers", "containers")
            for index, container in enumerate(self.spec.get(key) or ())
        ]


@lru_cache(maxsize=1)  # every rule asks for those of one directory after the other
def pod_templates(directory: Directory) -> list[PodTemplate]:
    """Return the template of every object that makes Pods, before PodTemplates, their copies."""
    found = []
    objects = directory.objects.items()
    for file, item in sorted(objects, key=lambda pair: pair[1].get("kind") == "PodTemplate"):
        path = _TEMPLATES.get(item.get("kind", ""))
        if path is None:
            continue
        template: Any = item
        for key in path:
            template = mapping(mapping(template).get(str(key)))
        found.append(PodTemplate(file, item, path, template))
    return found


def arguments(container: Json) -> list[str]:
    """Return a container's command and arguments."""
    return [*(container.get("command") or ()), *(container.get("args") or ())]


def is_script(container: Json) -> bool:
    """Return whether a shell reads the arguments, and expands ${VAR} itself."""
    command = list(container.get("command") or [])
    return bool(command) and command[0].rsplit("/", 1)[-1] in ("sh", "bash")


def gpus(container: Json) -> int:
    """Return the GPUs that a container gets."""
    text = str(mapping(mapping(container.get("resources")).get("limits")).get(labels.GPU, "0"))
    return int(text) if text.isdecimal() else 0


def config_maps(directory: Directory) -> set[str]:
    """Return the names of the ConfigMap that `base` and the directory's own values make."""
    kustomization = directory.kustomization
    generated = {generator.name for generator in kustomization.config_maps}
    return generated | {replacement.config_map for replacement in kustomization.replacements}


def variables(
    container: Json, directory: Directory, values: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return what is known of a container's environment when the directory is rendered.

    `values`: what the ConfigMap holds. Default: the directory's runtime values.
    """
    known = directory.runtime_values if values is None else values
    maps = config_maps(directory)
    found: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        if mapping(source.get("configMapRef")).get("name") in maps:
            found |= {f"{source.get('prefix', '')}{key}": value for key, value in known.items()}
    for item in container.get("env") or ():
        reference = mapping(mapping(item.get("valueFrom")).get("configMapKeyRef"))
        if "value" in item:
            found[item["name"]] = expand(str(item["value"]), found)
        elif reference.get("name") in maps and reference.get("key") in known:
            found[item["name"]] = known[reference["key"]]
    return found


def mapping(value: Any) -> Json:
    """Return a mapping as it is, and nothing of anything else."""
    return value if isinstance(value, dict) else {}
