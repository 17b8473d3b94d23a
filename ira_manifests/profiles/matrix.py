"""The matrix of cells, and its creation from a folder of profiles."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path as FilePath
from types import MappingProxyType
from typing import NamedTuple, Self

from ira_manifests.errors import Gathered, InputError, Problem, did_you_mean, one_of
from ira_manifests.kubernetes import names
from ira_manifests.layout import (
    ARGO_CD,
    BASE,
    FLUX,
    MODEL_DOWNLOAD,
    SHARED,
    TOP,
    application,
    download_name,
    placed,
)
from ira_manifests.profile_files import ENVIRONMENT_FOLDER
from ira_manifests.profiles import consistency, yaml_source
from ira_manifests.profiles.cell import Cell, cells_of
from ira_manifests.profiles.loader import Profiles, find_folder, read_profiles
from ira_manifests.profiles.platform import Platform
from ira_manifests.profiles.repositories import Download
from ira_manifests.profiles.source import Source
from ira_manifests.profiles.yaml_source import Document


class Matrix(Mapping[tuple[str, str], Cell]):
    """All cells by (GPU type, model), sorted.

    Indexing with a pair that is not in the matrix raises `UnknownCellError`, an `InputError` that
    lists the existing pairs; `get` and `in` behave as for any mapping.
    """

    def __init__(self, platform: Platform, profiles: Profiles) -> None:
        self.platform = platform
        """Settings that all cells share."""
        self.profiles = profiles
        self.environment = profiles.environment
        """The environment that the cells are of; empty for the walkthrough's."""
        self._cells = {cell.key: cell for cell in cells_of(profiles, platform)}

    def __getitem__(self, key: tuple[str, str]) -> Cell:
        if key not in self._cells:
            raise UnknownCellError(key, self._cells)
        return self._cells[key]

    def __contains__(self, key: object) -> bool:
        return key in self._cells  # Mapping's own would build an error message for a missing pair

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._cells)

    def __len__(self) -> int:
        return len(self._cells)

    def of_pair(self, gpu: str, model: str) -> tuple[Cell, ...]:
        """Return the cells of a model on a GPU type: none, one, or the variants."""
        cells = self._cells.values()
        return tuple(each for each in cells if (each.gpu_name, each.model_name) == (gpu, model))

    @property
    def of_controller(self) -> list[str]:
        """The directories of the controller that applies the output, which are of all cells."""
        if self.platform.flux is not None:
            return [FLUX]
        if self.platform.argo_cd is None:
            return []
        models = sorted({cell.model_name for cell in self._cells.values()})
        return [ARGO_CD, *map(application, models)]

    def downloads(self, cells: Iterable[Cell]) -> list[Download]:
        """Return what to download for each model of some cells, for all of its cells.

        It is empty if the bucket is not known: the user's file then names the model.
        """
        if self.platform.bucket is None:
            return []
        wanted = {cell.model_name: dict[str, None]() for cell in cells}
        for cell in self.values():
            if cell.model_name in wanted:
                wanted[cell.model_name] |= dict.fromkeys(cell.model_ids)
        return [self._download(name, list(ids)) for name, ids in sorted(wanted.items())]

    def _download(self, model: str, ids: list[str]) -> Download:
        own = self.profiles.models[model].model_id
        first = own if own in ids else ids[0]
        also = tuple(sorted(each for each in ids if each != first))
        return Download(download_name(model), first, also)


def matrix_of(cell: Cell, file: str) -> Matrix:
    """Return the matrix of one cell. `file`: where findings and problems are reported."""
    source = Source(file, Document())
    own = {cell.variant: cell.profile} if cell.variant else cell.profile
    model = cell.model.model_copy(update={"cells": {cell.gpu_name: own}})
    profiles = Profiles(
        cell.platform,
        {cell.gpu_name: cell.gpu},
        {cell.model_name: model},
        {
            ("gpus", cell.gpu_name): source,
            ("models", cell.model_name): source,
            ("platform", "platform"): source,
        },
    )
    return Matrix(cell.platform, profiles)


class Selection(NamedTuple):
    """A matrix, and those of its cells that are to be rendered or checked."""

    matrix: Matrix
    cells: Sequence[Cell]

    @property
    def directories(self) -> list[str]:
        """The names of all directories that `synth` writes for the cells."""
        of_cells = (name for cell in self.cells for name in cell.directories)
        environment = self.matrix.environment
        shared = [BASE, MODEL_DOWNLOAD]
        if self.matrix.platform.bucket is not None:
            shared = [SHARED] if self.matrix.platform.pruned else []
            shared += [each.name for each in self.matrix.downloads(self.cells)]
            shared += self.matrix.of_controller
        top = () if environment else (TOP,)
        return [placed(environment, name) for name in (*top, *shared, *of_cells)]


def shared_workloads(cells: Iterable[Cell]) -> dict[str, tuple[Cell, ...]]:
    """Return cells by workload name, for names of several cells: they overwrite each other."""
    by_name: dict[str, list[Cell]] = defaultdict(list)
    for cell in cells:
        by_name[cell.workload_name].append(cell)
    return {name: tuple(same) for name, same in by_name.items() if len(same) > 1}


class UnknownCellError(InputError, KeyError):
    """A GPU type and model that have no cell in the matrix."""

    def __init__(self, key: object, known: Iterable[tuple[str, str]]) -> None:
        asked = " × ".join(map(str, key)) if isinstance(key, tuple) else str(key)
        pairs = [" × ".join(pair) for pair in known]
        self.message = (
            f"{asked} is not in the matrix; it has {one_of(pairs)}{did_you_mean(asked, pairs)}"
        )
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message


class Matrices(NamedTuple):
    """The matrices of a folder of profiles."""

    walkthrough: Matrix
    """Without an environment."""
    environments: Mapping[str, Matrix]
    """By name, sorted."""

    @property
    def written(self) -> list[Matrix]:
        """The matrices whose directories are in the output."""
        only = self.walkthrough.platform.environments_only
        return [*(() if only else (self.walkthrough,)), *self.environments.values()]


class Options(NamedTuple):
    """Values that replace those of the profiles."""

    workload_name: str | None = None
    namespace: str | None = None

    def checked(self) -> Self:
        """Return the options. Raises `InputError` for invalid ones."""
        wrong = Gathered()
        for what, value, check in (
            ("the workload name", self.workload_name, names.check_workload_template),
            ("the namespace", self.namespace, names.check_rfc1123_label),
        ):
            if value is not None:
                with wrong:
                    names.require(what, value, check)
        if wrong:
            raise wrong.error
        return self

    def over(self, profiles: Profiles) -> Profiles:
        """Return the profiles with the options' values in the platform."""
        platform, paths = profiles.platform, set[yaml_source.Path]()
        if platform is not None and self.workload_name is not None:
            inference = platform.inference.model_copy(update={"workload_name": self.workload_name})
            platform = platform.model_copy(update={"inference": inference})
            paths.add(("inference", "workload_name"))
        if platform is not None and self.namespace is not None:
            download = platform.model_download.model_copy(update={"namespace": None})
            changed = {"namespace": self.namespace, "model_download": download}
            platform = platform.model_copy(update=changed)
            paths.add(("namespace",))
        return replace(profiles, platform=platform, options=frozenset(paths))


def read_matrices(
    folder: str | os.PathLike[str] | None,
    options: Options,
    environments: Collection[str] | None,
    further: Callable[[Profiles], Iterable[Problem]],
    contents: Mapping[str, bytes] = MappingProxyType({}),
) -> Matrices:
    """Read the profiles, and return their matrix and that of each environment.

    `environments`: the names of those to read. Default: all. `further`: an additional check of the
    profiles; its problems are reported with all others. `contents`: what some files are taken to
    hold, by their path. The other arguments and errors are those of `ira_manifests.load_matrix`.
    """
    wrong = Gathered()
    with wrong:
        options.checked()
    if wrong:
        options = Options()
    with wrong:
        place = find_folder(folder)
        every, problems = _read(place, environments, contents)
        every = [options.over(each) for each in every]
        wrong.add(problems)
        for each in every:
            wrong.add(_problems(each, further))
        platforms = [each.platform for each in every if each.platform is not None]
        if not wrong and platforms:
            first, *others = map(Matrix, platforms, every)
            return Matrices(first, {matrix.environment: matrix for matrix in others})
    raise wrong.error


def _read(
    folder: FilePath, wanted: Collection[str] | None, contents: Mapping[str, bytes]
) -> tuple[list[Profiles], list[Problem]]:
    """Return the profiles, and those of each environment, and all problems of files."""
    base, problems = read_profiles(folder, contents)
    if wanted is not None and not wanted:
        return [base], problems
    if wanted is None and not os.path.lexists(folder / ENVIRONMENT_FOLDER):
        return [base], problems
    from ira_manifests.profiles import environments

    others, more = environments.read(folder, base, wanted, contents)
    return [base, *others], [*problems, *more]


def _problems(
    profiles: Profiles, further: Callable[[Profiles], Iterable[Problem]]
) -> Iterator[Problem]:
    yield from consistency.problems(profiles)
    yield from further(profiles)
