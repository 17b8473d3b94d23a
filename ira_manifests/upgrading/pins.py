"""The places where profiles name a release of vLLM, and which of them are to change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ira_manifests.errors import InputError
from ira_manifests.profile_files import ENVIRONMENT_FOLDER, MODEL_FOLDER
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.engine import level_of
from ira_manifests.profiles.matrix import Matrices, Matrix
from ira_manifests.profiles.source import At, Source
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.vllm import Release

Key = tuple[str, str]
"""Kind and name of a file, as those of `Profiles.sources`."""

PLATFORM: Key = ("platform", "platform")
_ENGINE, _CELLS = "engine", "cells"
_VERSION, _TAG, _DIGEST = "version", "tag", "digest"


@dataclass(frozen=True)
class Wanted:
    """What to pin instead.

    Attributes:
        release: of vLLM.
        tag, digest: of its image, for pins that have one; None where they are not given.
        environments: those whose own pins change; empty for the platform's pin.
        every: whether all pins change.
    """

    release: Release
    tag: str | None = None
    digest: str | None = None
    environments: tuple[str, ...] = ()
    every: bool = False


@dataclass(frozen=True)
class Pin:
    """An `engine` that names a release, or that of an environment which is to name one.

    Attributes:
        key: the file.
        path: of the `engine` in it.
        at: the place of the release, or of what is nearest to it.
        whole, inner: the profile of which the file is a part, and the path of the `engine` in it.
            They are the file itself, but for an environment's.
    """

    key: Key
    path: Path
    at: At
    whole: Source
    inner: Path

    @property
    def engine(self) -> Mapping[str, Any]:
        """What applies there, as the profile has it."""
        return _inside(self.whole.document.data, self.inner)

    @property
    def release(self) -> str:
        """The release that applies there."""
        return str(self.engine[_VERSION])

    @property
    def place(self) -> str:
        """File, line and column of the release."""
        return _place(self.at)

    def values(self, wanted: Wanted) -> dict[str, str]:
        """Return the new values of the engine there.

        Raises InputError where the image has a tag or a digest that only the user can replace.
        """
        found = {_VERSION: str(wanted.release)}
        tag, digest = self.engine.get(_TAG), self.engine.get(_DIGEST)
        if wanted.tag is not None or tag is not None:
            found[_TAG] = wanted.tag or self._tag(str(tag), wanted.release)
        if wanted.digest is not None or digest is not None:
            found[_DIGEST] = wanted.digest or self._digest(wanted.release)
        return found

    def _tag(self, tag: str, release: Release) -> str:
        """Return the tag of another release, where the present one is nothing but its release."""
        if tag.removeprefix("v") == self.release:
            return tag.replace(self.release, str(release))
        raise InputError(
            f"{self._place_of(_TAG)}: engine.tag is {tag}, which is more than the release "
            f"{self.release}; pass --tag with that of an image with {release}"
        )

    def _digest(self, release: Release) -> str:
        raise InputError(
            f"{self._place_of(_DIGEST)}: engine.digest is that of the image with {self.release}; "
            f"pass --digest with that of an image with {release}, or remove the digest"
        )

    def _place_of(self, field: str) -> str:
        return _place(self.whole.at((*self.inner, field)))


def find(matrices: Matrices) -> list[Pin]:
    """Return every pin: the platform's, then those of models, cells and environments."""
    base = matrices.walkthrough
    keys = [PLATFORM, *(("models", name) for name in sorted(base.profiles.models))]
    found = [pin for key in keys for pin in _in(base, key)]
    for matrix in matrices.environments.values():
        found += _in(matrix, (ENVIRONMENT_FOLDER, matrix.environment))
    return found


def chosen(matrices: Matrices, wanted: Wanted) -> list[Pin]:
    """Return the pins that are to change; an environment without one gets it.

    Raises InputError if several would get one tag or one digest.
    """
    every = find(matrices)
    found = [pin for pin in every if wanted.every or pin.key == PLATFORM]
    if wanted.environments:
        found = [
            _of_environment(matrices.environments[name], every) for name in wanted.environments
        ]
    if len(found) > 1 and (wanted.tag or wanted.digest):
        places = ", ".join(pin.place for pin in found)
        raise InputError(
            f"--tag and --digest are of one image, and these pins would get it: {places}"
        )
    return found


def _of_environment(matrix: Matrix, every: list[Pin]) -> Pin:
    key = ENVIRONMENT_FOLDER, matrix.environment
    own = (pin for pin in every if (pin.key, pin.path) == (key, (_ENGINE,)))
    return next(own, None) or _pin(matrix, key, (_ENGINE,))


def _in(matrix: Matrix, key: Key) -> Iterator[Pin]:
    """Yield the pins of a file."""
    data = matrix.profiles.sources[key].document.data
    for path in _engines(data):
        if _inside(data, path).get(_VERSION) is not None:
            yield _pin(matrix, key, path)


def _pin(matrix: Matrix, key: Key, path: Path) -> Pin:
    sources = matrix.profiles.sources
    whole, inner = _whole(key, path)
    return Pin(key, path, sources[key].at((*path, _VERSION)), sources[whole], inner)


def _whole(key: Key, path: Path) -> tuple[Key, Path]:
    """Return the profile that an environment's file is laid over, and the path in that."""
    if key[0] != ENVIRONMENT_FOLDER:
        return key, path
    if path[0] != MODEL_FOLDER:
        return PLATFORM, path
    return (MODEL_FOLDER, str(path[1])), path[2:]


def _engines(data: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the path of each engine of a file: its own, its models', its cells'."""
    if isinstance(data.get(_ENGINE), dict):
        yield (_ENGINE,)
    for name, model in _mappings(data.get(MODEL_FOLDER)):
        yield from ((MODEL_FOLDER, name, *path) for path in _engines(model))
    for gpu, cell in _mappings(data.get(_CELLS)):
        yield from ((_CELLS, gpu, *path) for path in _engines(cell))
        # Variants of a cell; no field of a cell but its engine has an engine.
        variants = ((name, own) for name, own in _mappings(cell) if name != _ENGINE)
        yield from (
            (_CELLS, gpu, name, _ENGINE)
            for name, own in variants
            if isinstance(own.get(_ENGINE), dict)
        )


def _mappings(data: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, value in data.items() if isinstance(data, dict) else ():
        if isinstance(value, dict):
            yield name, value


def _inside(data: Any, path: Path) -> dict[str, Any]:
    for part in path:
        data = data.get(part) if isinstance(data, dict) else None
    return data if isinstance(data, dict) else {}


def require_own(matrices: Matrices, pins: list[Pin]) -> None:
    """Refuse tags and digests of images whose release another level or file names, and changes.

    Raises InputError with the places of all.
    """
    wrong: dict[str, None] = {}
    for matrix in (matrices.walkthrough, *matrices.environments.values()):
        for cell in matrix.values():
            for field in (_TAG, _DIGEST):
                if _is_left_behind(matrix, cell, field, pins):
                    own, version = (_deciding(matrix, cell, each) for each in (field, _VERSION))
                    message = (
                        f"{_place(own)}: engine.{field} is of an image with "
                        f"{cell.engine.version}, and the pin at {version.file}:{version.line} is "
                        f"to change; write `version: {cell.engine.version}` beside the {field}"
                    )
                    wrong[message] = None
    if wrong:
        raise InputError(*wrong)


def _is_left_behind(matrix: Matrix, cell: Cell, field: str, pins: list[Pin]) -> bool:
    """Return whether a field of a cell's engine stays, and the release that it is of changes."""
    if getattr(cell.engine, field) is None:
        return False
    outer, inner = (level_of(cell.own_engine, each) for each in (_VERSION, field))
    key = ENVIRONMENT_FOLDER, matrix.environment
    if outer == 0 and any((pin.key, pin.path) == (key, (_ENGINE,)) for pin in pins):
        return inner > 0  # the environment's own engine gets both
    version, own = (_deciding(matrix, cell, each) for each in (_VERSION, field))
    if (version.file, version.path) not in {(pin.at.file, pin.at.path) for pin in pins}:
        return False
    if outer != inner:
        return outer < inner
    return own.file != version.file and own.file == _file_of(matrix)


def _deciding(matrix: Matrix, cell: Cell, field: str) -> At:
    """Return the place that decides a field of a cell's engine."""
    level = level_of(cell.own_engine, field)
    key = (MODEL_FOLDER, cell.model_name) if level else PLATFORM
    above: Path = ((), (), cell.path)[level]
    return matrix.profiles.sources[key].at((*above, _ENGINE, field))


def _place(at: At) -> str:
    return f"{at.file}:{at.line}:{at.column}"


def _file_of(matrix: Matrix) -> str:
    """Return the environment's file; empty without an environment."""
    return matrix.profiles.of_environment.file if matrix.environment else ""
