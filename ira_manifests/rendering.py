"""Renders the directories of a matrix with cdk8s."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ira_manifests import constructs
from ira_manifests.constructs import _node
from ira_manifests.constructs.manifests import parts
from ira_manifests.kubernetes import labels as keys
from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.layout import BASE, MODEL_DOWNLOAD, TOKEN_SECRET, TOP, by_file, placed
from ira_manifests.output import env_file
from ira_manifests.output.directory import RUNTIME_CONFIG, Directory
from ira_manifests.output.kustomize import Generator, Kustomization, NameReference, Replacement
from ira_manifests.output.tree import IGNORED
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.platform import Platform

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
    """Yield `base`, `model-download` and every cell's directories, below an environment's name.

    `cells`: the cells to render. Default: all of the matrix. `progress` is called with the name of
    each directory after it is rendered. `known`: names of directories to leave out.
    """
    environment = matrix.environment
    above = placed(environment, "")
    left_out = {TOP} if environment else set()  # the output has it once
    left_out |= {name.removeprefix(above) for name in known if name.startswith(above)}
    for directory in _every(matrix, matrix.values() if cells is None else cells, left_out):
        found = replace(directory, name=placed(environment, directory.name))
        progress(found.name)
        yield found


def _every(matrix: Matrix, cells: Iterable[Cell], known: Container[str]) -> Iterator[Directory]:
    if TOP not in known:
        yield Directory(TOP, ignored=(IGNORED,))
    if BASE not in known:
        yield _base(matrix.platform)
    if MODEL_DOWNLOAD not in known:
        yield _model_download(matrix)
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
    plain = [each for each in works if each.cell.directory not in known]
    single = [each for each in plain if not _is_queued(each.cell, known)]
    twins = [each for each in plain if _is_queued(each.cell, known)]
    for work, rendered in (
        *_rendered(single, _node.take),
        *_rendered(twins, _node.render),
    ):
        yield _cell_directory(work.cell, work.cell.directory, rendered)
    for work in queued:
        constructs.ProvisioningRequest(work.chart, "capacity", workload=work.workload)
    for work, rendered in _rendered(queued, _node.take):
        yield _cell_directory(work.cell, work.cell.queued_directory, rendered)


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


def _base(platform: Platform) -> Directory:
    kustomization = Kustomization(
        namespace=platform.namespace,
        config_maps=(Generator(parts.CONFIG_MAP, (env_file.MODEL_CONFIG,)),),
    )
    return Directory(BASE, kustomization, ignored=(IGNORED,))


def _model_download(matrix: Matrix) -> Directory:
    platform, models = matrix.platform, matrix.profiles.models.values()
    (chart,) = _node.new_charts([MODEL_DOWNLOAD], platform.namespace)
    constructs.ModelDownloadJob(chart, "download", platform=platform, models=models)
    (manifests,) = _node.take([chart])
    rendered = by_file(manifests)
    field = (
        f"spec.template.spec.volumes.[name={parts.BUCKET_VOLUME}].csi.volumeAttributes.bucketName"
    )
    base = BASE.removeprefix(f"{MODEL_DOWNLOAD}/")
    token = Generator(TOKEN_SECRET, (f"{base}/{env_file.TOKEN}",))
    kustomization = Kustomization(
        namespace=platform.namespace,
        resources=(base, *rendered),
        secrets=() if platform.model_download.token_secret else (token,),
        replacements=(Replacement(parts.CONFIG_MAP, "IRA_BUCKET_NAME", (("Job", field),)),),
    )
    return Directory(MODEL_DOWNLOAD, kustomization, rendered)


_NAMED = NameReference(
    lws.KIND,
    tuple(
        f"{'/'.join(path)}/spec/{containers}/env/valueFrom/configMapKeyRef/name"
        for path in (lws.LEADER, lws.WORKER)
        for containers in ("containers", "initContainers")
    ),
)


def _cell_directory(cell: Cell, name: str, rendered: Mapping[str, Any]) -> Directory:
    fields = [
        f"spec.volumes.[name={volume}].csi.volumeAttributes.bucketName"
        for volume in parts.bucket_volumes(cell)
    ]
    if cell.profile.nodes == 1:
        kind, pods = "Deployment", ["spec.template"]
    else:
        kind, pods = lws.KIND, [".".join(path) for path in (lws.LEADER, lws.WORKER)]
    targets = [(kind, f"{pod}.{field}") for pod in pods for field in fields]
    labelled = [kind]
    queued = name == cell.queued_directory
    if queued:
        targets += [("PodTemplate", f"template.{field}") for field in fields]
        labelled += ["PodTemplate", "ProvisioningRequest"]
    label = f"metadata.labels.{keys.BUCKET}"
    labels = tuple((kind, label) for kind in labelled)
    kustomization = Kustomization(
        namespace=cell.platform.namespace,
        resources=(f"../{BASE}", *rendered),
        config_maps=(Generator(parts.CONFIG_MAP, (RUNTIME_CONFIG,), merge=True),),
        replacements=(
            Replacement(parts.CONFIG_MAP, "IRA_BUCKET_NAME", tuple(targets)),
            Replacement(parts.CONFIG_MAP, "IRA_BUCKET_NAME", labels, until="."),
        ),
        name_reference=_NAMED if lws.KIND in labelled else None,
        ordered=queued,  # a request whose PodTemplate is missing can fail
    )
    return Directory(name, kustomization, rendered, cell.runtime_values, cell=cell.name)
