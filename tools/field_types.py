"""The types of profile values in the words of YAML, with their bounds."""

from __future__ import annotations

import types
from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen, MultipleOf
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from ira_manifests.profiles.fields import NOT_EMPTY
from tools.field_docs import alias_of

_PLAIN: dict[Any, tuple[str, str]] = {
    bool: ("`true` or `false`", "`true` or `false`"),
    int: ("whole number", "whole numbers"),
    Decimal: ("number", "numbers"),
    str: ("text", "texts"),
    Any: ("any value", "any values"),
}


def of(annotation: Any, *, several: bool = False) -> str:
    """Return the type of a value, such as "list of whole numbers from 0 to 9,999".

    `several`: whether the words stand for the items of a list.
    """
    alias = alias_of(annotation)
    if alias is not None:
        return f"[{alias.name}](#types)"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "mappings" if several else "mapping"
    if annotation in _PLAIN:
        return _PLAIN[annotation][several]
    return _composed(get_origin(annotation), get_args(annotation), several=several)


def _composed(origin: Any, arguments: Sequence[Any], *, several: bool) -> str:
    """Return the type of a value whose type is made of others."""
    if origin is Annotated:
        return of(arguments[0], several=several) + _bounds(arguments[0], arguments[1:])
    if origin is Literal:
        return any_of([f"`{each}`" for each in arguments])
    if origin is tuple:
        return f"list of {of(arguments[0], several=True)}"
    if origin is dict:
        return f"mapping of {of(arguments[0])} to {of(arguments[1])}"
    if origin in (Union, types.UnionType):
        given = [of(each, several=several) for each in arguments if each is not type(None)]
        return any_of(list(dict.fromkeys(given)))
    raise ValueError(f"no words for the type {origin}")


def any_of(items: Sequence[str]) -> str:
    """Return words joined by commas and "or"."""
    *most, last = items
    if not most:
        return last
    comma = "," if any(", " in each or " of " in each for each in items) else ""
    return f"{', '.join(most)}{comma} or {last}"


def models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """Yield the models that an annotation contains."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from models_in(argument)


def ending(annotation: Any) -> str:
    """Return what stands between a field and those inside it: of a mapping, a list, by keys."""
    words = of(annotation)
    if words.startswith("list"):
        return "[]."
    return ".<name>." if words.startswith("mapping of") else "."


def default(field: FieldInfo) -> str:
    """Return a field's default value as YAML; empty where there is none."""
    value = field.default
    if value in (PydanticUndefined, None, ()):
        return ""
    if isinstance(value, tuple):
        return f"`[{', '.join(map(str, value))}]`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _bounds(base: Any, metadata: Sequence[Any]) -> str:
    """Return the bounds of a value as words that follow its type."""
    limits = list(_limits(metadata))
    words = "".join(_least(limits, whole=base is int)) + "".join(_most(limits))
    for limit in limits:
        if isinstance(limit, MultipleOf):
            words += f", a multiple of {limit.multiple_of}"
        if isinstance(limit, MaxLen):
            unit = "characters" if base is str else "entries"
            words += f", {_number(limit.max_length)} {unit} at most"
        if isinstance(limit, MinLen) and base is not str:
            words += f", {limit.min_length} at least"
        if limit is NOT_EMPTY:
            words += ", 1 entry at least"
    return words


def _limits(metadata: Sequence[Any]) -> Iterator[Any]:
    for each in metadata:
        yield from each.metadata if isinstance(each, FieldInfo) else [each]


def _least(limits: Sequence[Any], *, whole: bool) -> Iterator[str]:
    for limit in limits:
        if isinstance(limit, Ge):
            yield f" from {_number(limit.ge)}"
        if isinstance(limit, Gt):
            yield f" from {_number(limit.gt + 1)}" if whole else f" above {_number(limit.gt)}"  # type: ignore[operator]


def _most(limits: Sequence[Any]) -> Iterator[str]:
    for limit in limits:
        if isinstance(limit, Le):
            yield f" to {_number(limit.le)}"
        if isinstance(limit, Lt):
            yield f" to {_number(limit.lt - 1)}"  # type: ignore[operator]


def _number(value: Any) -> str:
    return f"{value:,}"
