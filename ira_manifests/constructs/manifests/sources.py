"""The rows of a construct's table of sources, which say where the values of fields come from.

A field is written "Kind path", such as "Deployment spec.replicas". An item of a list is written
with its `name`, else with its command-line option, else with its index:
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
    """The source of some fields, and of fields inside them without a row of their own."""

    text: str
    """Where the values come from. "@platform.bucket_suffix" is replaced by the file and line of
    that value. Other prefixes are @gpu and @model (the cell's profiles), @cell (the model's entry
    for the GPU type), @machine (the GPU type's entry for the machine), @engine, and @settings (the
    platform's, the model's or the cell's, whichever applies; "[key]" is an entry of a mapping).
    "@models.download" is replaced by the lines of all download lists and revisions."""
    fields: tuple[str, ...]
    name: str = ""
    """The name under which `explain` lists the first field; empty: not listed."""
    listed: Callable[[Sequence[Any]], str] | None = None
    """Converts the values of all fields to the listed text; None: the first field's text."""
    copied: str = ""
    """The field that the first field is a copy of; fields inside the copy have its sources."""
    hidden: bool = False
    """Whether the value is a secret, which `explain` does not print."""


def source(
    text: str,
    *fields: str,
    name: str = "",
    listed: Callable[[Sequence[Any]], str] | None = None,
    copied: str = "",
    hidden: bool = False,
) -> Source:
    """Return a row of a table, such as `source("@cell.cpu", "Deployment …", name="cpu")`."""
    return Source(text, fields, name, listed, copied, hidden)


def option(argument: str) -> str:
    """Return the option of a command line's argument, such as "--max-model-len"."""
    return argument.partition("=")[0]


def item_key(value: Any, number: int) -> str:
    """Return an item of a list as tables write it: its name, its option, or its index."""
    if isinstance(value, Mapping) and "name" in value:
        return str(value["name"])
    if isinstance(value, str) and value.startswith("-"):
        return option(value)
    return str(number)


def of_items(list_of: str, field: str, numbers: Iterable[int], first: int = 0) -> list[Source]:
    """Return one row for each item of a list that is copied from a profile's list.

    `numbers`: indexes of the items in the profile. `first`: index of the first one in the manifest.
    """
    return [
        source(f"{list_of}[{number}]", f"{field}[{at}]") for at, number in enumerate(numbers, first)
    ]


def taints(values: Sequence[Any]) -> str:
    """Return tolerations, one list or several items, as taints in kubectl's notation."""
    items: Sequence[Mapping[str, str]] = values[0] if isinstance(values[0], list) else values
    return ", ".join(
        f"{item['key']}{'=' + item['value'] if 'value' in item else ''}:{item['effect']}"
        for item in items
    )
