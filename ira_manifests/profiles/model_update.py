"""Refreshes in the text of a model's profile what the model's files decide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ira_manifests.profiles import model_text, yaml_edit, yaml_source
from ira_manifests.profiles.model_text import NewModel
from ira_manifests.profiles.schema import ModelProfile
from ira_manifests.profiles.yaml_edit import Change
from ira_manifests.vllm import Release, releases

_OF_USERS = ("measured",)  # of the weights


@dataclass(frozen=True)
class Refreshed:
    """A profile's file, refreshed.

    Attributes:
        content: what the file is to hold.
        changes: the values that changed.
        keeps_weights: whether its weights were left: those of the files are less exact.
    """

    content: bytes
    changes: tuple[Change, ...]
    keeps_weights: bool


def refreshed(name: str, content: bytes, new: NewModel, *, is_exact: bool) -> Refreshed:
    """Return a profile's file with the engine, the weights and the geometry of a model.

    `name`: the file in messages. `content`: a valid profile. `is_exact`: whether the weights are
    those of safetensors, and not computed from the architecture; if they are not, they replace only
    such ones.

    Raises InputError as `ira_manifests.profiles.yaml_edit.rewritten` does.
    """
    document, _ = yaml_source.read(name, content)
    old: Mapping[str, Any] = document.data
    before = model_text.origin(content.decode("utf-8-sig"))
    keeps = "weights" in old and not is_exact and before != new.weights_from
    layers = old.get("geometry", {}).get("layers", ())
    engine = _first_release(old.get("min_engine"), new.min_engine)
    decided: dict[str, Any] = {
        "min_engine": engine,
        "geometry": _with_layers_of(layers, new.geometry),
    }
    if not keeps:
        measured = {key: each for key, each in old.get("weights", {}).items() if key in _OF_USERS}
        decided["weights"] = {**new.weights, **measured}
    if "revision" in old and new.revision:  # without one, the latest is served
        decided["revision"] = new.revision
    values = {**old, **decided}
    wanted = {key: values[key] for key in ModelProfile.model_fields if key in values}
    edited, changes = yaml_edit.rewritten(name, content, wanted)
    if not keeps and before not in ("", new.weights_from):
        # The bytes are UTF-8, as those that were read.
        edited = model_text.with_origin(edited.decode(), new.weights_from).encode()
    return Refreshed(edited, tuple(changes), keeps)


def _with_layers_of(old: Sequence[Any], geometry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a geometry whose layers have the order of those in the file, where both have them."""
    if "layer_order" not in geometry:
        return dict(geometry)
    layers = yaml_edit.in_file_order(old, geometry["layers"])
    places = [layers.index(each) for each in geometry["layers"]]
    order = tuple(places[kind] for kind in geometry["layer_order"])
    return {**geometry, "layers": layers, "layer_order": order}


def _first_release(old: str | None, new: str) -> str:
    """Return the first release that serves a model; an older one than the known ones is kept."""
    is_oldest = new == releases()[0]
    if old is not None and is_oldest and Release.parse(old) < Release.parse(new):
        return old
    return new
