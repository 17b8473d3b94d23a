"""Reads the environments of a folder of profiles, and lays each over the profiles."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import Any

from ira_manifests import layout
from ira_manifests.errors import InputError, Problem, did_you_mean, one_of
from ira_manifests.profile_files import ENVIRONMENT_FOLDER, PLATFORM_FILE
from ira_manifests.profiles import validation
from ira_manifests.profiles.environment import (
    NOT_OF_CELL,
    OF_GPU,
    OF_MODEL,
    OF_PLATFORM,
    Environment,
)
from ira_manifests.profiles.loader import FolderReader, P, Profiles
from ira_manifests.profiles.overlay import laid_over
from ira_manifests.profiles.platform import Platform
from ira_manifests.profiles.schema import CellProfile, GpuProfile, ModelProfile
from ira_manifests.profiles.source import Source
from ira_manifests.profiles.yaml_source import Path

_OWN = Environment.model_fields.keys()
_FIXED = "can't be changed by an environment"


def names_in(folder: FilePath) -> list[str]:
    """Return the names of the environments in a folder of profiles, sorted."""
    files = FolderReader().yaml_files(folder / ENVIRONMENT_FOLDER) or ()
    return [file.stem for file in files]


def read(
    folder: FilePath,
    base: Profiles,
    wanted: Collection[str] | None = None,
    contents: Mapping[str, bytes] = MappingProxyType({}),
) -> tuple[list[Profiles], list[Problem]]:
    """Read environments; return the profiles of each valid one, by name, and all problems.

    `base`: the profiles without any environment; what an environment does not change is shared
    with them. `wanted`: the names of the environments to read. Default: all. `contents`: what some
    files are taken to hold, by their path.

    Raises `InputError` for a wanted environment that is not there.
    """
    reader = FolderReader(contents)
    files = reader.yaml_files(folder / ENVIRONMENT_FOLDER) or []
    _require_known(wanted or (), [file.stem for file in files])
    found: list[Profiles] = []
    for file in files:
        if wanted is not None and file.stem not in wanted:
            continue
        before = len(reader.problems)
        source = reader.document(ENVIRONMENT_FOLDER, file)
        if source is None:
            continue
        profiles = _Overlay(base, file.stem, source, reader).profiles()
        if profiles is not None and len(reader.problems) == before:
            found.append(profiles)
    return found, reader.problems


def _require_known(wanted: Iterable[str], known: Collection[str]) -> None:
    lacking = "; add one as profiles/environments/NAME.yaml" if not known else ""
    unknown = [
        f"there is no environment {name!r}; known: {one_of(known)}{did_you_mean(name, known)}"
        f"{lacking}"
        for name in wanted
        if name not in known
    ]
    if unknown:
        raise InputError(*unknown)


class _Overlay:
    """Lays one environment over the profiles; the reader collects its problems."""

    def __init__(self, base: Profiles, name: str, source: Source, reader: FolderReader) -> None:
        self._base, self._name, self._source, self._reader = base, name, source, reader
        self._sources = {**base.sources, (ENVIRONMENT_FOLDER, name): source}

    def profiles(self) -> Profiles | None:
        """Return the profiles of the environment; None if it has problems."""
        if layout.is_reserved(self._name):
            self._refuse((), f"can't have the name {self._name!r}: {layout.WHY_RESERVED}")
        data = self._source.document.data
        if not isinstance(data, dict):
            self._reader.validated(self._source, Environment)
            return None
        own = self._own({key: value for key, value in data.items() if key in _OWN})
        if own is None:
            return None
        platform = self._platform(data.keys() - _OWN)
        gpus = self._changed("gpus", own.gpus, self._base.gpus, GpuProfile)
        models = self._changed("models", own.models, self._base.models, ModelProfile)
        return replace(
            self._base,
            platform=platform,
            gpus=gpus,
            models=models,
            sources=self._sources,
            environment=self._name,
            cluster=own.cluster,
            patterns=own.cells or (),
        )

    def _refuse(self, path: Path, message: str, *, at_key: bool = True) -> None:
        self._reader.problems.append(self._source.problem(path, message, at_key=at_key))

    def _own(self, data: Mapping[str, Any]) -> Environment | None:
        document = replace(self._source.document, data=data)
        return self._reader.validated(replace(self._source, document=document), Environment)

    def _platform(self, keys: Iterable[str]) -> Platform | None:
        allowed = self._allowed((), keys, OF_PLATFORM, Platform.model_fields, _OWN)
        return self._laid_over(("platform", PLATFORM_STEM), (), allowed, Platform)

    def _changed(
        self,
        kind: str,
        changes: Mapping[str, Mapping[str, Any]],
        base: Mapping[str, P],
        schema: type[P],
    ) -> dict[str, P]:
        """Return the profiles of one kind; those that the environment does not name are shared."""
        found = dict(base)
        known = [name for of_kind, name in self._base.sources if of_kind == kind]
        may_change = OF_GPU if schema is GpuProfile else OF_MODEL
        for name, changed in changes.items():
            path = (kind, name)
            if name not in known:
                what = "GPU type" if schema is GpuProfile else "model"
                message = f"is an unknown {what}; known: {one_of(known)}{did_you_mean(name, known)}"
                self._refuse(path, message)
                continue
            keys = self._allowed(path, changed, may_change, schema.model_fields)
            if self._refuse_other_repositories(path, changed.get("cells")):
                continue
            profile = self._laid_over(path, path, keys, schema)
            if profile is not None:
                found[name] = profile
        return found

    def _allowed(
        self,
        path: Path,
        keys: Iterable[str],
        may_change: Collection[str],
        fields: Collection[str],
        others: Collection[str] = (),
    ) -> list[str]:
        """Return the keys that an environment can change, and refuse the others."""
        allowed = []
        for key in keys:
            if key in may_change:
                allowed.append(key)
                continue
            every = {*may_change, *others}
            what = _FIXED if key in fields else "is an unknown key"
            close = "" if key in fields else did_you_mean(key, every)
            self._refuse((*path, key), f"{what}; allowed: {one_of(every)}{close}")
        return allowed

    def _refuse_other_repositories(self, path: Path, cells: Any) -> bool:
        """Refuse fields of cells that name another repository; return whether there are any."""
        others = [place for place in _of_cells(cells, (*path, "cells")) if place[-1] in NOT_OF_CELL]
        for place in others:
            allowed = f"all fields of a cell but {', '.join(sorted(NOT_OF_CELL))}"
            self._refuse(place, f"{_FIXED}; allowed: {allowed}")
        return bool(others)

    def _laid_over(
        self, source: tuple[str, str], above: Path, keys: Iterable[str], schema: type[P]
    ) -> P | None:
        base = self._base.sources.get(source)
        if base is None or not isinstance(base.document.data, dict):
            return None  # its problem is the file's own
        merged = laid_over(base, self._source, above, keys)
        self._sources[source] = merged
        self._reader.problems += validation.wrongly_removed(base, merged, schema)
        return self._reader.validated(merged, schema)


PLATFORM_STEM = PLATFORM_FILE.removesuffix(".yaml")


def _of_cells(cells: Any, path: Path) -> Iterator[Path]:
    """Yield the place of each field of a model's cells, and of its cells of several variants."""
    for gpu, cell in cells.items() if isinstance(cells, dict) else ():
        for field, value in cell.items() if isinstance(cell, dict) else ():
            yield (*path, gpu, field)
            if field not in CellProfile.model_fields and isinstance(value, dict):
                yield from ((*path, gpu, field, inner) for inner in value)
