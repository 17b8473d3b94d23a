"""Objects of Kubernetes as their JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

Json = dict[str, Any]


def objects_in(text: str) -> list[Json]:
    """Return the objects of a YAML stream."""
    return [document for document in yaml.safe_load_all(text) if document]


def the(objects: Sequence[Json], kind: str) -> Json:
    """The only object of a kind."""
    (found,) = [item for item in objects if item["kind"] == kind]
    return found


def template_of(objects: Sequence[Json]) -> Any:
    """The Pod template of the only Deployment."""
    return the(objects, "Deployment")["spec"]["template"]
