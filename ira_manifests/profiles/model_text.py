"""Writes the profile of a new model as YAML."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ira_manifests.profiles.schema import CellProfile


@dataclass(frozen=True)
class NewModel:
    """The values of a new profile, except its cells.

    Attributes:
        weights: the fields of `WeightsProfile`.
        weights_from: what they were computed from.
        geometry: the fields of `GeometryProfile`.
    """

    model_id: str
    min_engine: str
    weights: Mapping[str, Decimal | str]
    weights_from: str
    geometry: Mapping[str, Any]

    def values(self, cells: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return the profile as plain values, in the order of its fields."""
        return {
            "model_id": self.model_id,
            "min_engine": self.min_engine,
            "weights": dict(self.weights),
            "geometry": dict(self.geometry),
            "cells": dict(cells),
        }

    def text(self, cells: Mapping[str, CellProfile]) -> str:
        """Return the profile as YAML."""
        values = self.values({gpu: _cell(cell) for gpu, cell in cells.items()})
        lines = list(_lines(values, ""))
        at = lines.index("weights:") + 1
        lines.insert(at, f"  # ~ Computed from {self.weights_from}; vLLM's log has the exact size.")
        head = f"# {self.model_id}: https://huggingface.co/{self.model_id}"
        return "\n".join([head, "# Written by `ira-manifests add`.", *lines, ""])


def cell_text(gpu: str, cell: CellProfile) -> str:
    """Return a cell as it is in the YAML of a profile."""
    return "\n".join(_lines({gpu: _cell(cell)}, "  "))


def _cell(cell: CellProfile) -> dict[str, Any]:
    """Return the fields of a cell that are set, without empty values."""
    given = {name: getattr(cell, name) for name in CellProfile.model_fields}
    return {
        name: value
        for name, value in given.items()
        if name in cell.model_fields_set and value not in (None, {}, ())
    }


def _lines(values: Mapping[str, Any], indent: str) -> Iterator[str]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield f"{indent}{key}:"
            yield from _lines(value, f"{indent}  ")
        elif isinstance(value, Sequence) and not isinstance(value, str):
            yield f"{indent}{key}:"
            for item in value:
                first, *rest = _lines(item, f"{indent}    ")
                yield f"{indent}  - {first.strip()}"
                yield from rest
        else:
            yield f"{indent}{key}: {_scalar(value)}"


def _scalar(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
