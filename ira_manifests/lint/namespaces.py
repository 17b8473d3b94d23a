"""Namespaces that one overlay or env file writes out, and all others leave to be filled in."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import NamedTuple

from ira_manifests.kubernetes import names
from ira_manifests.kustomizations import env_files, patches
from ira_manifests.kustomizations.build import Built
from ira_manifests.kustomizations.documents import Spot
from ira_manifests.kustomizations.kustomization import Kustomization
from ira_manifests.kustomizations.sources import Sources
from ira_manifests.lint.families import is_stage
from ira_manifests.lint.placeholders import has_placeholder
from ira_manifests.rules.sources.subjects import WrittenNamespace

_KEY = "NAMESPACE"
_FEWEST = 2
"""Others that leave the namespace open; a single one is no custom of a tree."""


class _Choice(NamedTuple):
    """What decides a namespace. `text`: the namespace; empty if it is left to be filled in."""

    file: FilePath
    spot: Spot
    text: str


def written(sources: Sources, built: Sequence[Built]) -> Iterator[WrittenNamespace]:
    """Yield the only namespace of each group that is written out and that the tree doesn't make."""
    made = set(_made(sources, built))
    roots = [each.root for each in built]
    for what, choices in (*_of_bases(sources, roots), *_of_keys(sources, roots)):
        texts = [each for each in choices if each.text]
        others = len(choices) - len(texts)
        if len(texts) == 1 and others >= _FEWEST:
            (one,) = texts
            if one.text not in made and not is_stage(f"{one.text}/{one.file.parent.name}"):
                place = sources.shown(one.file), one.spot.line, one.spot.column
                yield WrittenNamespace(*place, one.text, f"{others} other {what}")


def _made(sources: Sources, built: Sequence[Built]) -> Iterator[str]:
    """Yield the namespaces that objects of the tree are."""
    bodies = [item.body for each in built for item in each.objects]
    for file in sources.plain:
        bodies += (each.data for each in sources.documents_or_none(file))
    for body in bodies:
        metadata = body.get("metadata") if isinstance(body, dict) else None
        if isinstance(metadata, dict) and body.get("kind") == "Namespace":
            yield str(metadata.get("name"))


# --- overlays -------------------------------------------------------------------------------------


def _of_bases(
    sources: Sources, roots: Sequence[Kustomization]
) -> Iterator[tuple[str, list[_Choice]]]:
    """Yield what the overlays of each base have for a namespace, if they say anything of it."""
    by_base: dict[tuple[FilePath, ...], list[_Choice]] = defaultdict(list)
    for root in roots:
        bases = tuple(sorted(child.folder for child in sources.children(root)))
        choice = _of_overlay(sources, root)
        if bases and choice is not None:
            by_base[bases].append(choice)
    for bases, choices in by_base.items():
        yield f"overlays of its base{'s' * (len(bases) > 1)}", choices


def _of_overlay(sources: Sources, root: Kustomization) -> _Choice | None:
    text = root.data.get("namespace")
    if isinstance(text, str) and text:
        spot = root.document.value_at(("namespace",)) or Spot(1, 1)
        return _Choice(root.file, spot, _known(text))
    for replacement in patches.replacements(sources, root):
        for _, target in replacement.targets:
            if "metadata.namespace" in (target.get("fieldPaths") or ()):
                return _Choice(root.file, Spot(1, 1), "")
    return None


def _known(text: str) -> str:
    """Return a namespace; empty for a placeholder, and for what can't be one."""
    return "" if has_placeholder(text) or names.check_rfc1123_label(text) else text


# --- env files ------------------------------------------------------------------------------------


def _of_keys(
    sources: Sources, roots: Sequence[Kustomization]
) -> Iterator[tuple[str, list[_Choice]]]:
    """Yield the values that the env files and templates of a tree have for each key."""
    by_key: dict[str, dict[FilePath, _Choice]] = defaultdict(dict)
    for root in roots:
        for layer in sources.closure(root):
            for generator in env_files.generators(layer):
                for name in generator.env_files:
                    file = layer.local_name(name)
                    shown = env_files.source_of(file) or file
                    for spot, key, value in env_files.lines(file):
                        if key.upper().endswith(_KEY):
                            by_key[key][shown] = _Choice(shown, spot, _known(value.strip()))
    for key, choices in by_key.items():
        yield f"files of {key}", list(choices.values())
