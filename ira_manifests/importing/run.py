"""Reads a tree as profiles, and compares what they make with it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from ira_manifests.constructs.manifests import directory, parts
from ira_manifests.errors import IraError
from ira_manifests.importing import compare, downloads, folders, matrix
from ira_manifests.importing.compare import Difference
from ira_manifests.importing.drafts import Draft, draft
from ira_manifests.importing.effective import view_of
from ira_manifests.importing.matrix import Key, Values, name_of
from ira_manifests.importing.reading import Found, Left, read
from ira_manifests.kustomizations import tool
from ira_manifests.kustomizations.build import build
from ira_manifests.kustomizations.sources import Sources
from ira_manifests.kustomizations.tool import NoTool
from ira_manifests.layout import BUCKET_KEY, MODEL_DOWNLOAD
from ira_manifests.lint.models import Library, library
from ira_manifests.lint.units import units
from ira_manifests.lint.view import ForeignView
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix


@dataclass(frozen=True)
class Row:
    """A difference, and the cells that have it."""

    difference: Difference
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Imported:
    """The profiles of a tree by their paths, and what they do not carry over.

    `cells`: the unit that each is of. `not_judged`: models without a known geometry. `no_tool`: why
    no kustomization was built; None if they were, or there are none.
    """

    files: Mapping[str, str]
    cells: Mapping[str, str]
    left: tuple[Left, ...]
    rows: tuple[Row, ...]
    not_judged: tuple[str, ...]
    no_tool: NoTool | None

    @property
    def is_complete(self) -> bool:
        """Whether the profiles make what the tree does, and no more."""
        return not self.left and not self.rows


def read_tree(
    sources: Sources,
    *,
    models: FilePath | None = None,
    remote: bool = False,
    step: Callable[[str], None] = lambda _name: None,
) -> Imported:
    """Return the profiles of a tree. The arguments are those of `lint.run.lint`."""
    known = library(models)
    found = tool.find(remote=remote) if sources.roots else NoTool("")
    built = build(sources, found, step, remote=remote)
    views = [ForeignView(unit) for unit in units(sources, built)]
    drafts, left = _drafts(views, known)
    left += [
        Left(sources.shown(each.root.folder), "kustomization", "", str(trouble.message))
        for each in built
        for trouble in each.troubles
        if not each.objects
    ]
    values = matrix.values(drafts, known) if drafts else Values({}, {}, {})
    of_download = next(filter(downloads.is_one, views), None)
    if drafts and of_download is not None:
        values.platform["model_download"] |= downloads.fields(of_download)
    files, profiles, more = folders.settled(values, known)
    rows = [] if profiles is None else list(_rows(values, profiles, of_download))
    return Imported(
        files,
        {name_of(key): its[0].found.unit for key, its in sorted(values.drafts.items())},
        (*left, *more),
        tuple(_joined(rows)),
        tuple(sorted(_not_judged(values))),
        no_tool=found if isinstance(found, NoTool) and built else None,
    )


def _drafts(views: Sequence[ForeignView], known: Library) -> tuple[list[Draft], list[Left]]:
    drafts: list[Draft] = []
    left: list[Left] = []
    for view in views:
        its, more = read(view, known)
        left += more
        for each in its:
            made = draft(each, known)
            if isinstance(made, Left):
                left.append(made)
            else:
                drafts.append(made)
                left += made.notes
    return drafts, left


def _not_judged(values: Values) -> Iterator[str]:
    return (each["model_id"] for each in values.models.values() if "geometry" not in each)


# --- what the profiles make -----------------------------------------------------------------------


def _rows(
    values: Values, profiles: Matrix, of_download: ForeignView | None
) -> Iterator[tuple[str, Difference]]:
    for key, drafts in sorted(values.drafts.items()):
        cell = profiles[name_of(key).partition("/")[0], name_of(key).partition("/")[2]]
        for queued in (False, True) if cell.is_queued else (False,):
            yield from _of_directory(key, drafts, cell, queued=queued)
    if of_download is None:
        yield "", Difference("Directory", "", "", MODEL_DOWNLOAD)
    elif profiles.platform.bucket is None:
        yield from (("", each) for each in _of_download(of_download, profiles))


def _of_directory(
    key: Key, drafts: Sequence[Draft], cell: Cell, *, queued: bool
) -> Iterator[tuple[str, Difference]]:
    there = next((each.found for each in drafts if each.found.is_queued == queued), None)
    if there is None:
        name = cell.queued_directory if queued else cell.directory
        yield name_of(key), Difference("Directory", "", "", name)
        return
    try:
        made = made_of(cell, queued=queued)
    except IraError as error:
        yield name_of(key), Difference("Directory", "", there.unit, str(error))
        return
    found = compare.between(view_of(there.unit, _bodies(there)), view_of("", made))
    yield from ((name_of(key), each) for each in found)


def _bodies(found: Found) -> list[Mapping[str, Any]]:
    return [item.body for item in found.objects]


def made_of(cell: Cell, *, queued: bool) -> list[dict[str, Any]]:
    """Return what `synth` makes of a cell, as it is applied: with its ConfigMap and its bucket."""
    made = list(directory.objects(cell, queued=queued).values())
    bucket = cell.platform.bucket or parts.BUCKET_PLACEHOLDER
    data = {BUCKET_KEY: bucket, **cell.runtime_values}
    text = json.dumps(made).replace(parts.BUCKET_PLACEHOLDER, bucket)
    found: list[dict[str, Any]] = json.loads(text)
    return [*found, _config_map(data)]


def _config_map(data: Mapping[str, str]) -> dict[str, Any]:
    metadata = {"name": parts.CONFIG_MAP}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": dict(data)}


def _of_download(there: ForeignView, profiles: Matrix) -> list[Difference]:
    """Compare the downloads; the user's file has the same values for both."""
    models = profiles.profiles.models.values()
    made = list(directory.download_objects(profiles.platform, models).values())
    given: dict[str, str] = {}
    for name, data in there.data.items():
        if name.startswith(parts.CONFIG_MAP):
            given |= data
    text = json.dumps(made)
    if BUCKET_KEY in given:
        text = text.replace(parts.BUCKET_PLACEHOLDER, given[BUCKET_KEY])
    its = [item.body for item in downloads.objects(there)]
    config_maps = [item.body for item in there.of_kind("ConfigMap")]
    made = [*json.loads(text), _config_map(given)]
    return compare.differences([*its, *config_maps], made)


def _joined(rows: Sequence[tuple[str, Difference]]) -> Iterator[Row]:
    """Yield each difference once, with the cells that have it."""
    found: dict[Difference, list[str]] = {}
    for name, difference in rows:
        found.setdefault(difference, []).append(name)
    for difference, its in sorted(found.items()):
        yield Row(difference, tuple(dict.fromkeys(filter(None, its))))
