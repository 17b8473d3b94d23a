"""Drafts of cells -> the values of platform.yaml, of GPU types and of models."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from ira_manifests.importing import names
from ira_manifests.importing.drafts import Draft
from ira_manifests.kubernetes import labels as keys
from ira_manifests.lint.models import Library
from ira_manifests.profiles.schema import variant_name
from ira_manifests.profiles.serving_fields import ServingFields

Key = tuple[str, str, str]
"""A cell: the model's profile, the GPU type, and the variant, which may be empty."""


@dataclass
class Values:
    """The values of a folder of profiles, and the drafts of its cells."""

    platform: dict[str, Any]
    gpus: dict[str, dict[str, Any]]
    models: dict[str, dict[str, Any]]
    drafts: dict[Key, list[Draft]] = field(default_factory=dict)
    """By cell; on queued capacity and not, if the tree has both."""

    def cell(self, key: Key) -> dict[str, Any]:
        """Return the values of a cell."""
        model, gpu, variant = key
        given = self.models[model]["cells"][gpu]
        found: dict[str, Any] = given[variant] if variant else given
        return found


def name_of(key: Key) -> str:
    """Return a cell's name, such as h100/llama3."""
    model, gpu, variant = key
    return f"{gpu}/{variant_name(model, variant)}"


def values(drafts: Sequence[Draft], library: Library) -> Values:
    """Return the profiles that have all drafts as cells."""
    known = {each.model_id: name for name, each in library.profiles.models.items()}
    of_model = names.of_models((each.found for each in drafts), known)
    placed = _placed(drafts, of_model)
    found = Values(_platform(drafts, placed, library), {}, {}, placed)
    for (model, gpu, variant), its in sorted(placed.items()):
        profile = found.models.setdefault(model, _model(its[0].found.model_id, its, library))
        cell = _cell(its[0], found.platform["engine"])
        if variant:
            profile["cells"].setdefault(gpu, {})[variant] = cell
        else:
            profile["cells"][gpu] = cell
    for profile in found.models.values():
        _lift(profile)
    found.gpus = _gpus(placed, library)
    for key in placed:
        _drop_usual_class(found.cell(key), found.gpus[key[1]])
    return found


def _drop_usual_class(cell: dict[str, Any], gpu: dict[str, Any]) -> None:
    """Leave out the compute class of the smallest machine, which a cell has without naming it."""
    each = cell["tensor_parallel"] * cell.get("pipeline_parallel", 1) // cell.get("nodes", 1)
    enough = [item for item in gpu["machines"] if item["gpus"] >= each]
    usual = min(enough, key=lambda item: item["gpus"], default=None)
    if usual is not None and usual["compute_class"] == cell["compute_class"]:
        del cell["compute_class"]


# --- which draft is which cell --------------------------------------------------------------------


def _placed(drafts: Sequence[Draft], of_model: dict[str, str]) -> dict[Key, list[Draft]]:
    cells: dict[tuple[str, str], list[list[Draft]]] = {}
    for each in sorted(drafts, key=lambda each: each.found.is_queued):
        key = (of_model[each.found.model_id], each.found.hardware.gpu_name)
        twin = _twin(each, cells.setdefault(key, []))
        if twin is None:
            cells[key].append([each])
        else:
            twin.append(each)
    placed: dict[Key, list[Draft]] = {}
    for (model, gpu), its in cells.items():
        named = names.variants([group[0].found for group in its], model)
        placed |= {(model, gpu, name): group for name, group in zip(named, its, strict=True)}
    return placed


def _twin(queued: Draft, cells: Iterable[list[Draft]]) -> list[Draft] | None:
    """Return the cell that a server on queued capacity is of, if there is one."""
    if not queued.found.is_queued:
        return None
    name = queued.found.workload.name
    same = (
        each
        for each in cells
        if len(each) == 1 and not each[0].found.is_queued and each[0].found.workload.name == name
    )
    return next(same, None)


# --- the platform ---------------------------------------------------------------------------------


def _platform(
    drafts: Sequence[Draft], placed: dict[Key, list[Draft]], library: Library
) -> dict[str, Any]:
    platform = deepcopy(library.profiles.sources["platform", "platform"].document.data)
    own = dict(_most([each.engine for each in drafts]))
    for name in ("run_as_user", "read_only_root"):
        platform["engine"].pop(name, None)
    platform["engine"] |= own
    for name in ("namespace", "bucket"):
        given = {each.platform[name] for each in drafts}
        if len(given) == 1 and None not in given:
            platform[name] = given.pop()
    fetch = [each.platform["fetch"] for each in drafts if each.platform["fetch"]]
    if fetch:
        platform["fetch_safetensors"] |= _most(fetch)
    inference = platform["inference"]
    inference["tolerations"] = _most([each.platform["tolerations"] for each in drafts])
    options = [each.platform["mount_options"] for each in drafts if each.platform["bucket_mounted"]]
    if options:
        inference["mount_options"] = _most(options)
    _names(inference, placed)
    return dict(platform)


def _names(inference: dict[str, Any], placed: dict[Key, list[Draft]]) -> None:
    workloads, accounts = [], []
    for (model, gpu, variant), its in placed.items():
        found = its[0].found
        short = variant_name(model, variant)
        workloads.append(names.Named(found.workload.name, gpu, short))
        account = found.spec.get("serviceAccountName")
        if account:  # without one, the package's: no Pod reads the bucket as "default"
            accounts.append(names.Named(str(account), gpu, model))
    inference["workload_name"] = names.template(workloads, inference["workload_name"])
    inference["service_account"] = names.template(
        accounts, inference["service_account"], gpus=False
    )


def _most(given: Sequence[Any]) -> Any:
    """Return the most frequent of some values, of several the first."""
    counts = Counter(map(repr, given))
    return deepcopy(max(given, key=lambda each: counts[repr(each)]))


# --- models and GPU types -------------------------------------------------------------------------


def _model(model_id: str, its: Sequence[Draft], library: Library) -> dict[str, Any]:
    known = library.model(model_id)
    facts = {} if known is None else known.model_dump(exclude_unset=True, exclude_none=True)
    annotations = its[0].found.server.container.template.annotations
    revision = annotations.get(keys.REVISION)
    own: dict[str, Any] = {name: facts[name] for name in ("weights", "geometry") if name in facts}
    return {
        "model_id": model_id,
        **({"revision": str(revision)} if revision else {}),
        **({"min_engine": facts["min_engine"]} if "min_engine" in facts else {}),
        **({"trust_remote_code": True} if any(each.trusts for each in its) else {}),
        **own,
        "cells": {},
    }


def _cell(draft: Draft, platform: dict[str, Any]) -> dict[str, Any]:
    differing = {name: value for name, value in draft.engine.items() if platform.get(name) != value}
    engine = draft.engine if "image" in differing else differing
    return {**draft.cell, **({"engine": dict(engine)} if engine and differing else {})}


def _lift(profile: dict[str, Any]) -> None:
    """Give a model the serving fields that all of its cells have alike."""
    cells = list(_cells(profile))
    for name in ("engine", *ServingFields.model_fields):
        first = cells[0].get(name)
        if len(cells) > 1 and first is not None and all(each.get(name) == first for each in cells):
            for each in cells:
                del each[name]
            profile[name] = first
    profile["cells"] = profile.pop("cells")  # the last field


def _cells(profile: dict[str, Any]) -> Iterable[dict[str, Any]]:
    for given in profile["cells"].values():
        yield from [given] if "tensor_parallel" in given else given.values()


def _gpus(placed: dict[Key, list[Draft]], library: Library) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for (_, gpu, _), its in sorted(placed.items()):
        if gpu not in found:
            found[gpu] = deepcopy(dict(library.profiles.sources["gpus", gpu].document.data))
            for name in ("queued", "queued_node_pool"):
                found[gpu].pop(name, None)
        for each in its:
            _note_machine(found[gpu], each)
            if each.found.is_queued:
                found[gpu]["queued"] = True
    return found


def _note_machine(gpu: dict[str, Any], draft: Draft) -> None:
    """Add a compute class of the tree's own to the machines of a GPU type."""
    named = draft.cell["compute_class"]
    if all(each["compute_class"] != named for each in gpu["machines"]):
        usual = draft.found.hardware.machine.compute_class
        same = next(each for each in gpu["machines"] if each["compute_class"] == usual)
        gpu["machines"] = [*gpu["machines"], {**same, "compute_class": named}]
