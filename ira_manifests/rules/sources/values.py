"""Rules of the values that generators read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ira_manifests import files
from ira_manifests.kustomizations import env_files, patches
from ira_manifests.kustomizations.documents import Path
from ira_manifests.kustomizations.field_paths import value_at
from ira_manifests.kustomizations.places import Site
from ira_manifests.rules.catalogue import Needs
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import also
from ira_manifests.rules.sources.subjects import FOLDER, OVERLAY, Folder, Overlay


@also("IRA013", OVERLAY, Needs.OBJECTS)
def unread_key(overlay: Overlay) -> Iterator[Finding]:
    """A key of a generated ConfigMap is read by nothing, and others of it are.

    Only of a ConfigMap whose name has a hash: nothing outside of the kustomization can name it.
    """
    if any(
        {"vars", "configurations", "transformers"} & each.data.keys() for each in overlay.layers
    ):
        return
    for each in overlay.layers:
        for generator in env_files.generators(each):
            read = _keys_read(overlay, generator)
            for file in map(each.local_name, generator.env_files if read else ()):
                for spot, key, _ in env_files.lines(file) if files.is_file(file) else ():
                    if read is not None and key not in read:
                        message = f"{key} is set and nothing reads it"
                        hint = "read it in a container's env, or remove it: it has no effect"
                        yield overlay.finding_at(Site(file, spot), (key,), message, hint)


def _keys_read(overlay: Overlay, generator: env_files.Generator) -> set[str] | None:
    """Return the keys of a generated ConfigMap that are read; None if that is not known."""
    named = re.compile(rf"{re.escape(generator.name)}(?:-.+)?-[a-z0-9]{{10}}")
    made = {
        str(value_at(item.body, ("metadata", "name"))): value_at(item.body, ("data",)) or {}
        for item in overlay.objects
        if item.origin is not None and item.origin.generator == "ConfigMapGenerator"
    }
    names = [name for name in made if named.fullmatch(name)]
    if len(names) != 1:
        return None
    uses = [use for item in overlay.objects for use in _uses(item.body, names[0], ())]
    if not all(use[-2:-1] == ("configMapKeyRef",) for use, _ in uses):
        return None  # all of it is in a container, or in a volume
    read = {key for _, key in uses}
    # A key that is read and missing is the fault; the other is how it is misspelt.
    return read | set(_replaced(overlay, generator.name)) if read <= made[names[0]].keys() else None


def _uses(value: Any, name: str, path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the path of each field that holds a ConfigMap's name, and the key beside it."""
    if isinstance(value, dict):
        for at, inner in value.items():
            if inner == name and (*path, at) != ("metadata", "name"):
                yield (*path, at), str(value.get("key"))
            else:
                yield from _uses(inner, name, (*path, at))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _uses(inner, name, (*path, index))


def _replaced(overlay: Overlay, name: str) -> Iterator[str]:
    for each in overlay.layers:
        for replacement in patches.replacements(overlay.sources, each):
            source = replacement.source
            if source.get("name") == name:
                yield str(source.get("fieldPath", "")).removeprefix("data.")


@also("IRA009", FOLDER, Needs.PART)
def other_letters(folder: Folder) -> Iterator[Finding]:
    """The folder of a model is spelled otherwise than by most servers of the tree."""
    message = f"{folder.text!r} is {folder.usual!r} for other servers of the tree"
    hint = "a bucket has one of the two: paths are compared with case"
    yield Finding(folder.file, folder.line, folder.column, "", "", message, hint)


# Words for values that an overlay is to set.
_TO_REPLACE = re.compile(
    r"\b(?:replaced?[-_]by[-_](?:kustomize|overlays?)|(?:REPLACE|CHANGE)[-_]?ME|replace-?me)\b"
)


@also("IRA039", OVERLAY, Needs.OBJECTS)
def not_replaced(overlay: Overlay) -> Iterator[Finding]:
    """A value that an overlay is to replace is still what the base has."""
    if overlay.built.root.folder.name in _BASES:
        return  # which no overlay uses
    for item in overlay.objects:
        for path, text in _texts(item.body, ()):
            if _TO_REPLACE.search(text) and "\n" not in text and path[0] != "data":
                site = overlay.places.of(item, path)
                if site.file in overlay.built.stand_ins or not files.is_file(site.file):
                    continue
                message = f"{text} is still there: no patch and no replacement sets it"
                hint = "set it in the overlay, or in the base"
                yield overlay.finding_at(site, path, message, hint)


_BASES = ("base", "bases")


def _texts(value: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*path, index))
    elif isinstance(value, str):
        yield path, value


_QUOTES = "\"'"


@also("IRA025", OVERLAY, Needs.PART)
def comment_in_env_file(overlay: Overlay) -> Iterator[Finding]:
    """A comment, blanks or quotes are part of a value of an env file."""
    for each in overlay.layers:
        for generator in env_files.generators(each):
            for name in generator.env_files:
                file = each.local_name(name)
                for spot, key, value in env_files.lines(file) if files.is_file(file) else ():
                    problem = _problem(value)
                    if problem:
                        message = f"{problem} part of the value of {key}"
                        hint = "kustomize takes the whole line behind = for the value"
                        yield overlay.finding_at(Site(file, spot), (key,), message, hint)


def _problem(value: str) -> str:
    if " #" in value:
        return "the comment is"
    if len(value) > 1 and value[0] == value[-1] and value[0] in _QUOTES:
        return "the quotes are"
    return "blanks are" if value != value.strip() else ""
