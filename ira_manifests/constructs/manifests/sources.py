"""The rows of a construct's table of sources: what decides the fields of its objects.

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


@dataclass(frozen=True)
class Source:
    """What decides some fields, and the fields inside them that no other row names."""

    text: str
    """Where the values come from. "@platform.engine.version" is replaced by the file and line of
    that value: in the profiles of the @platform and of the cell's @gpu and @model, in the model's
    entry for the @cell, and in the GPU type's entry for the @machine; "@models.download" by the
    lines of all models that have that value."""
    fields: tuple[str, ...]
    name: str = ""
    """The name under which `explain` lists the first field; empty: it is not listed."""
    listed: Callable[[Sequence[Any]], str] | None = None
    """Converts the values of all fields to the text that is listed; None: that of the first."""
    copied: str = ""
    """The field that the first field is a copy of: fields inside it have the sources of those."""


def source(
    text: str,
    *fields: str,
    name: str = "",
    listed: Callable[[Sequence[Any]], str] | None = None,
    copied: str = "",
) -> Source:
    """Return a row of a table, such as `source("@cell.cpu", "Deployment …", name="cpu")`."""
    return Source(text, fields, name, listed, copied)


def option(argument: str) -> str:
    """Return the option of a command line's argument, such as "--max-model-len"."""
    return argument.partition("=")[0]


def of_items(list_of: str, field: str, numbers: Iterable[int], first: int = 0) -> list[Source]:
    """Return one row for each item of a list that is copied from a profile's list.

    `numbers`: of the items in the profile. `first`: number of the first of them in the manifest.
    """
    return [
        source(f"{list_of}[{number}]", f"{field}[{at}]") for at, number in enumerate(numbers, first)
    ]


def taints(values: Sequence[Any]) -> str:
    """Return tolerations, in a list or one by one, as taints in kubectl's notation."""
    items: Sequence[Mapping[str, str]] = values[0] if isinstance(values[0], list) else values
    return ", ".join(
        f"{item['key']}{'=' + item['value'] if 'value' in item else ''}:{item['effect']}"
        for item in items
    )
