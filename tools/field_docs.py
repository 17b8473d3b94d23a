"""The docstrings below fields of profiles and below their types, read from the source.

The schema itself has no descriptions: pydantic would parse its own source at every start.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator, Sequence
from functools import cache
from importlib import import_module
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, NamedTuple, get_args, get_origin

from pydantic import BaseModel

from ira_manifests import profiles
from ira_manifests.profiles.engine import Engine, OwnEngine

# Models whose fields have the meaning of another model's fields of the same name.
_MEANT_BY: dict[type[BaseModel], type[BaseModel]] = {OwnEngine: Engine}


class Alias(NamedTuple):
    """A named type of profile values."""

    name: str
    annotation: Any
    text: str
    """Its docstring; empty if it has none."""


def one_line(text: str) -> str:
    """Return a docstring as one line."""
    return " ".join(text.split())


def of_class(model: type[BaseModel]) -> str:
    """Return the first paragraph of a model's docstring, as one line."""
    return one_line((model.__doc__ or "").partition("\n\n")[0])


@cache
def of_fields(model: type[BaseModel]) -> dict[str, str]:
    """Return the docstrings of a model's fields, also of inherited ones, each as one line."""
    found: dict[str, str] = of_fields(_MEANT_BY[model]).copy() if model in _MEANT_BY else {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            found |= _of_own_fields(base)
    return found


def _of_own_fields(model: type[BaseModel]) -> dict[str, str]:
    tree = ast.parse(Path(inspect.getfile(model)).read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == model.__name__:
            return dict(_documented(node.body))
    return {}


def _documented(body: Sequence[ast.stmt]) -> Iterator[tuple[str, str]]:
    """Yield the name and the docstring of each assignment that has one."""
    for statement, below in pairwise(body):
        target: Any = None
        if isinstance(statement, ast.AnnAssign):
            target = statement.target
        elif isinstance(statement, ast.Assign):
            (target, *_) = statement.targets
        is_text = isinstance(below, ast.Expr) and isinstance(below.value, ast.Constant)
        if isinstance(target, ast.Name) and is_text:
            yield target.id, one_line(str(below.value.value))  # type: ignore[attr-defined]


@cache
def aliases() -> tuple[Alias, ...]:
    """Return the named types of text and of objects, in the order of their modules."""
    found: list[Alias] = []
    for file in sorted(Path(profiles.__path__[0]).glob("*.py")):
        module = import_module(f"{profiles.__name__}.{file.stem}")
        tree = ast.parse(file.read_text("utf-8"))
        texts = dict(_documented(tree.body))
        found += [
            Alias(name, annotation, texts.get(name, ""))
            for name in _assigned(tree.body)
            if get_origin(annotation := getattr(module, name, None)) is Annotated
            and (get_args(annotation)[0] is str or _is_object(annotation, texts.get(name)))
        ]
    return tuple(found)


def _is_object(annotation: Any, text: str | None) -> bool:
    """Return whether an annotation is a described type of mappings that no model describes."""
    return get_origin(get_args(annotation)[0]) is dict and bool(text)


def _assigned(body: Sequence[ast.stmt]) -> list[str]:
    return [
        target.id
        for statement in body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    ]


def alias_of(annotation: Any) -> Alias | None:
    """Return the named type that an annotation is, or adds checks to."""
    given = get_args(annotation)
    fitting = [
        each
        for each in aliases()
        if not each.name.startswith("_")
        and given[: len(named := get_args(each.annotation))] == named
    ]
    return max(fitting, key=lambda each: len(get_args(each.annotation)), default=None)
