"""The rule of GPU drivers in node pools that profiles name."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.rules.finding import Finding, found
from ira_manifests.vllm import gpu_drivers


def check(matrix: Matrix, cell: Cell) -> Iterator[Finding]:
    """Yield a finding where nobody here knows whether a pool's driver is new enough."""
    engine, pool = cell.platform.engine, cell.gpu.queued_node_pool
    needed = gpu_drivers.needs(engine.reference, engine.version)
    if pool is None or needed is None or not needed.more_than_default:
        return
    source = matrix.profiles.sources["gpus", cell.gpu_name]
    message = f"the driver of the node pool {pool} is not judged: the image is built on CUDA "
    message += f"{needed.cuda} and needs driver {needed.driver}, and GKE's default may be "
    message += gpu_drivers.GKE_DEFAULT
    hint = "make the pool with gpu-driver-version=latest, and waive the rule for the cell then"
    yield found(
        source.file, source.document, ("queued_node_pool",), "IRA041", message, hint,
        cell=cell.name,
    )  # fmt: skip
