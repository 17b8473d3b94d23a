"""The generators of ConfigMaps and Secrets, and the line that each of their keys is on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from ira_manifests import files
from ira_manifests.kustomizations import stand_ins
from ira_manifests.kustomizations.documents import FIRST, MAX_BYTES, Path, Spot
from ira_manifests.kustomizations.kustomization import Kustomization


@dataclass(frozen=True)
class Generator:
    """A generator of a ConfigMap or a Secret, and its place in its kustomization."""

    kustomization: Kustomization
    path: Path
    data: dict[str, Any]

    @property
    def name(self) -> str:
        """The name of what it generates, before suffixes."""
        return str(self.data.get("name", ""))

    @property
    def env_files(self) -> list[str]:
        """The env files that it names."""
        one, many = self.data.get("env"), self.data.get("envs")
        listed = many if isinstance(many, list) else []
        return [str(each) for each in ([one] if one else []) + listed]


@dataclass(frozen=True)
class Found:
    """A key of a generator: its value, and where that is written."""

    file: FilePath
    spot: Spot
    value: str


def generators(each: Kustomization) -> Iterator[Generator]:
    """Yield the generators of a kustomization."""
    for path, item in each.items("configMapGenerator", "secretGenerator"):
        if isinstance(item, dict):
            yield Generator(each, path, item)


def source_of(file: FilePath) -> FilePath | None:
    """Return an env file; if it is missing, the template from which it is made, or None."""
    return file if files.is_file(file) else stand_ins.template_of(file)


def lines(file: FilePath) -> Iterator[tuple[Spot, str, str]]:
    """Yield the place of each value of an env file, with its key and the value, as kustomize reads.

    Of a file that is missing, those of the template from which it is made.
    """
    named = source_of(file)
    if named is None:
        return
    try:
        text = files.read_regular(named, MAX_BYTES).decode("utf-8-sig", "replace")
    except OSError:
        return
    for number, line in enumerate(text.split("\n"), 1):
        entry = line.removesuffix("\r").lstrip()
        if entry and not entry.startswith("#"):
            key, equals, value = entry.partition("=")
            if equals:
                yield Spot(number, line.find("=") + 2), key, value


def find(generator: Generator, key: str) -> Found | None:
    """Return a key of a generator; None if it does not have it."""
    each = generator.kustomization
    for name in generator.env_files:
        file = each.local_name(name)
        for spot, own, value in lines(file):
            if own == key:
                return Found(source_of(file) or file, spot, value)
    literals = generator.data.get("literals")
    for index, text in enumerate(literals if isinstance(literals, list) else ()):
        own, _, value = str(text).partition("=")
        if own == key:
            spot = each.document.value_at((*generator.path, "literals", index)) or FIRST
            return Found(each.file, spot, value.strip("\"'"))
    listed = generator.data.get("files")
    for text in map(str, listed if isinstance(listed, list) else ()):
        own, _, path = text.rpartition("=")
        if (own or FilePath(path).name) == key:
            return Found(each.local_name(path), FIRST, "")
    return None
