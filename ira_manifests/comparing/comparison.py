"""All changes between two sets of matrices and their directories."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ira_manifests.comparing import cells as of_cells
from ira_manifests.comparing.cells import CellChange, Counts
from ira_manifests.comparing.directories import (
    DirectoryChange,
    FieldChange,
    ObjectChange,
    compared,
)
from ira_manifests.layout import placed
from ira_manifests.output.directory import Directory
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix


@dataclass(frozen=True)
class OfEnvironment:
    """The changes of one environment; an empty name for the walkthrough's."""

    environment: str
    directories: tuple[DirectoryChange, ...]
    cells: tuple[CellChange, ...]
    is_pruned: bool
    """Whether what applies the output removes what is no longer in it."""
    models: tuple[str, ...]
    """The ids of the models that its cells read from the bucket, and no cell did before."""


@dataclass(frozen=True)
class Comparison:
    """All changes."""

    environments: tuple[OfEnvironment, ...]
    old_gpus: Mapping[str, Counts]
    """GPUs of all cells by GPU type, as if all of them were applied."""
    new_gpus: Mapping[str, Counts]

    @property
    def is_empty(self) -> bool:
        """Whether nothing changes on a cluster, and no memory verdict changes."""
        return not any(each.directories or each.cells for each in self.environments)

    def to_json(self) -> dict[str, Any]:
        """Return the changes as plain values."""
        return {
            "changed": not self.is_empty,
            "environments": [_of_environment(each) for each in self.environments],
            "gpus": [
                {"gpu": gpu, "old": asdict(old), "new": asdict(new)} for gpu, old, new in self.gpus
            ],
        }

    @property
    def gpus(self) -> list[tuple[str, Counts, Counts]]:
        """Each GPU type with its GPUs before and after."""
        names = sorted({*self.old_gpus, *self.new_gpus})
        none = Counts()
        return [
            (each, self.old_gpus.get(each, none), self.new_gpus.get(each, none)) for each in names
        ]


@dataclass(frozen=True)
class Side:
    """One of the two that are compared: a matrix, and its directories whose profiles differ."""

    matrix: Matrix
    directories: Sequence[Directory]


def compare(old: Mapping[str, Side], new: Mapping[str, Side], differing: set[str]) -> Comparison:
    """Return what changes from one set of environments to another, each by its name.

    `differing`: the names of all directories whose profiles differ; the others were left out.
    """
    names = sorted({*old, *new})
    read = _reads(old.values())
    found = [_compared(name, old.get(name), new.get(name), differing, read) for name in names]
    return Comparison(
        tuple(each for each in found if each.directories or each.cells),
        of_cells.gpus(_cells(old.values())),
        of_cells.gpus(_cells(new.values())),
    )


def _cells(sides: Iterable[Side]) -> Iterable[Cell]:
    return (cell for side in sides for cell in side.matrix.values())


def _reads(sides: Iterable[Side]) -> dict[tuple[str | None, str], None]:
    """Return the models that cells read, each with its bucket, None for that of the user's file."""
    return {
        (side.matrix.platform.bucket, model_id): None
        for side in sides
        for cell in side.matrix.values()
        for model_id in cell.model_ids
    }


def _compared(
    name: str,
    old: Side | None,
    new: Side | None,
    differing: set[str],
    read: Collection[tuple[str | None, str]],
) -> OfEnvironment:
    directories = compared(old.directories if old else (), new.directories if new else ())
    above = placed(name, "")
    own = {each.removeprefix(above) for each in differing if each.startswith(above)}
    objects = {each.cell for each in directories}
    cells = [
        each
        for each in of_cells.changed(_matrix(old), _matrix(new), own)
        if each.old != each.new or each.name in objects
    ]
    pruned = any(side.matrix.platform.pruned for side in (old, new) if side)
    models = [each[1] for each in _reads([new] if new else []) if each not in read]
    return OfEnvironment(name, tuple(directories), tuple(cells), pruned, tuple(models))


def _matrix(side: Side | None) -> Matrix | None:
    return None if side is None else side.matrix


def _of_environment(given: OfEnvironment) -> dict[str, Any]:
    return {
        "environment": given.environment or None,
        "cells": [each.to_json() for each in given.cells],
        "directories": [_of_directory(each) for each in given.directories],
        "models": [*given.models],
    }


def _of_directory(given: DirectoryChange) -> dict[str, Any]:
    return {
        "name": given.name,
        "cell": given.cell or None,
        "effect": given.effect.word,
        "objects": [_of_object(each) for each in given.objects],
    }


def _of_object(given: ObjectChange) -> dict[str, Any]:
    return {
        "kind": given.identity.kind,
        "namespace": given.identity.namespace or None,
        "old_name": given.old_name or None,
        "new_name": given.new_name or None,
        "effect": given.effect.word,
        "strategy": given.strategy or None,
        "also_in": given.also_in or None,
        "fields": [_of_field(each) for each in given.fields],
    }


def _of_field(given: FieldChange) -> dict[str, Any]:
    return {
        "field": given.difference.field,
        "old": given.difference.old,
        "new": given.difference.new,
        "effect": given.effect.word,
    }
