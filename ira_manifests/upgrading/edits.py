"""Gives pins other values in the text of their files; comments and layout stay."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ira_manifests.profiles import yaml_edit, yaml_source
from ira_manifests.profiles.yaml_edit import Change
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.upgrading.pins import Pin, Wanted


class Edited(NamedTuple):
    """A file with other pins."""

    file: str
    before: bytes
    after: bytes
    changes: Sequence[Change]


def files_of(pins: Sequence[Pin]) -> list[str]:
    """Return the files of some pins, each once."""
    return list(dict.fromkeys(pin.at.file for pin in pins))


def edited(pins: Sequence[Pin], contents: Mapping[str, bytes], wanted: Wanted) -> list[Edited]:
    """Return the files of pins with other values, those that change.

    `contents`: the text of each of the files. Raises InputError as `Pin.values` does, and for text
    that can't be edited so: see `yaml_edit.rewritten`.
    """
    found = []
    for file in files_of(pins):
        before = contents[file]
        data, _ = yaml_source.read(file, before)
        values = data.data
        for pin in pins:
            if pin.at.file == file:
                values = _with(values, pin.path, pin.values(wanted))
        after, changes = yaml_edit.rewritten(file, before, values)
        if changes:
            found.append(Edited(file, before, after, changes))
    return found


def _with(data: Any, path: Path, values: Mapping[str, str]) -> dict[str, Any]:
    """Return a mapping with some values in the mapping at a path, which is added if need be."""
    found = dict(data or {})
    if not path:
        return {**found, **values}
    first, *rest = path
    found[str(first)] = _with(found.get(str(first)), tuple(rest), values)
    return found
