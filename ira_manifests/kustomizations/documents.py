"""Reads YAML of any author: several documents, anchors and aliases, with the place of each value.

Unlike the reader of profiles, it takes what Kubernetes' own tools take. Expansion of aliases,
depth and size are bounded. Decimals may have an exponent, as kubectl writes large ones.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import yaml

from ira_manifests import yaml_scalars

MAX_BYTES = 8 << 20
"""Bytes of one file; larger ones are no manifests."""
MAX_VALUES = 500_000
"""Values of one file after its aliases are expanded."""
MAX_DEPTH = 100

Path = tuple[str | int, ...]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MERGE = "<<"
# What only a template language has: Helm, Jinja, Terraform, and {name} as the value itself.
_TEMPLATE = re.compile(r"\{\{|\{%|^\s*\$\{[^}]*\}|:\s+\{\w+\}[\w./:-]", re.MULTILINE)


class Spot(NamedTuple):
    """A line and column of a file, both starting at 1."""

    line: int
    column: int


FIRST = Spot(1, 1)


class Key(NamedTuple):
    """A key of a mapping, and its place."""

    text: str
    spot: Spot


@dataclass(frozen=True)
class Unreadable:
    """Why a file can't be read as YAML, and where.

    `is_template`: it is a template, and no YAML on purpose. `is_fault`: it was meant as YAML.
    """

    spot: Spot
    message: str
    is_template: bool = False
    is_fault: bool = False

    def __str__(self) -> str:
        return self.message


class _UnreadableError(Exception):
    """Ends the reading of a file."""

    def __init__(
        self, spot: Spot, message: str, *, is_template: bool = False, is_fault: bool = False
    ) -> None:
        self.found = Unreadable(spot, message, is_template, is_fault)
        super().__init__(message)


@dataclass(frozen=True)
class Document:
    """One document of a file. `repeated`: the first key that its mapping has twice, if any.

    The last one counts, as for kustomize in a kustomization; manifests with one are refused.
    """

    node: Any
    data: Any
    repeated: Key | None = None

    def value_at(self, path: Path) -> Spot | None:
        """Return the place of the value at a path, or None."""
        found = _find(self.node, path)
        return None if found is None else _spot(found[1])

    def key_at(self, path: Path) -> Spot | None:
        """Return the place of the key at a path, or that of an item of a list; or None."""
        found = _find(self.node, path)
        return None if found is None else _spot(found[0])

    def place_of(self, path: Path) -> Spot | None:
        """Return the place of a value, of a list or mapping that of its key; or None."""
        found = _find(self.node, path)
        if found is None:
            return None
        key, value = found
        return _spot(value if isinstance(value, yaml.ScalarNode) else key)

    def nearest(self, path: Path) -> tuple[Spot, int]:
        """Return the place of the innermost part of a path that exists, and the part's length."""
        for length in range(len(path), -1, -1):
            found = _find(self.node, path[:length])
            if found is not None:
                return _spot(found[0] if length else found[1]), length
        return FIRST, 0

    @cached_property
    def line(self) -> int:
        """The line at which the document begins."""
        return _spot(self.node).line


def read(content: bytes) -> list[Document] | Unreadable:
    """Return the documents of a file that hold anything, else why it can't be read."""
    try:
        text = _decoded(content)
        return [_document(node) for node in _nodes(text)]
    except _UnreadableError as error:
        return error.found
    except RecursionError:
        return Unreadable(FIRST, f"is nested more than {MAX_DEPTH} levels deep")


def _document(node: Any) -> Document:
    converter = _Converter()
    return Document(node, converter.value(node), converter.repeated)


def _nodes(text: str) -> list[Any]:
    try:
        return [node for node in yaml.compose_all(text, Loader=_LOADER) if node is not None]
    except yaml.YAMLError as error:
        raise _broken(error, text) from None


def _decoded(content: bytes) -> str:
    if len(content) > MAX_BYTES:
        raise _UnreadableError(
            FIRST, f"has more than {MAX_BYTES >> 20} MiB, and manifests have less"
        )
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise _UnreadableError(FIRST, "is UTF-16 text, and kubectl reads UTF-8")
    if b"\0" in content:
        raise _UnreadableError(FIRST, "is a binary file, and no YAML")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _UnreadableError(Spot(line, 1), "is not UTF-8 text") from None


def _broken(error: yaml.YAMLError, text: str) -> _UnreadableError:
    mark = getattr(error, "problem_mark", None)
    spot = FIRST if mark is None else Spot(mark.line + 1, mark.column + 1)
    said = str(getattr(error, "problem", "") or getattr(error, "reason", "") or "can't be parsed")
    is_template = bool(_TEMPLATE.search(text))
    message = f"is no YAML: {said}"
    return _UnreadableError(spot, message, is_template=is_template, is_fault=not is_template)


class _Converter:
    """Converts the nodes of one document to plain values, aliases included."""

    def __init__(self) -> None:
        self.repeated: Key | None = None
        self._count = 0

    def value(self, node: Any, depth: int = 0) -> Any:
        self._count += 1
        if self._count > MAX_VALUES:
            message = f"has more than {MAX_VALUES} values once its aliases are expanded"
            raise _UnreadableError(_spot(node), message)
        if depth > MAX_DEPTH:
            raise _UnreadableError(_spot(node), f"is nested more than {MAX_DEPTH} levels deep")
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, depth + 1) for item in node.value]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        return _scalar(node)

    def _mapping(self, node: Any, depth: int) -> dict[str, Any]:
        merged: dict[str, Any] = {}
        own: dict[str, Any] = {}
        for key, value in node.value:
            if not isinstance(key, yaml.ScalarNode):
                is_template = isinstance(key, yaml.MappingNode)  # {{ x }}, as YAML reads it
                message = "has a list or a mapping as a key"
                raise _UnreadableError(_spot(key), message, is_template=is_template)
            found = self.value(value, depth + 1)
            if key.value == _MERGE and not key.style:
                for each in reversed(found if isinstance(found, list) else [found]):
                    merged |= each if isinstance(each, dict) else {}
            else:
                if key.value in own and self.repeated is None:
                    self.repeated = Key(key.value, _spot(key))
                own[key.value] = found
        return {**merged, **own}


def _scalar(node: Any) -> Any:
    if node.style or node.tag == "tag:yaml.org,2002:binary":
        return node.value
    return yaml_scalars.value_of(node.value, yaml_scalars.SCIENTIFIC)


def _spot(node: Any) -> Spot:
    return Spot(node.start_mark.line + 1, node.start_mark.column + 1)


def _find(node: Any, path: Path) -> tuple[Any, Any] | None:
    """Return the key's node and the value's at a path; for an item of a list, the item twice."""
    key = node
    for part in path:
        found = _step(node, part)
        if found is None:
            return None
        key, node = found
    return key, node


def _step(node: Any, part: str | int) -> tuple[Any, Any] | None:
    if isinstance(node, yaml.SequenceNode):
        inside = isinstance(part, int) and part < len(node.value)
        return (node.value[part], node.value[part]) if inside else None
    if not isinstance(node, yaml.MappingNode):
        return None
    for key, value in reversed(node.value):
        if key.value == part:
            return key, value
    for key, value in node.value:
        if key.value == _MERGE:
            for each in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                found = _step(each, part)
                if found is not None:
                    return found
    return None
