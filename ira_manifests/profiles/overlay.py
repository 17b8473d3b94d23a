"""Lays a part of one file over a profile, and keeps the place of every value.

The values are those of a JSON merge patch (https://www.rfc-editor.org/rfc/rfc7386): mappings are
merged by key, null removes, and anything else replaces what was there.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ira_manifests.profiles.source import Overlaid, Source
from ira_manifests.profiles.yaml_source import Document, Path, Place


def laid_over(base: Source, over: Source, above: Path, keys: Iterable[str]) -> Source:
    """Return `base` with values of `over` laid over it.

    `above`: the mapping in `over` that has the values. `keys`: its keys to take.
    """
    merge = _Merge(base.document, over.document, above)
    return Source(base.file, merge.of(keys), Overlaid(over.file, above, frozenset(merge.paths)))


class _Merge:
    def __init__(self, base: Document, over: Document, above: Path) -> None:
        self._base, self._over, self._above = base, over, above
        self._values, self._keys = dict(base.values), dict(base.keys)
        self._removed: dict[Path, Place] = {}
        self.paths: set[Path] = set()

    def of(self, keys: Iterable[str]) -> Document:
        patch = self._over.data
        for part in self._above:
            patch = patch[part]
        data = self._merged(self._base.data, {key: patch[key] for key in keys}, ())
        return Document(data, self._values, self._keys, self._removed)

    def _merged(self, base: Any, patch: dict[str, Any], path: Path) -> dict[str, Any]:
        found = dict(base) if isinstance(base, dict) else {}
        for key, value in patch.items():
            here = (*path, key)
            if value is None:
                found.pop(key, None)
                self._forget(here)
                self._removed[here] = self._over.keys[*self._above, *here]
                self.paths.add(here)
            elif isinstance(value, dict):
                if not isinstance(found.get(key), dict):
                    self._forget(here)
                    self._take(here)
                found[key] = self._merged(found.get(key), value, here)
            else:
                found[key] = value
                self._forget(here)
                for inner in _paths(value, here):
                    self._take(inner)
        return found

    def _forget(self, path: Path) -> None:
        for places in (self._values, self._keys):
            for each in [each for each in places if each[: len(path)] == path]:
                del places[each]

    def _take(self, path: Path) -> None:
        there = (*self._above, *path)
        self._values[path] = self._over.values[there]
        if there in self._over.keys:
            self._keys[path] = self._over.keys[there]
        self.paths.add(path)


def _paths(value: Any, path: Path) -> Iterable[Path]:
    """Yield the path of a value, and of all values inside it."""
    yield path
    entries: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        entries = value.items()
    elif isinstance(value, tuple):
        entries = enumerate(value)
    for key, inner in entries:
        yield from _paths(inner, (*path, key))
