"""Matrix -> Tree: every directory from its constructs, through one cdk8s App."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ira_manifests import constructs, env_file, manifest_yaml
from ira_manifests.constructs import _objects as objects
from ira_manifests.constructs.model_download_job import BUCKET_VOLUME as DOWNLOAD_VOLUME
from ira_manifests.constructs.vllm_deployment import BUCKET_VOLUME as MODEL_VOLUME
from ira_manifests.kustomize import Generator, Kustomization, Replacement
from ira_manifests.profiles.matrix import BASE, MODEL_DOWNLOAD, Cell, Matrix
from ira_manifests.tree import MARKER, Tree

if TYPE_CHECKING:
    from cdk8s import Chart

RUNTIME_CONFIG = "vllm-runtime-config.env"

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


def synth(
    matrix: Matrix,
    cells: Iterable[Cell] | None = None,
    progress: Progress = lambda _directory: None,
) -> Tree:
    """Return the files of `base`, `model-download` and of every cell's directories.

    `cells`: the cells to write. Default: all of the matrix. `progress` is called with each
    directory's name before it is rendered.
    """
    files = _base(matrix) | _model_download(matrix, progress)
    for cell in matrix.values() if cells is None else cells:
        for directory in cell.directories:
            progress(directory)
            files |= _cell_directory(cell, directory)
    return Tree(dict(sorted(files.items())))


def _base(matrix: Matrix) -> dict[str, bytes]:
    kustomization = Kustomization(
        namespace=matrix.platform.namespace,
        config_maps=(Generator(objects.CONFIG_MAP, (env_file.MODEL_CONFIG,)),),
        secrets=(Generator(objects.TOKEN_SECRET, (env_file.TOKEN,)),),
    )
    return {
        f"{BASE}/kustomization.yaml": _yaml(kustomization.to_json()),
        f"{BASE}/.gitignore": f"{MARKER}\n{env_file.TOKEN}\n".encode(),
    }


def _model_download(matrix: Matrix, progress: Progress) -> dict[str, bytes]:
    progress(MODEL_DOWNLOAD)
    namespace = matrix.platform.namespace
    chart = objects.new_chart(MODEL_DOWNLOAD, namespace)
    constructs.ModelDownloadJob(chart, "download", platform=matrix.platform)
    field = f"spec.template.spec.volumes.[name={DOWNLOAD_VOLUME}].csi.volumeAttributes.bucketName"
    bucket = Replacement(objects.CONFIG_MAP, "IRA_BUCKET_NAME", (("Job", field),))
    rendered = _rendered(chart)
    kustomization = Kustomization(
        namespace=namespace,
        resources=_resources(rendered),
        replacements=(bucket,),
    )
    return _directory(MODEL_DOWNLOAD, rendered, kustomization)


def _cell_directory(cell: Cell, directory: str) -> dict[str, bytes]:
    namespace = cell.platform.namespace
    chart = objects.new_chart(directory, namespace)
    workload = constructs.VllmDeployment(chart, "vllm", cell=cell)
    field = f"spec.volumes.[name={MODEL_VOLUME}].csi.volumeAttributes.bucketName"
    targets = [("Deployment", f"spec.template.{field}")]
    if directory == cell.queued_directory:
        constructs.ProvisioningRequest(chart, "capacity", workload=workload)
        targets.append(("PodTemplate", f"template.{field}"))
    rendered = _rendered(chart)
    kustomization = Kustomization(
        namespace=namespace,
        resources=_resources(rendered),
        config_maps=(Generator(objects.CONFIG_MAP, (RUNTIME_CONFIG,), merge=True),),
        dropped_secrets=(objects.TOKEN_SECRET,),
        replacements=(Replacement(objects.CONFIG_MAP, "IRA_BUCKET_NAME", tuple(targets)),),
    )
    values = "".join(f"{key}={value}\n" for key, value in cell.runtime_values.items())
    runtime = {f"{directory}/{RUNTIME_CONFIG}": f"{MARKER}\n{values}".encode()}
    return runtime | _directory(directory, rendered, kustomization)


def _rendered(chart: Chart) -> dict[str, bytes]:
    """Return a chart's objects as files by name, in the order in which they are applied."""
    manifests: Sequence[Any] = chart.to_json()
    ordered = sorted(manifests, key=lambda manifest: _ORDER.index(manifest["kind"]))
    return {_FILES[manifest["kind"]]: _yaml(manifest) for manifest in ordered}


def _resources(rendered: dict[str, bytes]) -> tuple[str, ...]:
    return (f"../{BASE}", *rendered)


def _directory(
    directory: str, rendered: dict[str, bytes], kustomization: Kustomization
) -> dict[str, bytes]:
    files = {"kustomization.yaml": _yaml(kustomization.to_json()), **rendered}
    return {f"{directory}/{name}": content for name, content in files.items()}


def _yaml(value: Any) -> bytes:
    return f"{MARKER}\n{manifest_yaml.dump(value)}".encode()
