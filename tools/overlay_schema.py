"""JSON Schema of environments: fields of profiles as an overlay has them.

Mappings are merged by key, so no field is required, and null removes a field or an entry that need
not be there. A list replaces the whole list, so its items are as in profiles. A default is not
shown: without the field, the value is that of the profile.

The schema takes every environment that the loader takes, but for one that removes a cell field by
field and writes variants in its place, or the other way round.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping

from ira_manifests.profiles.environment import (
    NOT_OF_CELL,
    OF_GPU,
    OF_MODEL,
    OF_PLATFORM,
    Environment,
)
from ira_manifests.profiles.platform import Platform
from ira_manifests.profiles.schema import CellProfile, GpuProfile, ModelProfile
from tools import json_schema
from tools.json_schema import Schema

_REFERENCE = "#/$defs/"
_NULL: Schema = {"type": "null"}


def environment() -> Schema:
    """Return the schema of an environment, with its definitions in `$defs`."""
    profiles = {model: json_schema.of(model) for model in (Platform, GpuProfile, ModelProfile)}
    definitions = {
        name: each for profile in profiles.values() for name, each in profile["$defs"].items()
    }
    cell = definitions[CellProfile.__name__]
    overlay = _Overlay(
        {
            **definitions,
            GpuProfile.__name__: _with(profiles[GpuProfile], OF_GPU),
            ModelProfile.__name__: _with(profiles[ModelProfile], OF_MODEL),
            CellProfile.__name__: _with(cell, cell["properties"].keys() - NOT_OF_CELL),
        }
    )
    own = json_schema.of(Environment)
    for field, model in (("gpus", GpuProfile), ("models", ModelProfile)):
        own["properties"][field]["additionalProperties"] = overlay.reference(model.__name__)
    platform = overlay.of(_with(profiles[Platform], OF_PLATFORM))
    own["properties"] |= platform["properties"]
    return {**own, "$defs": _used(own, {**definitions, **overlay.definitions})}


def _with(schema: Schema, fields: Collection[str]) -> Schema:
    """Return the schema of a model with some of its fields."""
    properties = {name: each for name, each in schema["properties"].items() if name in fields}
    return {key: each for key, each in schema.items() if key != "$defs"} | {
        "properties": properties
    }


def _used(schema: Schema, definitions: Mapping[str, Schema]) -> dict[str, Schema]:
    """Return the definitions that a schema needs, directly or by another definition."""
    found: dict[str, Schema] = {}
    waiting: list[Schema] = [{key: each for key, each in schema.items() if key != "$defs"}]
    while waiting:
        for name in re.findall(rf'"{re.escape(_REFERENCE)}(\w+)"', json.dumps(waiting.pop())):
            if name not in found:
                found[name] = definitions[name]
                waiting.append(found[name])
    return dict(sorted(found.items()))


class _Overlay:
    """Makes schemas of overlays; `definitions` has those that they refer to."""

    def __init__(self, profiles: Mapping[str, Schema]) -> None:
        self._profiles = profiles
        self.definitions: dict[str, Schema] = {}

    def reference(self, name: str) -> Schema:
        """Return a reference to a definition of profiles, as an overlay has it."""
        changed = f"Changed{name}"
        if changed not in self.definitions:
            self.definitions[changed] = {}  # one that refers to itself ends here
            self.definitions[changed] = self.of(self._profiles[name])
        return {"$ref": f"{_REFERENCE}{changed}"}

    def of(self, schema: Schema) -> Schema:
        """Return what an overlay takes where profiles take what the schema says."""
        dropped = ("default", "minProperties", "required")
        found = {key: each for key, each in schema.items() if key not in dropped}
        if "$ref" in found:
            found |= self.reference(found["$ref"].removeprefix(_REFERENCE))
        if "anyOf" in found:
            found["anyOf"] = [self.of(each) for each in found["anyOf"]]
        if "if" in found:
            found |= {key: self.of(found[key]) for key in ("then", "else")}
            found["if"] = _with_nullable_entries(found["if"])
        needed = schema.get("required", ())
        if "properties" in found:
            found["properties"] = {
                name: self.of(each) if name in needed else _nullable(self.of(each))
                for name, each in found["properties"].items()
            }
        if isinstance(entry := found.get("additionalProperties"), dict):
            found["additionalProperties"] = _nullable(self.of(entry))
        return found


def _with_nullable_entries(condition: Schema) -> Schema:
    """Return a condition of a mapping, in which null removes entries."""
    entry = condition.get("additionalProperties")
    return condition if entry is None else {**condition, "additionalProperties": _nullable(entry)}


def _nullable(schema: Schema) -> Schema:
    """Return a schema that takes null as well."""
    if "if" in schema:  # its condition is one of mappings
        return {**schema, "else": _nullable(schema["else"])}
    if "anyOf" in schema:
        return (
            schema if _NULL in schema["anyOf"] else {**schema, "anyOf": [*schema["anyOf"], _NULL]}
        )
    if "$ref" in schema:
        rest = {key: each for key, each in schema.items() if key != "$ref"}
        return {"anyOf": [{"$ref": schema["$ref"]}, _NULL], **rest}
    if "type" not in schema:
        return schema
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    found = {**schema, "type": list(dict.fromkeys([*types, "null"]))}
    if "const" in found:
        found["enum"] = [found.pop("const")]
    if "enum" in found:
        found["enum"] = list(dict.fromkeys([*found["enum"], None]))
    return found
