"""Puts known values in place, as kustomize's replacements would when a directory is built."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ira_manifests.output.directory import Directory
from ira_manifests.output.kustomize import Replacement


def complete(directory: Directory, values: Mapping[str, str]) -> Directory:
    """Return a directory that needs no other one and no file of the user's.

    `values`: all keys of the user's file that the directory needs. They go where kustomize would
    put them, and into the ConfigMap, which the directory then generates alone.
    """
    kustomization = directory.kustomization
    return replace(
        directory,
        objects=put(directory.objects, kustomization.replacements, values),
        kustomization=replace(
            kustomization,
            resources=tuple(directory.objects),
            config_maps=tuple(replace(each, merge=False) for each in kustomization.config_maps),
            replacements=(),
        ),
        runtime_values=dict(sorted({**values, **directory.runtime_values}.items())),
    )


def put(
    objects: Mapping[str, Any], replacements: Sequence[Replacement], values: Mapping[str, str]
) -> dict[str, Any]:
    """Return objects by file name with values in the fields of replacements."""
    found = dict(objects)
    for each in replacements:
        value = values[each.key]
        text = value.partition(each.until)[0] if each.until else value
        for kind, path in each.targets:
            for file, item in found.items():
                if item["kind"] == kind:
                    found[file] = _with(item, path.split("."), text)
    return found


def _with(value: Any, path: Sequence[str], text: str) -> Any:
    """Return a value with a text at a path; unchanged if it has no such field.

    A step "[key=value]" stands for the items of a list that have this value, and "*" for all.
    """
    if not path:
        return text
    step, *inner = path
    if step == "*":
        return [_with(item, inner, text) for item in value]
    if step.startswith("["):
        key, _, wanted = step.strip("[]").partition("=")
        return [_with(item, inner, text) if item.get(key) == wanted else item for item in value]
    if step not in value:
        return value
    return {**value, step: _with(value[step], inner, text)}
