"""A kustomization.yaml as a typed value: the part of kustomize that a directory needs.

https://kubectl.docs.kubernetes.io/references/kustomize/kustomization/. Kustomize does
only what must happen when a user applies: it generates a ConfigMap and a Secret from the user's
env files, named after their content, and puts the bucket's name in place.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(frozen=True)
class Generator:
    """A ConfigMap or Secret made of env files; `merge` adds to one that a resource generates."""

    name: str
    envs: tuple[str, ...]
    merge: bool = False

    def to_json(self) -> Json:
        """Return the generator as kustomize spells it."""
        behavior = {"behavior": "merge"} if self.merge else {}
        return {"name": self.name, **behavior, "envs": list(self.envs)}


@dataclass(frozen=True)
class Replacement:
    """A value of a ConfigMap, put into the same field of objects of some kinds."""

    config_map: str
    key: str
    targets: tuple[tuple[str, str], ...]
    """Kind of the objects, and path of the field inside each."""
    until: str = ""
    """Take the value's part before the first of this character only; empty: all of it."""

    def to_json(self) -> Json:
        """Return the replacement as kustomize spells it."""
        return {
            "source": {
                "kind": "ConfigMap",
                "name": self.config_map,
                "fieldPath": f"data.{self.key}",
                **({"options": {"delimiter": self.until, "index": 0}} if self.until else {}),
            },
            "targets": [
                {"select": {"kind": kind}, "fieldPaths": [path]} for kind, path in self.targets
            ],
        }


NAME_REFERENCES = "name-references.yaml"


@dataclass(frozen=True)
class NameReference:
    """Fields of a custom kind that name a ConfigMap; kustomize knows those of its own kinds only.

    Without them, the objects name the ConfigMap without its hash, and so one that does not exist.
    See https://github.com/kubernetes-sigs/kustomize/tree/master/examples/transformerconfigs.
    """

    kind: str
    paths: tuple[str, ...]
    """Paths inside the objects, with slashes; lists are passed over."""

    def to_json(self) -> Json:
        """Return the configuration as kustomize spells it."""
        fields = [{"kind": self.kind, "path": path} for path in self.paths]
        return {"nameReference": [{"kind": "ConfigMap", "version": "v1", "fieldSpecs": fields}]}


@dataclass(frozen=True)
class Kustomization:
    """One kustomization.yaml."""

    namespace: str | None = None
    resources: tuple[str, ...] = ()
    config_maps: tuple[Generator, ...] = ()
    secrets: tuple[Generator, ...] = ()
    replacements: tuple[Replacement, ...] = ()
    name_reference: NameReference | None = None
    ordered: bool = False
    """Whether objects are applied in the order of `resources`, and not in kubectl's own.

    kubectl's own order has accounts and configuration first, and unknown kinds last, by name. With
    any other order kubectl prints a warning about `--reorder`, so use it only if needed.
    """

    def to_json(self) -> Json:
        """Return the kustomization; keys that would be empty are left out."""
        fields: Json = {
            "namespace": self.namespace,
            "resources": list(self.resources),
            "sortOptions": {"order": "fifo"} if self.ordered else None,
            "configMapGenerator": [item.to_json() for item in self.config_maps],
            "secretGenerator": [item.to_json() for item in self.secrets],
            "configurations": [NAME_REFERENCES] if self.name_reference else None,
            "replacements": [item.to_json() for item in self.replacements],
        }
        return {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            **{key: value for key, value in fields.items() if value},
        }


EMPTY = Kustomization()
"""For a directory without a kustomization.yaml."""
