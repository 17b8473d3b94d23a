"""JSON Schema of a model of profiles, with what only this project's validators and docstrings say.

A schema takes every value that the model takes: what a validator refuses for a reason that no
schema can say is left to it.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, get_args, get_type_hints

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticUndefined, core_schema

from ira_manifests.profiles.env import text_of_variable
from ira_manifests.profiles.fields import NOT_EMPTY
from ira_manifests.profiles.forms import Form, number_as_text
from ira_manifests.profiles.pod_fields import KubernetesObject, plain
from ira_manifests.profiles.schema import CellProfile, cell_or_variants
from tools import field_docs, field_types, kubernetes_schemas

_WORDS = re.compile(r"\w+(\|\w+)*")
_LINK = re.compile(r"\[([^]]*)\]\([^)]*\)")
_BOUNDS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
_NUMBERS_AS_TEXT = (number_as_text, text_of_variable)

_KUBERNETES = "kubernetes"  # until it is a reference, which pydantic would follow
_NUMBERS = {"1": "integer", "1.5": "number"}

Schema = dict[str, Any]


def of(model: type[BaseModel]) -> Schema:
    """Return the schema of a model, with its definitions in `$defs`."""
    found = _finished(model.model_json_schema(schema_generator=Generator))
    used = re.findall(r"#/\$defs/Kubernetes(\w+)", json.dumps(found))
    definitions = {**found.pop("$defs", {}), **kubernetes_schemas.definitions(used)}
    return {**found, "$defs": dict(sorted(definitions.items()))}


def _finished(value: Any, *, is_schema: bool = True) -> Any:
    """Return a schema whose bounds have their names, and whose objects of Kubernetes are named.

    `is_schema`: whether the keys of a mapping are those of a schema, and not names of fields.
    """
    if isinstance(value, list):
        return [_finished(each) for each in value]
    if not isinstance(value, dict):
        return value
    if not is_schema:
        return {key: _finished(each) for key, each in value.items()}
    found: Schema = {
        _BOUNDS.get(str(key), str(key)): _finished(
            each, is_schema=key not in ("properties", "$defs")
        )
        for key, each in value.items()
        if key not in ("decimal_places", _KUBERNETES)
    }
    if _KUBERNETES in value:
        found |= kubernetes_schemas.reference(value[_KUBERNETES])
    if "maxLength" in found and "array" in found["type"]:
        found["maxItems"] = found.pop("maxLength")
    return found


class Generator(GenerateJsonSchema):
    """Pydantic's generator, for the validators of `ira_manifests.profiles`."""

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        """Leave fields and keys in their order."""
        del parent_key
        return value

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        """Give the fields of a model their meanings."""
        found = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        found["title"] = _title(model)
        found["description"] = text(field_docs.of_class(model))
        for name, field in found.get("properties", {}).items():
            _describe(model, name, field)
        return found

    def decimal_schema(self, schema: core_schema.DecimalSchema) -> JsonSchemaValue:
        """A number: the text of one is none."""
        bounds = {old: plain(each) for old, each in schema.items() if old in _BOUNDS}
        return {"type": "number", **bounds}

    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """One schema with two types, where there is one; its messages are easier to read."""
        inner = self.generate_inner(schema["schema"])
        if not isinstance(inner.get("type"), str | list):
            return self.get_union_of_schemas([inner, {"type": "null"}])
        types = inner["type"] if isinstance(inner["type"], list) else [inner["type"]]
        found = {**inner, "type": [*types, "null"]}
        if "const" in found:
            found["enum"] = [found.pop("const")]
        if "enum" in found:
            found["enum"] = [*found["enum"], None]
        return found

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """A mapping, with what its keys look like."""
        values = self.generate_inner(schema["values_schema"])
        keys = self.generate_inner(schema["keys_schema"])
        names = {key: each for key, each in keys.items() if key not in ("type", "title")}
        found: JsonSchemaValue = {"type": "object", "additionalProperties": values or True}
        return found | ({"propertyNames": names} if names else {})

    def function_before_schema(
        self, schema: core_schema.BeforeValidatorFunctionSchema
    ) -> JsonSchemaValue:
        """An object of Kubernetes, or a text that may be written as a number."""
        function = schema["function"]["function"]
        owner = getattr(function, "__self__", None)
        if isinstance(owner, KubernetesObject):
            return {
                _KUBERNETES: owner.kind,
                **({"required": [*owner.needs]} if owner.needs else {}),
            }
        found = super().function_before_schema(schema)
        return {**found, "type": ["string", "number"]} if function in _NUMBERS_AS_TEXT else found

    def function_wrap_schema(
        self, schema: core_schema.WrapValidatorFunctionSchema
    ) -> JsonSchemaValue:
        """A text of a form."""
        found = super().function_wrap_schema(schema)
        owner = getattr(schema["function"]["function"], "__self__", None)
        return _with_form(found, owner) if isinstance(owner, Form) else found

    def function_after_schema(
        self, schema: core_schema.AfterValidatorFunctionSchema
    ) -> JsonSchemaValue:
        """A list or mapping that may not be empty."""
        found = super().function_after_schema(schema)
        if schema["function"]["function"] is NOT_EMPTY.func:
            found["minItems" if found["type"] == "array" else "minProperties"] = 1
        return found

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Two forms, told apart as the model does: by the keys, or by being a mapping."""
        one, other = (self.generate_inner(each) for each in schema["choices"].values())
        if schema["discriminator"] is not cell_or_variants:
            return {"if": {"type": "object"}, "then": other, "else": one}
        names = {"not": {"enum": [*CellProfile.model_fields]}}
        are_cells = {
            "type": "object",
            "minProperties": 1,
            "propertyNames": names,
            "additionalProperties": {"type": "object"},
        }
        return {"if": are_cells, "then": other, "else": one}


def text(docstring: str) -> str:
    """Return a docstring as plain text, without the links to other pages."""
    return _LINK.sub(r"\1", docstring).replace("`", "")


def _title(model: type[BaseModel]) -> str:
    """Return what a model is of: "measured weights" of MeasuredWeights, "cell" of CellProfile."""
    name = model.__name__.removesuffix("Profile")
    return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()


def _describe(model: type[BaseModel], name: str, field: Schema) -> None:
    """Give the schema of a field its name, its meaning and its default, if there is one."""
    hint = get_type_hints(model, include_extras=True)[name]
    inner = dict.fromkeys(field_types.models_in(hint))
    meaning = field_docs.of_fields(model).get(name)
    meaning = meaning or " ".join(field_docs.of_class(each) for each in inner)
    field["title"] = name
    form = field_docs.alias_of(hint) or next(map(field_docs.alias_of, get_args(hint)), None)
    field["description"] = "\n\n".join(
        filter(None, (text(meaning), text(form.text) if form else ""))
    )
    default = plain(model.model_fields[name].default)
    field.pop("default", None)
    if default not in (PydanticUndefined, None, []):
        field["default"] = default


def _with_form(found: Schema, form: Form) -> Schema:
    """Return the schema of a text of a form; what may be a number is one of its form as well."""
    if not form.pattern:
        return found
    if _WORDS.fullmatch(form.pattern):
        return {**found, "enum": form.pattern.split("|")}
    if isinstance(found["type"], list):
        fitting = [kind for text, kind in _NUMBERS.items() if re.fullmatch(form.pattern, text)]
        found = {**found, "type": ["string", *fitting[-1:]] if fitting else "string"}
    more = {"pattern": f"^(?:{form.pattern})$", **_message(form)}
    if "pattern" in found:
        return {**found, "allOf": [*found.get("allOf", []), more]}
    return {**found, **more}


@cache
def _texts() -> dict[Form, str]:
    """Return the docstrings of named types by what checks their values."""
    found: dict[Form, str] = {}
    for alias in field_docs.aliases():
        for each in get_args(alias.annotation)[1:]:
            owner = getattr(getattr(each, "func", None), "__self__", None)
            if isinstance(owner, Form):
                found.setdefault(owner, alias.text)
    return found


def _message(form: Form) -> Schema:
    """Return what an editor says of a text of another form: what the field takes."""
    words = text(_texts().get(form, ""))
    return {"errorMessage": words} if words else {}
