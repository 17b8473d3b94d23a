"""Objects that hold Pods, and where in each object the Pod is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ira_manifests.directory import Directory
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
    def spec(self) -> Json:
        """The Pod's spec; empty where the object lacks one."""
        return _mapping(self.template.get("spec"))

    @property
    def annotations(self) -> Json:
        """The Pod's annotations."""
        return _mapping(_mapping(self.template.get("metadata")).get("annotations"))

    @property
    def labels(self) -> Json:
        """The Pod's labels."""
        return _mapping(_mapping(self.template.get("metadata")).get("labels"))

    def containers(self) -> Iterator[tuple[Path, Json]]:
        """Yield each container with its path inside the object."""
        for key in ("initContainers", "containers"):
            for index, container in enumerate(self.spec.get(key) or ()):
                yield (*self.path, "spec", key, index), container


def pod_templates(directory: Directory) -> Iterator[PodTemplate]:
    """Yield the template of every object that makes Pods."""
    for file, item in directory.objects.items():
        path = _TEMPLATES.get(item.get("kind", ""))
        if path is None:
            continue
        template: Any = item
        for key in path:
            template = _mapping(_mapping(template).get(str(key)))
        yield PodTemplate(file, item, path, template)


def arguments(container: Json) -> list[str]:
    """Return a container's command and arguments."""
    return [*(container.get("command") or ()), *(container.get("args") or ())]


def is_script(container: Json) -> bool:
    """Return whether a shell reads the arguments, and expands ${VAR} itself."""
    command = list(container.get("command") or [])
    return bool(command) and command[0].rsplit("/", 1)[-1] in ("sh", "bash")


def flag(words: list[str], name: str) -> str | None:
    """Return the value of a flag among arguments, given as --name=value or --name value."""
    for index, word in enumerate(words):
        if word.startswith(f"{name}="):
            return word.split("=", 1)[1]
        if word == name and index + 1 < len(words):
            return words[index + 1]
    return None


def variables(container: Json, directory: Directory) -> dict[str, str]:
    """Return what is known of a container's environment when the directory is rendered."""
    values = {}
    for item in container.get("env") or ():
        reference = _mapping(_mapping(item.get("valueFrom")).get("configMapKeyRef"))
        if "value" in item:
            values[item["name"]] = item["value"]
        elif reference.get("key") in directory.runtime_values:
            values[item["name"]] = directory.runtime_values[reference["key"]]
    return values


def _mapping(value: Any) -> Json:
    return value if isinstance(value, Mapping) else {}
