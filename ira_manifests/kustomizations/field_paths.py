"""Finds a field of a built object in what its author wrote: lists are matched by their keys."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ira_manifests.kustomizations.documents import Path

# The keys by which items of the lists of Kubernetes are merged, the usual one first:
# https://kubernetes.io/docs/reference/generated/kubernetes-api/ (patchMergeKey)
_KEYS = ("name", "mountPath", "containerPort", "port", "key", "topologyKey", "devicePath", "ip")
_PARTS = re.compile(r"\[[^\]]*\]|(?:\\.|[^.\[\\])+")
_ITEM = re.compile(r"\[([\w.-]+)=(.*)\]")


def value_at(value: Any, path: Path) -> Any:
    """Return the value at a path, or None."""
    for part in path:
        value = _inner(value, part)
    return value


def _inner(value: Any, part: str | int) -> Any:
    if isinstance(value, Mapping):
        return value.get(part)
    inside = isinstance(value, list) and isinstance(part, int) and part < len(value)
    return value[part] if inside else None


def scalars(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield the values in a value that hold no others, each with its path; not empty ones."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from scalars(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from scalars(inner, (*path, index))
    elif value not in (None, "") and path:
        yield path, value


def path_in(source: Any, built: Any, path: Path) -> tuple[Path, bool]:
    """Return where a field of a built object is in a source of it, and whether all of it is there.

    If not, the path is that of the innermost part that is.
    """
    found: list[str | int] = []
    for part in path:
        inner = _inner(built, part)
        at = part if isinstance(part, str) else _index(source, built, inner, part)
        if at is None or _missing(source, at):
            return tuple(found), False
        found.append(at)
        source, built = _inner(source, at), inner
    return tuple(found), True


def _missing(source: Any, part: str | int) -> bool:
    if isinstance(source, Mapping):
        return part not in source
    return not (isinstance(source, list) and isinstance(part, int) and part < len(source))


def _index(source: Any, built: Any, item: Any, index: int) -> int | None:
    """Return the index of an item in another version of its list, or None."""
    if not isinstance(source, list):
        return None
    if not isinstance(item, Mapping):
        if item in source:
            return source.index(item)
        same = isinstance(built, list) and len(built) == len(source)
        return index if same and index < len(source) else None
    for key in _KEYS:
        named = [n for n, each in enumerate(source) if _has(each, key, item.get(key))]
        if named:
            return named[0]
    keyed = any(key in item for key in _KEYS)
    return None if keyed or index >= len(source) else index


def _has(item: Any, key: str, wanted: Any) -> bool:
    return wanted is not None and isinstance(item, Mapping) and item.get(key) == wanted


def parts_of(field_path: str) -> list[str]:
    """Return the parts of a field path of kustomize, such as spec.containers.[name=x].image."""
    return [part.replace("\\.", ".") for part in _PARTS.findall(field_path)]


def reached(built: Any, field_path: str) -> Iterator[Path]:
    """Yield each field of a built object that a field path of kustomize reaches."""
    yield from _reached(built, parts_of(field_path), ())


def _reached(value: Any, parts: Sequence[str], path: Path) -> Iterator[Path]:
    if not parts:
        yield path
        return
    part, *rest = parts
    for key in _steps(value, part):
        yield from _reached(_inner(value, key), rest, (*path, key))


def _steps(value: Any, part: str) -> list[str | int]:
    if isinstance(value, Mapping):
        name = part[1:-1] if part.startswith("[") and part.endswith("]") else part
        return list(value) if part == "*" else [name] if name in value else []
    if not isinstance(value, list):
        return []
    if part == "*":
        return list(range(len(value)))
    item = _ITEM.fullmatch(part)
    if item:
        return [n for n, each in enumerate(value) if _has(each, item[1], item[2])]
    return [int(part)] if part.isdecimal() and int(part) < len(value) else []


def of_pointer(pointer: str) -> list[str]:
    """Return the parts of a JSON pointer: https://www.rfc-editor.org/rfc/rfc6901."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def under_pointer(path: Path, pointer: str) -> Path | None:
    """Return the rest of a path below a JSON pointer; None if the pointer leads elsewhere."""
    parts = of_pointer(pointer)
    if len(parts) > len(path):
        return None
    for own, part in zip(path, parts, strict=False):
        if part != str(own) and not (part == "-" and isinstance(own, int)):
            return None
    return path[len(parts) :]
