"""Matrix -> directories: every object from its construct, through cdk8s."""

from __future__ import annotations

from collections.abc import Callable, Iterable
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

Progress = Callable[[str], None]


def render(
    matrix: Matrix,
    cells: Iterable[Cell] | None = None,
    progress: Progress = lambda _directory: None,
) -> tuple[Directory, ...]:
    """Return `base`, `model-download` and every cell's directories.

    `cells`: the cells to render. Default: all of the matrix. `progress` is called with each
    directory's name before it is rendered.
    """
    directories = [_base(matrix)]
    progress(MODEL_DOWNLOAD)
    directories.append(_model_download(matrix))
    for cell in matrix.values() if cells is None else cells:
        for name in cell.directories:
            progress(name)
            directories.append(_cell_directory(cell, name))
    return tuple(directories)


def _base(matrix: Matrix) -> Directory:
    kustomization = Kustomization(
        namespace=matrix.platform.namespace,
        config_maps=(Generator(objects.CONFIG_MAP, (env_file.MODEL_CONFIG,)),),
        secrets=(Generator(objects.TOKEN_SECRET, (env_file.TOKEN,)),),
    )
    return Directory(BASE, kustomization, ignored=(env_file.TOKEN,))


def _model_download(matrix: Matrix) -> Directory:
    namespace = matrix.platform.namespace
    chart = _bulk.new_chart(MODEL_DOWNLOAD, namespace)
    constructs.ModelDownloadJob(chart, "download", platform=matrix.platform)
    rendered = _rendered(chart)
    field = f"spec.template.spec.volumes.[name={DOWNLOAD_VOLUME}].csi.volumeAttributes.bucketName"
    kustomization = Kustomization(
        namespace=namespace,
        resources=(f"../{BASE}", *rendered),
        replacements=(Replacement(objects.CONFIG_MAP, "IRA_BUCKET_NAME", (("Job", field),)),),
    )
    return Directory(MODEL_DOWNLOAD, kustomization, rendered)


def _cell_directory(cell: Cell, name: str) -> Directory:
    namespace = cell.platform.namespace
    chart = _bulk.new_chart(name, namespace)
    workload = constructs.VllmDeployment(chart, "vllm", cell=cell)
    field = f"spec.volumes.[name={MODEL_VOLUME}].csi.volumeAttributes.bucketName"
    targets = [("Deployment", f"spec.template.{field}")]
    queued = name == cell.queued_directory
    if queued:
        constructs.ProvisioningRequest(chart, "capacity", workload=workload)
        targets.append(("PodTemplate", f"template.{field}"))
    rendered = _rendered(chart)
    kustomization = Kustomization(
        namespace=namespace,
        resources=(f"../{BASE}", *rendered),
        config_maps=(Generator(objects.CONFIG_MAP, (RUNTIME_CONFIG,), merge=True),),
        dropped_secrets=(objects.TOKEN_SECRET,),
        replacements=(Replacement(objects.CONFIG_MAP, "IRA_BUCKET_NAME", tuple(targets)),),
        ordered=queued,  # a request whose PodTemplate is missing can fail
    )
    return Directory(name, kustomization, rendered, cell.runtime_values, cell="/".join(cell.key))


def _rendered(chart: Chart) -> dict[str, Any]:
    """Return a chart's objects by file name, in the order in which they are applied."""
    ordered = sorted(_bulk.render(chart), key=lambda manifest: _ORDER.index(manifest["kind"]))
    return {_FILES[manifest["kind"]]: manifest for manifest in ordered}
