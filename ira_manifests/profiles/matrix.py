"""The matrix of cells, and its creation from a folder of profiles."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace

from ira_manifests.errors import Gathered, InputError, Problem, did_you_mean, one_of
from ira_manifests.kubernetes import names
from ira_manifests.layout import BASE, MODEL_DOWNLOAD, TOP
from ira_manifests.profiles import consistency, yaml_source
from ira_manifests.profiles.cell import Cell, cells_of
from ira_manifests.profiles.loader import Profiles, Source, find_folder, read_profiles
from ira_manifests.profiles.platform import Platform
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


def directories(cells: Iterable[Cell]) -> list[str]:
    """Return the names of all directories that `synth` writes for the cells."""
    return [TOP, BASE, MODEL_DOWNLOAD, *(name for cell in cells for name in cell.directories)]


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


def read_matrix(
    folder: str | os.PathLike[str] | None,
    *,
    workload_name: str | None,
    namespace: str | None,
    further: Callable[[Profiles], Iterable[Problem]],
) -> Matrix:
    """Read the profiles and return their matrix.

    `further`: an additional check of the profiles; its problems are reported with all others. The
    other arguments and errors are those of `ira_manifests.load_matrix`.
    """
    wrong = Gathered()
    template = namespace_given = None
    if workload_name is not None:
        with wrong:
            names.require("the workload name", workload_name, names.check_workload_template)
            template = workload_name
    if namespace is not None:
        with wrong:
            names.require("the namespace", namespace, names.check_rfc1123_label)
            namespace_given = namespace
    with wrong:
        profiles, problems = read_profiles(find_folder(folder))
        if profiles.platform is not None:
            profiles = _overridden(profiles, profiles.platform, template, namespace_given)
        wrong.add([*problems, *consistency.problems(profiles), *further(profiles)])
        if profiles.platform is not None and not wrong:
            return Matrix(profiles.platform, profiles)
    raise wrong.error


def _overridden(
    profiles: Profiles, platform: Platform, workload_name: str | None, namespace: str | None
) -> Profiles:
    """Return the profiles with the options' values in the platform."""
    options: list[yaml_source.Path] = []
    if workload_name is not None:
        inference = platform.inference.model_copy(update={"workload_name": workload_name})
        platform = platform.model_copy(update={"inference": inference})
        options.append(("inference", "workload_name"))
    if namespace is not None:
        platform = platform.model_copy(update={"namespace": namespace})
        options.append(("namespace",))
    return replace(profiles, platform=platform, options=frozenset(options))
