"""Parses YAML to plain values, with the line and column of each.

PyYAML's own loaders silently accept duplicate keys, read YAML 1.1 and expand aliases without a
limit. This parser uses PyYAML's events instead, with the scalars of `yaml_scalars`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import yaml

from ira_manifests import yaml_scalars
from ira_manifests.errors import Problem
from ira_manifests.profiles import yaml_slips

# Profiles are short. These limits protect memory and stack from a malicious one.
MAX_BYTES = 1 << 20
MAX_DEPTH = 20
MAX_ENTRIES = 1000
"""Entries of one list or mapping."""
MAX_VALUES = 4000
"""Values of a file, including lists and mappings."""
MAX_TEXT = 8192
"""Characters of a value."""
MAX_KEY = 253
"""Characters of a key: the limit for names in Kubernetes."""

Path = tuple[str | int, ...]

# The C parser, if PyYAML was built with it.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Place(NamedTuple):
    """A line and column of a file, both starting at 1."""

    line: int
    column: int


START = Place(1, 1)


@dataclass
class Document:
    """The values of one file, the place of each value, and the place of each key."""

    data: Any = None
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)
    removed: dict[Path, Place] = field(default_factory=dict)
    """Where an environment removes a value that its data no longer has."""

    def known(self, path: Path) -> Path:
        """Return `path` if it has a place, else that of the nearest value around it."""
        while path and path not in self.values and path not in self.removed:
            path = path[:-1]
        return path

    def place(self, path: Path) -> Place:
        """Return the place of the value at `path`, or of the nearest value around it."""
        known = self.known(path)
        return self.values.get(known) or self.removed.get(known, START)


class _BrokenError(Exception):
    """Ends the parsing of a file at its first syntax error."""

    def __init__(self, place: Place, message: str, path: Path = ()) -> None:
        self.problem = (place, path, message)


def read(name: str, content: bytes) -> tuple[Document, list[Problem]]:
    """Parse one file. `name`: its name in problems. A broken file gives an empty document."""
    try:
        reader = _Reader(_decode(content))
        document = reader.read()
        found = reader.problems
    except _BrokenError as broken:
        document, found = Document(), [broken.problem]
    return document, [
        Problem(name, place.line, place.column, dotted(path), message)
        for place, path, message in found
    ]


def dotted(path: Path) -> str:
    """Return ("cells", "h100", 0) as "cells.h100[0]"."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.lstrip(".")


def _decode(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise _BrokenError(START, f"has more than {MAX_BYTES} bytes, the most of a profile")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise _BrokenError(
            Place(line, column), "is not UTF-8 text; save the file as UTF-8"
        ) from None


class _Reader:
    def __init__(self, text: str) -> None:
        self._events: Iterator[Any] = self._parse(text)
        self._document = Document()
        self._values = 0  # including those of duplicate keys
        self.problems: list[tuple[Place, Path, str]] = []

    def read(self) -> Document:
        next(self._events)  # stream start
        if isinstance(next(self._events), yaml.StreamEndEvent):
            return self._document
        self._document.data = self._value(next(self._events), ())
        next(self._events)  # document end
        extra = next(self._events)
        if not isinstance(extra, yaml.StreamEndEvent):
            raise _BrokenError(
                _place(extra), "begins a second YAML document; a profile is one document"
            )
        return self._document

    @staticmethod
    def _parse(text: str) -> Iterator[Any]:
        try:
            yield from yaml.parse(text, Loader=_LOADER)
        except yaml.MarkedYAMLError as error:
            if slip := yaml_slips.find(text, error):
                place = Place(slip.line + 1, slip.column + 1)
                raise _BrokenError(place, f"is not YAML: {slip.message}") from None
            mark = error.problem_mark or error.context_mark
            place = Place(mark.line + 1, mark.column + 1) if mark else START
            reason = " ".join(part for part in (error.context, error.problem) if part)
            raise _BrokenError(place, f"is not YAML: {reason}") from None
        except yaml.YAMLError as error:
            raise _BrokenError(
                _reader_place(text, error), f"is not YAML: {_reason(error)}"
            ) from None

    def _value(self, event: Any, path: Path) -> Any:
        place = _place(event)
        if len(path) > MAX_DEPTH:
            raise _BrokenError(place, f"is nested more than {MAX_DEPTH} levels deep", path[:3])
        if isinstance(event, yaml.AliasEvent):
            message = f"is the alias *{event.anchor}; aliases are not read, write the value out"
            raise _BrokenError(place, message, path)
        self._document.values[path] = place
        self._values += 1
        if self._values > MAX_VALUES:
            raise _BrokenError(place, f"is one value too many: a profile has {MAX_VALUES} at most")
        if event.tag is not None and event.tag != "!":
            self.problems.append((place, path, f"has the tag {event.tag}; tags are not read"))
        if isinstance(event, yaml.MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self._sequence(path)
        if len(event.value) > MAX_TEXT:
            message = f"has {len(event.value)} characters; a value has {MAX_TEXT} at most"
            raise _BrokenError(place, message, path)
        return yaml_scalars.value_of(event.value) if event.implicit[0] else event.value

    def _sequence(self, path: Path) -> tuple[Any, ...]:
        items: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
            _refuse_more(event, path, len(items))
        return tuple(items)

    def _mapping(self, path: Path) -> dict[str, Any]:
        items: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise _BrokenError(_place(event), "is not a plain key; a key is one word", path)
            key, here = event.value, (*path, event.value)
            if len(key) > MAX_KEY:
                message = f"has a key of {len(key)} characters; a key has {MAX_KEY} at most"
                raise _BrokenError(_place(event), message, path)
            first = self._document.keys.get(here)
            if first:
                message = f"is a duplicate key, first on line {first.line}; keep one of the two"
                self.problems.append((_place(event), here, message))
                self._value(next(self._events), (*here, "duplicate"))
                continue
            self._document.keys[here] = _place(event)
            items[key] = self._value(next(self._events), here)
            _refuse_more(event, path, len(items))
        return items


def _refuse_more(event: Any, path: Path, entries: int) -> None:
    if entries > MAX_ENTRIES:
        message = f"has more than {MAX_ENTRIES} entries, the most of a list or mapping"
        raise _BrokenError(_place(event), message, path)


def _place(event: Any) -> Place:
    return Place(event.start_mark.line + 1, event.start_mark.column + 1)


def _reader_place(text: str, error: yaml.YAMLError) -> Place:
    position = getattr(error, "position", None)
    if not isinstance(position, int):
        return START
    before = text[:position]
    return Place(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)


def _reason(error: yaml.YAMLError) -> str:
    return str(getattr(error, "reason", "")) or str(error).splitlines()[0]
