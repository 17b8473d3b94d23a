"""Labels and annotations that profiles give to a cell's objects, and their sources."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ira_manifests.constructs.manifests.sources import Source, source
from ira_manifests.profiles.cell import Cell

_Given = Iterator[tuple[str, Mapping[str, str]]]


def labels_of(cell: Cell, kind: str) -> dict[str, str]:
    """Return the given labels of the cell's object of a kind; "Pod" is the Deployment's template.

    A service account, which cells share, has only those that all cells have.
    """
    return {key: value for _, given in _labels(cell, kind) for key, value in given.items()}


def annotations_of(cell: Cell, kind: str) -> dict[str, str]:
    """Return the given annotations, as `labels_of` does."""
    return {key: value for _, given in _annotations(cell, kind) for key, value in given.items()}


def _labels(cell: Cell, kind: str) -> _Given:
    if kind == "ServiceAccount":
        yield "@platform.inference.labels", cell.platform.inference.labels
        return
    yield "@settings.labels", cell.settings.labels
    if kind == "Pod":
        yield "@settings.pod_labels", cell.settings.pod_labels
    if kind == "Service":
        yield "@settings.service_labels", cell.settings.service_labels


def _annotations(cell: Cell, kind: str) -> _Given:
    if kind == "ServiceAccount":
        yield "@platform.inference.annotations", cell.platform.inference.annotations
    elif kind == "Pod":
        yield "@settings.pod_annotations", cell.settings.pod_annotations
    else:
        yield "@settings.annotations", cell.settings.annotations
    if kind == "Service":
        yield "@settings.service_annotations", cell.settings.service_annotations


def sources(cell: Cell, *kinds: str) -> list[Source]:
    """Return the source of each given label and annotation of the objects of some kinds."""
    return [
        source(f"{given}[{key}]", f"{_metadata(kind)}.{field}.{key}", name=f"{field}.{key}")
        for kind in kinds
        for field, levels in (("labels", _labels), ("annotations", _annotations))
        for given, values in levels(cell, kind)
        for key in values
    ]


def _metadata(kind: str) -> str:
    return "Deployment spec.template.metadata" if kind == "Pod" else f"{kind} metadata"
