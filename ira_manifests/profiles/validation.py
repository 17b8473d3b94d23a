"""Validation errors of pydantic as problems of profiles, in the words of YAML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from ira_manifests.errors import Problem, did_you_mean, one_of
from ira_manifests.profiles import yaml_source
from ira_manifests.profiles.source import Source
from ira_manifests.profiles.suggestions import suggestion
from ira_manifests.profiles.yaml_source import Document

_MOST_LISTED = 15

# Pydantic's error types, in terms of YAML.
_TYPES = {
    "int_type": "a whole number",
    "string_type": "text in quotes",
    "bool_type": "true or false",
    "is_instance_of": "a number",
    "decimal_type": "a number",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "tuple_type": "a list (- item)",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
    "multiple_of": ("multiple_of", "a multiple of"),
}


def problems_of(source: Source, model: type[BaseModel], error: ValidationError) -> list[Problem]:
    """Return a validation error of a file's values as problems, in the words of profiles."""
    return [_problem(source, model, item) for item in error.errors()]


def _problem(source: Source, model: type[BaseModel], error: Any) -> Problem:
    kind, path = error["type"], _inside(source.document, error["loc"])
    at_key = error["loc"][-1:] == ("[key]",)
    if kind == "extra_forbidden":
        return _unknown(source, _models_in(_annotation_at(model, path[:-1]))[0], path)
    if kind == "missing":
        return source.problem(path, "is missing")
    return source.problem(path, message_of(error), at_key=at_key)


def _unknown(source: Source, inner: type[BaseModel], path: yaml_source.Path) -> Problem:
    meant = suggestion(inner, _value_at(source.document, path[:-1]), str(path[-1]))
    # A long list beside the key that is meant would only hide it.
    many = len(inner.model_fields) > _MOST_LISTED
    allowed = "" if meant and many else f"; allowed: {one_of(inner.model_fields)}"
    return source.problem(path, f"is an unknown key{allowed}{meant}", at_key=True)


def wrongly_removed(base: Source, merged: Source, model: type[BaseModel]) -> Iterator[Problem]:
    """Yield the problems of an environment that removes what is not there, such as a misspelt key.

    `base`: the profile without the environment. `merged`: with it.
    """
    for path in merged.document.removed:
        key, held = str(path[-1]), _value_at(base.document, path[:-1])
        annotation = _annotation_at(model, path[:-1])
        if not isinstance(held, Mapping) or key in held:
            continue
        if get_origin(annotation) is dict:
            message = f"is not there; there is {one_of(held)}{did_you_mean(key, held)}"
            yield merged.problem(path, message)
        elif (models := _models_in(annotation)) and key not in models[0].model_fields:
            yield _unknown(merged, models[0], path)


def _inside(document: Document, loc: tuple[Any, ...]) -> yaml_source.Path:
    """Return pydantic's location as a path, without parts that name a type instead of a key."""
    known = document.values
    path: yaml_source.Path = ()
    loc = tuple(part for part in loc if not str(part).startswith(("<", "[key]")))
    for index, part in enumerate(loc):
        if (*path, part) in known or index == len(loc) - 1:
            path = (*path, part)
    return path


def message_of(error: Any) -> str:
    """Return what is wrong with a value, and what is allowed, from an item of pydantic's errors."""
    kind, context = error["type"], error.get("ctx", {})
    if kind == "ours":
        return str(error["msg"])
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return f"is {_shown(error['input'])}; it must be {words} {context[bound]}"
    if kind in _TYPES:
        return f"is {_shown(error['input'])}; it must be {_TYPES[kind]}"
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", context["expected"])
        close = did_you_mean(str(error["input"]), known)
        return f"is {_shown(error['input'])}; it must be one of {context['expected']}{close}"
    return f"is {_shown(error['input'])}: {error['msg']}"


_KINDS = {type(None): "empty", dict: "a mapping", list: "a list", tuple: "a list"}


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return f"the text {value[:60]!r}"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float | Decimal):
        return f"the number {value}"
    return _KINDS.get(type(value), f"a {type(value).__name__}")


def _value_at(document: Document, path: Iterable[str | int]) -> Any:
    """Return the value at `path`; None if there is none."""
    value = document.data
    for part in path:
        try:
            value = value[part]
        except (KeyError, IndexError, TypeError):
            return None
    return value


def _annotation_at(model: type[BaseModel], path: Iterable[str | int]) -> Any:
    """Return the type of the value at `path` inside a model."""
    annotation: Any = model
    for part in path:
        annotation = _step(annotation, part)
    return annotation


def _step(annotation: Any, part: str | int) -> Any:
    # A key of a mapping can also be the name of a field, so check for mappings first.
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    if get_origin(annotation) is tuple:
        return get_args(annotation)[0]
    for model in _models_in(annotation):
        field = model.model_fields.get(str(part))
        if field is not None:
            return field.annotation
    return annotation


def _models_in(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [
        model for argument in getattr(annotation, "__args__", ()) for model in _models_in(argument)
    ]
