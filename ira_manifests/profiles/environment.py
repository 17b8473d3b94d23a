"""The schema of `profiles/environments/<name>.yaml`, as pydantic models.

The text below a field gives its unit and meaning. An environment's file also has fields of the
platform, of GPU types and of models; what it changes in them is validated with all else of theirs.
"""

# No annotations from __future__ here: pydantic would have to evaluate their text at every start.
from typing import Annotated, Any

from pydantic import Field

from ira_manifests.profiles.base import Profile
from ira_manifests.profiles.fields import NOT_EMPTY, Label
from ira_manifests.profiles.platform import Platform
from ira_manifests.profiles.schema import OF_REPOSITORY
from ira_manifests.profiles.serving_fields import ServingFields

CellPattern = Annotated[str, Field(min_length=1, max_length=200)]
"""A cell, such as `h100/llama3`, or a pattern of cells, such as `h100/*` and `*/llama3`."""

Changes = Annotated[dict[str, Any], Field(max_length=100)]
"""Fields of a profile with their values in the environment, where they differ; null removes."""


class Environment(Profile):
    """What differs in one environment: `profiles/environments/<name>.yaml`."""

    cluster: Label | None = None
    """The name of its cluster, by which `check` knows the environments that share one."""
    cells: Annotated[tuple[CellPattern, ...], NOT_EMPTY] | None = None
    """The cells that it has, as `--only` names them; by default all."""
    gpus: Annotated[dict[str, Changes], Field(default_factory=dict)]
    """What differs of GPU types: `queued`, `queued_node_pool`, `auto_provisioning_limit` and
    `machines`."""
    models: Annotated[dict[str, Changes], Field(default_factory=dict)]
    """What differs of models: serving fields, `engine`, `waive`, and in `cells` all fields of cells
    but `model_id`, `revision` and `weights`."""


OF_GPU = frozenset({"auto_provisioning_limit", "machines", "queued", "queued_node_pool"})
"""The fields of a GPU type that an environment can change: the platform's part of it."""

OF_MODEL = frozenset({*ServingFields.model_fields, "cells", "engine", "waive"})
"""The fields of a model that an environment can change: how it is served, not what it is."""

NOT_OF_CELL = frozenset(OF_REPOSITORY)
"""The fields of a cell that an environment can't change."""

OF_PLATFORM = frozenset(Platform.model_fields) - {"environments_only"}
"""The fields of the platform that an environment can change."""
