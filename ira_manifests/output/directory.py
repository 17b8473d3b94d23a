"""A directory of the output as values: its objects and its kustomization."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from ira_manifests.output import yaml_text
from ira_manifests.output.kustomize import EMPTY, NAME_REFERENCES, Kustomization
from ira_manifests.output.tree import marked, path_in

KUSTOMIZATION = "kustomization.yaml"
RUNTIME_CONFIG = "vllm-runtime-config.env"


@dataclass(frozen=True)
class Directory:
    """One directory, before it is written as text."""

    name: str
    kustomization: Kustomization = EMPTY
    """If it is empty, no kustomization.yaml is written."""
    objects: Mapping[str, Any] = field(default_factory=dict)
    """File name to object, in the order in which they are applied."""
    runtime_values: Mapping[str, str] = field(default_factory=dict)
    """Keys that the directory adds to the ConfigMap of the user's values, or, without a
    kustomization, those of the ConfigMap among the objects."""
    ignored: tuple[str, ...] = ()
    """Patterns for .gitignore, in the directory and below."""
    cell: str = ""
    """Name of its cell, "gpu/model"; empty for directories without one."""

    @cached_property
    def files(self) -> dict[str, bytes]:
        """The files of the directory by name."""
        values: dict[str, Any] = dict(self.objects)
        if self.kustomization != EMPTY:
            values = {KUSTOMIZATION: self.kustomization.to_json(), **values}
        if self.kustomization.name_reference is not None:
            values[NAME_REFERENCES] = self.kustomization.name_reference.to_json()
        bodies = {name: yaml_text.dump(value) for name, value in values.items()}
        if self.runtime_values and self.kustomization != EMPTY:
            lines = (f"{key}={value}\n" for key, value in self.runtime_values.items())
            bodies[RUNTIME_CONFIG] = "".join(lines)
        if self.ignored:
            bodies[".gitignore"] = "".join(f"{name}\n" for name in self.ignored)
        return {name: marked(path_in(self.name, name), body) for name, body in bodies.items()}
