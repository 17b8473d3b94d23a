"""Findings at fields of generated files, whose YAML is parsed for positions only when needed."""

from __future__ import annotations

from pathlib import Path as FilePath

from ira_manifests.output.directory import RUNTIME_CONFIG
from ira_manifests.profiles import yaml_source
from ira_manifests.profiles.yaml_source import START, Path, Place
from ira_manifests.rules.finding import Finding


def found_at(  # file, content and path are the place; the rest are the finding's fields
    file: FilePath, content: bytes, path: Path, message: str, hint: str, cell: str
) -> Finding:
    """Return a finding at a field; the registry fills in its rule."""
    line, column = _place(file.name, content, path)
    return Finding(str(file), line, column, "", yaml_source.dotted(path), message, hint, cell)


def _place(name: str, content: bytes, path: Path) -> Place:
    if name == RUNTIME_CONFIG:
        lines = enumerate(content.decode().splitlines(), 1)
        starts = (number for number, line in lines if line.startswith(f"{path[0]}="))
        return Place(next(starts, START.line), START.column)
    document, _ = yaml_source.read(name, content)
    return document.keys.get(path) or document.place(path)
