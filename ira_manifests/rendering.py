"""Renders the directories of a matrix with cdk8s."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ira_manifests import constructs, directories, gitops
from ira_manifests.constructs import _node
from ira_manifests.layout import BASE, MODEL_DOWNLOAD, SHARED, TOP, by_file, placed
from ira_manifests.output.directory import Directory
from ira_manifests.output.tree import IGNORED
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix

if TYPE_CHECKING:
    from cdk8s import Chart

# Cells for each call into Node.js: a call takes as long as rendering one object. Larger batches
# are not faster.
_BATCH = 32

Progress = Callable[[str], None]


def render(
    matrix: Matrix,
    cells: Iterable[Cell] | None = None,
    progress: Progress = lambda _directory: None,
    known: Collection[str] = (),
) -> Iterator[Directory]:
    """Yield the directories that cells share and every cell's own, below an environment's name.

    `cells`: the cells to render. Default: all of the matrix. `progress` is called with the name of
    each directory after it is rendered. `known`: names of directories to leave out.
    """
    environment = matrix.environment
    above = placed(environment, "")
    left_out = {TOP} if environment else set()  # the output has it once
    left_out |= {name.removeprefix(above) for name in known if name.startswith(above)}
    chosen = list(matrix.values() if cells is None else cells)
    for directory in _every(matrix, chosen, left_out):
        found = replace(directory, name=placed(environment, directory.name))
        progress(found.name)
        yield found


def _every(matrix: Matrix, cells: Sequence[Cell], known: Container[str]) -> Iterator[Directory]:
    if TOP not in known:
        yield Directory(TOP, ignored=(IGNORED,))
    if matrix.platform.bucket is None and BASE not in known:
        yield directories.base(matrix.platform)
    if matrix.platform.pruned and SHARED not in known:
        yield directories.shared(matrix)
    yield from _downloads(matrix, cells, known)
    if any(name not in known for name in matrix.of_controller):
        yield from (each for each in gitops.directories(matrix) if each.name not in known)
    wanted = [cell for cell in cells if any(name not in known for name in cell.directories)]
    for start in range(0, len(wanted), _BATCH):
        yield from _cells(wanted[start : start + _BATCH], matrix.platform.namespace, known)


def _cells(
    cells: Sequence[Cell], namespace: str | None, known: Container[str]
) -> Iterator[Directory]:
    """Yield the directories of some cells. Both directories of a cell share one workload."""
    charts = _node.new_charts([cell.directory for cell in cells], namespace)
    works = [
        _Work(cell, chart, constructs.VllmDeployment(chart, "vllm", cell=cell, validate=False))
        for cell, chart in zip(cells, charts, strict=True)
    ]
    queued = [each for each in works if _is_queued(each.cell, known)]
    plain = [each for each in works if _is_plain(each.cell, known)]
    single = [each for each in plain if not _is_queued(each.cell, known)]
    twins = [each for each in plain if _is_queued(each.cell, known)]
    for work, rendered in (
        *_rendered(single, _node.take),
        *_rendered(twins, _node.render),
    ):
        yield directories.of_cell(work.cell, work.cell.directory, rendered)
    for work in queued:
        constructs.ProvisioningRequest(work.chart, "capacity", workload=work.workload)
    for work, rendered in _rendered(queued, _node.take):
        yield directories.of_cell(work.cell, work.cell.queued_directory, rendered)


def _is_plain(cell: Cell, known: Container[str]) -> bool:
    return cell.is_ordinary and cell.directory not in known


def _is_queued(cell: Cell, known: Container[str]) -> bool:
    return cell.is_queued and cell.queued_directory not in known


class _Work(NamedTuple):
    cell: Cell
    chart: Chart
    workload: constructs.VllmDeployment


def _rendered(
    works: Sequence[_Work], render_charts: Callable[[Sequence[Chart]], Iterable[Any]]
) -> Iterator[tuple[_Work, dict[str, Any]]]:
    if works:
        charts = [work.chart for work in works]
        for work, manifests in zip(works, render_charts(charts), strict=True):
            yield work, by_file(manifests)


def _downloads(matrix: Matrix, cells: Sequence[Cell], known: Container[str]) -> Iterator[Directory]:
    """Yield the download of the model that the user's file names, or of each model."""
    platform, models = matrix.platform, list(matrix.profiles.models.values())
    if platform.bucket is None:
        if MODEL_DOWNLOAD not in known:
            (chart,) = _node.new_charts([MODEL_DOWNLOAD], platform.download_namespace)
            constructs.ModelDownloadJob(chart, "download", platform=platform, models=models)
            (manifests,) = _node.take([chart])
            yield directories.model_download(platform, by_file(manifests))
        return
    wanted = [each for each in matrix.downloads(cells) if each.name not in known]
    charts = _node.new_charts([each.name for each in wanted], platform.download_namespace)
    for chart, each in zip(charts, wanted, strict=True):
        constructs.ModelDownloadJob(
            chart,
            "download",
            platform=platform,
            models=models,
            **each.options(platform.bucket),
        )
    for each, manifests in zip(wanted, _node.take(charts), strict=True):
        yield directories.download(platform, each.name, by_file(manifests))
