"""Objects of Kubernetes as their JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

Json = dict[str, Any]

# The C parser, if PyYAML was built with it: CustomResourceDefinitions have megabytes.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def objects_in(text: str) -> list[Json]:
    """Return the objects of a YAML stream."""
    return [document for document in yaml.load_all(text, _LOADER) if document]


def the(objects: Sequence[Json], kind: str) -> Json:
    """The only object of a kind."""
    (found,) = [item for item in objects if item["kind"] == kind]
    return found


def template_of(objects: Sequence[Json]) -> Any:
    """The Pod template of the only Deployment."""
    return the(objects, "Deployment")["spec"]["template"]
