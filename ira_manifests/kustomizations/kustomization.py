"""A kustomization.yaml of any author: what it names, and where each name leads."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path as FilePath
from typing import Any

from ira_manifests import files
from ira_manifests.kustomizations.documents import MAX_BYTES, Document, Path, Spot

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
"""The names of the file, as kustomize knows them."""

_URL = re.compile(
    r"[a-z+]+::|[a-z][a-z+.-]*://|git@|[\w.-]+@[\w.-]+:|(?:www\.)?(?:github|gitlab|bitbucket)\.\w+[/:]"
    r"|[\w.-]+\.\w+/.*(?:\?ref=|\.git\b|//)"
)


class Role(Enum):
    """What a kustomization does with a file that it names."""

    RESOURCE = "resource"
    """A kustomization or a manifest whose objects it takes."""
    COMPONENT = "component"
    ENV = "env"
    """An env file of a generator."""
    FILE = "file"
    """Any other file."""


@dataclass(frozen=True)
class Entry:
    """A file or folder that a kustomization names, and the place of the name in it."""

    path: Path
    text: str
    role: Role

    @property
    def is_remote(self) -> bool:
        """Whether it has the form of a URL; kustomize tries a local path of that name first."""
        return bool(_URL.match(self.text))


@dataclass(frozen=True)
class Kustomization:
    """One kustomization. `folder` and `file` have no symbolic link in them."""

    folder: FilePath
    file: FilePath
    document: Document

    @property
    def data(self) -> dict[str, Any]:
        """What the file holds; empty if it holds no mapping."""
        return self.document.data if isinstance(self.document.data, dict) else {}

    @property
    def is_component(self) -> bool:
        """Whether it is a Component, which is built only as a part of others."""
        return self.data.get("kind") == "Component"

    @property
    def entries(self) -> list[Entry]:
        """What it names, in the order of kinds."""
        return list(_entries(self.data))

    def local(self, entry: Entry) -> FilePath:
        """Return the path of an entry, with links followed; it need not exist."""
        return self.local_name(entry.text)

    def local_name(self, text: str) -> FilePath:
        """Return the path of a file that it names, with links followed."""
        return FilePath(os.path.realpath(self.folder / text))

    def offset_of_text(self, path: Path) -> Spot:
        """Return the lines and columns before a text that is written as a block (`|`)."""
        spot = self.document.value_at(path) or Spot(1, 1)
        below = next((line for line in self._lines[spot.line :] if line.strip()), "")
        return Spot(spot.line, len(below) - len(below.lstrip()))

    @cached_property
    def _lines(self) -> list[str]:
        try:
            return files.read_regular(self.file, MAX_BYTES).decode("utf-8", "replace").splitlines()
        except OSError:
            return []  # it is gone

    def items(self, *keys: str) -> Iterator[tuple[Path, Any]]:
        """Yield the items of the lists at some keys, each with its path."""
        for key in keys:
            for index, item in enumerate(_list(self.data.get(key))):
                yield (key, index), item


def file_in(folder: FilePath) -> FilePath | None:
    """Return the kustomization's file in a folder, or None."""
    return next(iter(files_in(folder)), None)


def files_in(folder: FilePath) -> list[FilePath]:
    """Return the kustomization's files in a folder, of which kustomize takes one at most."""
    return [folder / name for name in NAMES if files.is_file(folder / name)]


_LISTS = {
    "resources": Role.RESOURCE,
    "bases": Role.RESOURCE,
    "components": Role.COMPONENT,
    "crds": Role.FILE,
    "configurations": Role.FILE,
    "generators": Role.RESOURCE,
    "transformers": Role.RESOURCE,
    "validators": Role.RESOURCE,
    "patchesStrategicMerge": Role.FILE,
}
_GENERATORS = ("configMapGenerator", "secretGenerator")


def _entries(data: dict[str, Any]) -> Iterator[Entry]:
    for key, role in _LISTS.items():
        for index, text in enumerate(_list(data.get(key))):
            if isinstance(text, str) and "\n" not in text:  # else a patch or plugin, written inline
                yield Entry((key, index), text, role)
    for key in ("patches", "patchesJson6902", "replacements"):
        for index, item in enumerate(_mappings(data.get(key))):
            yield from _of_path((key, index, "path"), item)
    for key in _GENERATORS:
        for index, item in enumerate(_mappings(data.get(key))):
            yield from _of_generator((key, index), item)
    yield from (
        each for item in _mappings([data.get("openapi")]) for each in _of_path(_SCHEMA, item)
    )


_SCHEMA = ("openapi", "path")


def _of_path(path: Path, item: dict[str, Any]) -> Iterator[Entry]:
    if isinstance(item.get("path"), str):
        yield Entry(path, item["path"], Role.FILE)


def _of_generator(path: Path, item: dict[str, Any]) -> Iterator[Entry]:
    if isinstance(item.get("env"), str):
        yield Entry((*path, "env"), item["env"], Role.ENV)
    for index, text in enumerate(_list(item.get("envs"))):
        yield Entry((*path, "envs", index), str(text), Role.ENV)
    for index, text in enumerate(_list(item.get("files"))):
        yield Entry((*path, "files", index), str(text).rpartition("=")[2], Role.FILE)


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _mappings(value: Any) -> list[dict[str, Any]]:
    return [item if isinstance(item, dict) else {} for item in _list(value)]
