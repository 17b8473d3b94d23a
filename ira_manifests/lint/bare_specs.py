"""Pod specs that custom kinds have under another key than `spec`, such as KServe's `predictor`.

The rules know Pod templates: mappings with a Pod's `spec`. Where a kind has the spec's own fields
in place of the template, as InferenceService and LLMInferenceService have, it is put under `spec`,
and paths are translated back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ira_manifests.kustomizations.documents import Path

_SPEC = "spec"
_OF_CONTAINER = {"image", "command", "args", "resources"}


def wrapped(body: Mapping[str, Any]) -> tuple[Mapping[str, Any], tuple[Path, ...]]:
    """Return an object with each bare Pod spec under `spec`, and the paths of those specs."""
    found: list[Path] = []
    return _wrapped(body, (), found), tuple(found)


def _wrapped(value: Any, path: Path, found: list[Path]) -> Any:
    if isinstance(value, list):
        return [_wrapped(each, (*path, index), found) for index, each in enumerate(value)]
    if not isinstance(value, dict):
        return value
    if path and path[-1] != _SPEC and _is_spec(value):
        found.append(path)
        return {_SPEC: value}
    return {key: _wrapped(each, (*path, key), found) for key, each in value.items()}


def _is_spec(value: Mapping[str, Any]) -> bool:
    """Return whether a mapping has containers: an image may be that of a preset."""
    containers = value.get("containers")
    return isinstance(containers, list) and any(
        isinstance(each, dict) and _OF_CONTAINER & each.keys() for each in containers
    )


def original(path: Path, specs: tuple[Path, ...]) -> Path:
    """Return the path that a field of a wrapped object has in the object itself."""
    for spec in specs:
        length = len(spec)
        if path[:length] == spec and path[length : length + 1] == (_SPEC,):
            return (*spec, *path[length + 1 :])
    return path
