"""The repositories of the Hugging Face Hub that models need, each a folder of the bucket."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from ira_manifests.profiles.schema import DownloadProfile, ModelProfile
from ira_manifests.profiles.serving_fields import ServingFields
from ira_manifests.profiles.yaml_source import Path


class Repository(NamedTuple):
    """A repository, and what of it is downloaded."""

    model_id: str
    revision: str | None
    """The commit, tag or branch; None: the latest commit of `main`."""
    download: DownloadProfile | None
    """Lists of its own."""
    path: Path
    """The part of the model's profile that has its `model_id`."""


class Download(NamedTuple):
    """What one Job copies to a bucket that is known."""

    name: str
    """The name of the Job, of its claim and of their directory."""
    model_id: str
    """The repository of the model."""
    also: tuple[str, ...]
    """Repositories that servers of the model read as well: adapters, drafts, other weights."""

    def options(self, bucket: str | None) -> dict[str, Any]:
        """Return the options of the construct that copies it to a bucket."""
        return {**self._asdict(), "bucket": bucket}


class Beside(NamedTuple):
    """A repository beside the model's, which the same server reads."""

    model_id: str
    revision: str | None
    path: Path
    """The serving field that names it, and the index of an item of its list."""


def beside(given: ServingFields) -> tuple[Beside, ...]:
    """Return the repositories that serving fields name, each once."""
    found: dict[str, Beside] = {}
    for each in _named(given):
        found.setdefault(each.model_id, each)
    return tuple(found.values())


def volumes(found: Sequence[Beside]) -> dict[str, Beside]:
    """Return the repositories by the names of the volumes that show their folders."""
    return {f"gcsfuse-{number}": each for number, each in enumerate(found, start=1)}


def _named(given: ServingFields) -> Iterator[Beside]:
    for index, adapter in enumerate(given.lora_adapters):
        yield Beside(adapter.model_id, adapter.revision, ("lora_adapters", index))
    draft = given.speculative
    if draft is not None and draft.model_id is not None:
        yield Beside(draft.model_id, draft.revision, ("speculative",))


def of_model(model: ModelProfile) -> Iterator[Repository]:
    """Yield the repositories that a model's profile names, its own first.

    One that several fields name comes several times.
    """
    yield Repository(model.model_id, model.revision, model.download, ())
    yield from _beside(model, ())
    for given in model.every_cell:
        cell = given.profile
        if cell.model_id is not None:
            served = model.as_served_by(cell)
            yield Repository(served.model_id, served.revision, served.download, given.path)
        yield from _beside(cell, given.path)


def _beside(given: ServingFields, path: Path) -> Iterator[Repository]:
    for each in _named(given):
        yield Repository(each.model_id, each.revision, None, (*path, *each.path))


def of_models(models: Iterable[ModelProfile]) -> dict[str, Repository]:
    """Return the repositories of all models by their ids."""
    found: dict[str, Repository] = {}
    for model in models:
        for each in of_model(model):
            found.setdefault(each.model_id, each)
    return found
