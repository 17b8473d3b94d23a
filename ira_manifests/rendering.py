"""Renders the directories of matrices with cdk8s: objects that are equal in several, once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from ira_manifests import constructs, directories, gitops
from ira_manifests.constructs import _node
from ira_manifests.constructs.manifests.parts import BUCKET_PLACEHOLDER
from ira_manifests.inputs import Inputs
from ira_manifests.layout import BASE, MODEL_DOWNLOAD, SHARED, TOP, by_file, placed
from ira_manifests.output.directory import Directory
from ira_manifests.output.tree import IGNORED
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix, Selection
from ira_manifests.profiles.repositories import Download

if TYPE_CHECKING:
    from cdk8s import Chart

T = TypeVar("T")

# Charts for each call into Node.js: a call takes as long as rendering one object. Larger batches
# are not faster.
_BATCH = 32

Progress = Callable[[str], None]


def _silent(_directory: str) -> None:
    pass


def render(
    matrix: Matrix,
    cells: Iterable[Cell] | None = None,
    progress: Progress = _silent,
    known: Collection[str] = (),
) -> Iterator[Directory]:
    """Yield the directories that cells share and every cell's own, below an environment's name.

    `cells`: the cells to render. Default: all of the matrix. The other arguments are those of
    `render_all`.
    """
    chosen = list(matrix.values() if cells is None else cells)
    for _, directory in render_all([Selection(matrix, chosen)], progress, known):
        yield directory


def render_all(
    selections: Sequence[Selection],
    progress: Progress = _silent,
    known: Collection[str] = (),
) -> Iterator[tuple[int, Directory]]:
    """Yield the directories of several matrices, each with the index of its selection.

    What several of them have, but for the bucket and the namespace, is rendered once, and its
    directories come one after the other, so that it need not be kept.

    `progress` is called with the name of each directory after it is rendered. `known`: names of
    directories to leave out.
    """
    for number, directory in _Rendering(selections, frozenset(known)).directories():
        environment = selections[number].matrix.environment
        found = replace(directory, name=placed(environment, directory.name))
        progress(found.name)
        yield number, found


class _Of(NamedTuple, Generic[T]):
    """A cell or a download, and the index of its selection."""

    number: int
    item: T


class _Work(NamedTuple):
    """A workload, and the cells that are to have it as their directories."""

    chart: Chart
    workload: constructs.VllmDeployment
    ordinary: list[_Of[Cell]]
    queued: list[_Of[Cell]]


class _Rendering:
    def __init__(self, selections: Sequence[Selection], known: Collection[str]) -> None:
        self._selections, self._known = selections, known
        self._inputs = Inputs()

    def directories(self) -> Iterator[tuple[int, Directory]]:
        for number, (matrix, _) in enumerate(self._selections):
            yield from ((number, each) for each in self._of_matrix(number, matrix))
        for downloads in _batches(self._downloads()):
            yield from self._of_downloads(downloads)
        for cells in _batches(self._cells()):
            yield from self._of_cells(cells)

    def _wants(self, number: int, name: str) -> bool:
        return placed(self._selections[number].matrix.environment, name) not in self._known

    def _of_matrix(self, number: int, matrix: Matrix) -> Iterator[Directory]:
        """Yield the directories that all cells share."""
        platform = matrix.platform
        if not matrix.environment and self._wants(number, TOP):  # the output has it once
            yield Directory(TOP, ignored=(IGNORED,))
        if platform.bucket is None and self._wants(number, BASE):
            yield directories.base(platform)
        if platform.bucket is None and self._wants(number, MODEL_DOWNLOAD):
            yield _model_download(matrix)
        if platform.pruned and self._wants(number, SHARED):
            yield directories.shared(matrix)
        if any(self._wants(number, name) for name in matrix.of_controller):
            every = gitops.directories(matrix)
            yield from (each for each in every if self._wants(number, each.name))

    def _downloads(self) -> Iterator[list[_Of[Download]]]:
        """Yield the downloads to render, those together that have equal objects."""
        return _equal(
            (self._inputs.of_objects_of_download(matrix, each), _Of(number, each))
            for number, (matrix, cells) in enumerate(self._selections)
            for each in matrix.downloads(cells)
            if self._wants(number, each.name)
        )

    def _of_downloads(
        self, batch: Sequence[list[_Of[Download]]]
    ) -> Iterator[tuple[int, Directory]]:
        firsts = [equal[0] for equal in batch]
        charts = _node.new_charts([first.item.name for first in firsts])
        for chart, (number, first) in zip(charts, firsts, strict=True):
            matrix = self._selections[number].matrix
            constructs.ModelDownloadJob(
                chart,
                "download",
                platform=matrix.platform,
                models=matrix.profiles.models.values(),
                **first.options(matrix.platform.bucket),
            )
        for equal, manifests in zip(batch, _node.take(charts), strict=True):
            rendered = by_file(manifests)
            for number, each in equal:
                platform = self._selections[number].matrix.platform
                yield number, directories.download(platform, each.name, rendered)

    def _cells(self) -> Iterator[list[_Of[Cell]]]:
        """Yield the cells to render, those together that have equal objects."""
        return _equal(
            (self._inputs.of_objects_of_cell(cell), _Of(number, cell))
            for number, (_, cells) in enumerate(self._selections)
            for cell in cells
            if any(self._wants(number, name) for name in cell.directories)
        )

    def _of_cells(self, batch: Sequence[list[_Of[Cell]]]) -> Iterator[tuple[int, Directory]]:
        """Yield the directories of cells. Both directories of a cell share one workload."""
        charts = _node.new_charts([equal[0].item.directory for equal in batch])
        works = [self._work(chart, equal) for chart, equal in zip(charts, batch, strict=True)]
        queued = [work for work in works if work.queued]
        single = [work for work in works if work.ordinary and not work.queued]
        twins = [work for work in queued if work.ordinary]
        for work, rendered in (*_rendered(single, _node.take), *_rendered(twins, _node.render)):
            for number, cell in work.ordinary:
                yield number, directories.of_cell(cell, cell.directory, rendered)
        for work in queued:
            constructs.ProvisioningRequest(work.chart, "capacity", workload=work.workload)
        for work, rendered in _rendered(queued, _node.take):
            for number, cell in work.queued:
                yield number, directories.of_cell(cell, cell.queued_directory, rendered)

    def _work(self, chart: Chart, equal: list[_Of[Cell]]) -> _Work:
        cell = equal[0].item
        # With a placeholder for the bucket's name, which differs between equal cells.
        workload = constructs.VllmDeployment(
            chart, "vllm", cell=cell, bucket=BUCKET_PLACEHOLDER, validate=False
        )
        ordinary = [each for each in equal if self._wants(each.number, cell.directory)]
        queued = [each for each in equal if self._wants(each.number, cell.queued_directory)]
        return _Work(
            chart,
            workload,
            ordinary if cell.is_ordinary else [],
            queued if cell.is_queued else [],
        )


def _equal(found: Iterable[tuple[Hashable, _Of[T]]]) -> Iterator[list[_Of[T]]]:
    """Yield what has equal keys together, in the order of the first of each."""
    by_key: dict[Hashable, list[_Of[T]]] = defaultdict(list)
    for key, each in found:
        by_key[key].append(each)
    yield from by_key.values()


def _batches(found: Iterable[T]) -> Iterator[list[T]]:
    every = list(found)
    for start in range(0, len(every), _BATCH):
        yield every[start : start + _BATCH]


def _rendered(
    works: Sequence[_Work], render_charts: Callable[[Sequence[Chart]], Iterable[Any]]
) -> Iterator[tuple[_Work, dict[str, Any]]]:
    if works:
        charts = [work.chart for work in works]
        for work, manifests in zip(works, render_charts(charts), strict=True):
            yield work, by_file(manifests)


def _model_download(matrix: Matrix) -> Directory:
    """Return the download of the model that the user's file names."""
    platform, models = matrix.platform, matrix.profiles.models.values()
    (chart,) = _node.new_charts([MODEL_DOWNLOAD])
    constructs.ModelDownloadJob(chart, "download", platform=platform, models=models)
    (manifests,) = _node.take([chart])
    return directories.model_download(platform, by_file(manifests))
