"""Matrix -> directories: every object from its construct, through cdk8s."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ira_manifests import constructs, env_file
from ira_manifests.constructs import _bulk
from ira_manifests.constructs import _objects as objects
from ira_manifests.constructs.model_download_job import BUCKET_VOLUME as DOWNLOAD_VOLUME
from ira_manifests.constructs.vllm_deployment import BUCKET_VOLUME as MODEL_VOLUME
from ira_manifests.directory import RUNTIME_CONFIG, Directory
from ira_manifests.kustomize import Generator, Kustomization, Replacement
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import BASE, MODEL_DOWNLOAD, Matrix
from ira_manifests.profiles.schema import Platform

if TYPE_CHECKING:
    from cdk8s import Chart

# File names by kind; a directory's objects are written and applied in this order.
_FILES = {
    "ServiceAccount": "service-account.yaml",
    "PersistentVolumeClaim": "persistent-volume-claim.yaml",
    "Service": "service.yaml",
    "PodTemplate": "pod-template.yaml",
    "ProvisioningRequest": "provisioning-request.yaml",
    "Deployment": "deployment.yaml",
    "Job": "job.yaml",
}
_ORDER = list(_FILES)

# Directories whose objects come back from Node.js together: each wait for it costs as much as an
# object does, and more of them gain nothing.
_BATCH = 32

Progress = Callable[[str], None]


def render(
    matrix: Matrix,
    cells: Iterable[Cell] | None = None,
    progress: Progress = lambda _directory: None,
    known: Container[str] = (),
) -> Iterator[Directory]:
    """Yield `base`, `model-download` and every cell's directories.

    `cells`: the cells to render. Default: all of the matrix. `progress` is called with each
    directory's name before it is rendered. `known`: directories to leave out.
    """
    if BASE not in known:
        progress(BASE)
        yield _base(matrix.platform)
    each_cell = matrix.values() if cells is None else cells
    every = [
        (MODEL_DOWNLOAD, None),
        *((name, cell) for cell in each_cell for name in cell.directories),
    ]
    wanted = [(name, cell) for name, cell in every if name not in known]
    for start in range(0, len(wanted), _BATCH):
        batch = wanted[start : start + _BATCH]
        charts = _bulk.new_charts([name for name, _ in batch], matrix.platform.namespace)
        for chart, (name, cell) in zip(charts, batch, strict=True):
            progress(name)
            _populate(chart, matrix.platform, name, cell)
        for (name, cell), manifests in zip(batch, _bulk.take(charts), strict=True):
            rendered = _by_file(manifests)
            yield (
                _model_download(matrix.platform, rendered)
                if cell is None
                else _cell_directory(cell, name, rendered)
            )


def _populate(chart: Chart, platform: Platform, name: str, cell: Cell | None) -> None:
    """Add the constructs of a directory; those of no cell download the model."""
    if cell is None:
        constructs.ModelDownloadJob(chart, "download", platform=platform)
        return
    workload = constructs.VllmDeployment(chart, "vllm", cell=cell)
    if name == cell.queued_directory:
        constructs.ProvisioningRequest(chart, "capacity", workload=workload)


def _by_file(manifests: Iterable[Any]) -> dict[str, Any]:
    """Return a chart's objects by file name, in the order in which they are applied."""
    ordered = sorted(manifests, key=lambda manifest: _ORDER.index(manifest["kind"]))
    return {_FILES[manifest["kind"]]: manifest for manifest in ordered}


def _base(platform: Platform) -> Directory:
    kustomization = Kustomization(
        namespace=platform.namespace,
        config_maps=(Generator(objects.CONFIG_MAP, (env_file.MODEL_CONFIG,)),),
        secrets=(Generator(objects.TOKEN_SECRET, (env_file.TOKEN,)),),
    )
    return Directory(BASE, kustomization, ignored=(env_file.TOKEN,))


def _model_download(platform: Platform, rendered: Mapping[str, Any]) -> Directory:
    field = f"spec.template.spec.volumes.[name={DOWNLOAD_VOLUME}].csi.volumeAttributes.bucketName"
    kustomization = Kustomization(
        namespace=platform.namespace,
        resources=(f"../{BASE}", *rendered),
        replacements=(Replacement(objects.CONFIG_MAP, "IRA_BUCKET_NAME", (("Job", field),)),),
    )
    return Directory(MODEL_DOWNLOAD, kustomization, rendered)


def _cell_directory(cell: Cell, name: str, rendered: Mapping[str, Any]) -> Directory:
    field = f"spec.volumes.[name={MODEL_VOLUME}].csi.volumeAttributes.bucketName"
    targets = [("Deployment", f"spec.template.{field}")]
    queued = name == cell.queued_directory
    if queued:
        targets.append(("PodTemplate", f"template.{field}"))
    kustomization = Kustomization(
        namespace=cell.platform.namespace,
        resources=(f"../{BASE}", *rendered),
        config_maps=(Generator(objects.CONFIG_MAP, (RUNTIME_CONFIG,), merge=True),),
        dropped_secrets=(objects.TOKEN_SECRET,),
        replacements=(Replacement(objects.CONFIG_MAP, "IRA_BUCKET_NAME", tuple(targets)),),
        ordered=queued,  # a request whose PodTemplate is missing can fail
    )
    return Directory(name, kustomization, rendered, cell.runtime_values, cell="/".join(cell.key))
