"""What decides the fields of a construct's objects: the rows of its table.

A field is written "Kind path", such as "Deployment spec.replicas". An item of a list is named by
its `name`, by its option where it is one of a command line, else by its number:
"Deployment spec.template.spec.containers[inference-server].args[--trust-remote-code]".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


def shown(value: Any) -> str:
    """Return a value of a manifest as text."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _first(values: Sequence[Any]) -> str:
    return shown(values[0])


@dataclass(frozen=True)
class Source:
    """What decides some fields, each with all that is in it and has no source of its own."""

    text: str
    """A reason. "@platform.engine.version" stands for the line of a value in the profiles: of
    @platform, of the cell's @gpu, @model and @cell, and of the @machine that it runs on."""
    fields: tuple[str, ...]
    name: str = ""
    """The name by which `explain` lists the value of the first field; without one it does not."""
    of: Callable[[Sequence[Any]], str] = _first
    """What it lists, of what the fields hold."""
    copied: str = ""
    """The field that the first one is a copy of, whose sources are those of the copy."""


def source(
    text: str,
    *fields: str,
    name: str = "",
    of: Callable[[Sequence[Any]], str] = _first,
    copied: str = "",
) -> Source:
    """Return a row of a table, such as `source("@cell.cpu", "Deployment …", name="cpu")`."""
    return Source(text, fields, name, of, copied)


def option(argument: str) -> str:
    """Return the option of a command line's argument, by which its field is named."""
    return argument.partition("=")[0]


def of_items(list_of: str, field: str, numbers: Iterable[int], first: int = 0) -> list[Source]:
    """Return the sources of a list's items: those of a profile's list that have these numbers.

    `first`: the number of the first of them in the manifest.
    """
    return [
        source(f"{list_of}[{number}]", f"{field}[{at}]") for at, number in enumerate(numbers, first)
    ]


def taints(values: Sequence[Any]) -> str:
    """Return the taints that a list, or that single tolerations, stand for, as kubectl has them."""
    items: Sequence[Mapping[str, str]] = values[0] if isinstance(values[0], list) else values
    return ", ".join(
        f"{item['key']}{'=' + item['value'] if 'value' in item else ''}:{item['effect']}"
        for item in items
    )
