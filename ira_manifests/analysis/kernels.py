"""Whether the engine has the kernels for a cell's model on its GPU."""

from __future__ import annotations

from ira_manifests.profiles.cell import Cell
from ira_manifests.vllm import Release, kernels


def missing_kernel(cell: Cell) -> str:
    """Return what the engine has no kernel for on the cell's GPU; empty if that is not known."""
    capability, model = cell.gpu.compute_capability, cell.model
    if capability is None:
        return ""
    layers = model.geometry.layers if model.geometry else ()
    return kernels.missing(
        capability,
        Release.parse(cell.engine.version),
        quantization=(model.weights and model.weights.quantization) or "",
        sparse_latents=any(group.index_head_dim for group in layers),
    )
