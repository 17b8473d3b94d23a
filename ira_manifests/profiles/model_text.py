"""Writes the profile of a new model as YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from ira_manifests.profile_files import modeline
from ira_manifests.profiles import yaml_lines
from ira_manifests.profiles.schema import CellProfile

_REMARK = "# ~ Computed from {}; vLLM's log has the exact size."


@dataclass(frozen=True)
class NewModel:
    """The values of a new profile, except its cells.

    Attributes:
        weights: the fields of `WeightsProfile`.
        weights_from: what they were computed from.
        geometry: the fields of `GeometryProfile`.
        revision: the commit that was read; empty if unknown.
    """

    model_id: str
    min_engine: str
    weights: Mapping[str, Decimal | str]
    weights_from: str
    geometry: Mapping[str, Any]
    revision: str = ""

    def values(self, cells: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """Return the profile as plain values, in the order of its fields."""
        return {
            "model_id": self.model_id,
            **({"revision": self.revision} if self.revision else {}),
            "min_engine": self.min_engine,
            "weights": dict(self.weights),
            "geometry": dict(self.geometry),
            "cells": dict(cells),
        }

    def text(self, cells: Mapping[str, CellProfile]) -> str:
        """Return the profile as YAML."""
        values = self.values({gpu: _cell(cell) for gpu, cell in cells.items()})
        lines = list(yaml_lines.of_mapping(values, ""))
        at = lines.index("weights:") + 1
        lines.insert(at, f"  {_REMARK.format(self.weights_from)}")
        head = f"# {self.model_id}: https://huggingface.co/{self.model_id}"
        return "\n".join([modeline("model"), head, "# Written by `ira-manifests add`.", *lines, ""])


def origin(text: str) -> str:
    """Return what the weights of a profile were computed from, as `NewModel.text` remarks it.

    Empty where the remark is not there.
    """
    found = re.search(re.escape(_REMARK).replace(r"\{\}", "(.+?)"), text)
    return found[1] if found else ""


def with_origin(text: str, weights_from: str) -> str:
    """Return a profile whose remark about its weights, if it has one, is of other files."""
    remark = _REMARK.format(origin(text))
    return text.replace(remark, _REMARK.format(weights_from), 1)


def cell_text(gpu: str, cell: CellProfile) -> str:
    """Return a cell as it is in the YAML of a profile."""
    return "\n".join(yaml_lines.of_mapping({gpu: _cell(cell)}, "  "))


def _cell(cell: CellProfile) -> dict[str, Any]:
    """Return the fields of a cell that are set, without empty values."""
    given = {name: getattr(cell, name) for name in CellProfile.model_fields}
    return {
        name: value
        for name, value in given.items()
        if name in cell.model_fields_set and value not in (None, {}, ())
    }
