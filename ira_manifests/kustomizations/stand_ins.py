"""Stand-ins for files that a tree's own tools make: env files and the like from templates."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import Any

from ira_manifests import files
from ira_manifests.kustomizations.kustomization import Kustomization
from ira_manifests.kustomizations.sources import TEMPLATE_WORDS, Sources

_FOLDERS = (".", "templates", "template", "examples")


def template_of(file: FilePath) -> FilePath | None:
    """Return the template from which a missing file is made, or None.

    Of `x.env`: `x.tpl.env`, `x.env.tpl`, `x.env.example` and the like, beside it or in `templates`.
    """
    names = [f"{file.stem}.{word}{file.suffix}" for word in sorted(TEMPLATE_WORDS)]
    names += [f"{file.name}.{word}" for word in sorted(TEMPLATE_WORDS)]
    candidates = (file.parent / folder / name for folder in _FOLDERS for name in names)
    return next((each for each in candidates if files.is_file(each)), None)


def keys_read(sources: Sources, generator: str) -> list[str]:
    """Return the keys of a generated ConfigMap or Secret that anything in the trees reads."""
    found: dict[str, None] = {}
    for kustomization in sources.kustomizations.values():
        found |= dict.fromkeys(_of_replacements(kustomization, generator))
        for entry in kustomization.entries:
            for document in sources.documents_or_none(kustomization.local(entry)):
                found |= dict.fromkeys(_read_in(document.data, generator))
    return list(found)


def _of_replacements(kustomization: Kustomization, name: str) -> Iterator[str]:
    for _, item in kustomization.items("replacements"):
        source = item.get("source") if isinstance(item, dict) else None
        if isinstance(source, dict) and source.get("name") == name:
            field, _, key = str(source.get("fieldPath", "")).partition(".")
            if field == "data" and key:
                yield key


def _read_in(value: Any, name: str) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("configMapKeyRef", "secretKeyRef") and isinstance(inner, dict):
                if inner.get("name") == name and isinstance(inner.get("key"), str):
                    yield inner["key"]
            else:
                yield from _read_in(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _read_in(inner, name)
