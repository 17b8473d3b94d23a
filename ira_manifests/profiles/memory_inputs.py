"""Profiles in the terms of the memory model."""

from __future__ import annotations

from collections.abc import Iterator
from types import MappingProxyType
from typing import TYPE_CHECKING

from ira_manifests.memory import (
    GIB,
    Accelerator,
    EngineVersion,
    Experts,
    Geometry,
    LayerKind,
    Layers,
    Serving,
    Weights,
    engine_facts,
    gib,
)
from ira_manifests.profiles import memory_options
from ira_manifests.profiles.schema import (
    GeometryProfile,
    LayersProfile,
    ModelProfile,
    WeightsProfile,
)

if TYPE_CHECKING:
    from ira_manifests.profiles.cell import Cell

_KINDS = {"full": LayerKind.FULL, "sliding": LayerKind.SLIDING, "chunked": LayerKind.CHUNKED}


def unjudged(cell: Cell) -> str:
    """Return why the memory of a cell is not judged; empty where it is."""
    if cell.model.geometry is None or cell.model.weights is None:
        return "the model's profile has no weights and geometry"
    options = memory_options.uncomputed(cell.profile.flags, cell.platform.engine.version)
    if not options:
        return ""
    verb = "changes" if len(options) == 1 else "change"
    return f"{', '.join(options)} {verb} what it needs, which is not computed"


def serving(cell: Cell, *, max_model_len: int) -> Serving | None:
    """Return what the memory model is asked of a cell, or None where it is not judged."""
    model, profile = cell.model, cell.profile
    if model.geometry is None or model.weights is None or unjudged(cell):
        return None
    gpu, release = accelerator(cell), cell.platform.engine.version
    engine = EngineVersion.parse(release)
    default = gpu.default_batch(engine_facts(engine))
    return Serving(
        geometry=_geometry(model.geometry),
        weights=_weights(model.weights),
        accelerator=gpu,
        engine=engine,
        max_model_len=max_model_len,
        tensor_parallel=profile.tensor_parallel,
        utilization=profile.gpu_memory_utilization,
        kv_cache_dtype=profile.kv_cache_dtype,
        batch=memory_options.batch(profile.flags, release, default),
    )


def accelerator(cell: Cell) -> Accelerator:
    """Return the GPU of a cell's machine."""
    label = cell.machine.accelerator
    # vLLM asks the device's name for this, too.
    is_a100 = "a100" in label
    return Accelerator(label, cell.gpu.memory_gib, is_a100, cell.gpu.multiprocessors)


def contradictions(model: ModelProfile) -> Iterator[tuple[int, str]]:
    """Yield the measured weights, by index, that contradict the total, and what that says."""
    if model.weights is None or model.geometry is None:
        return
    weights, geometry = _weights(model.weights), _geometry(model.geometry)
    for index, item in enumerate(model.weights.measured):
        least, most = weights.bounds(geometry, item.tensor_parallel)
        if not least <= gib(item.gib) <= most:
            share = Weights(weights.total_gib).per_gpu(geometry, item.tensor_parallel) / GIB
            gpus = "1 GPU" if item.tensor_parallel == 1 else f"each of {item.tensor_parallel} GPUs"
            yield index, f"is {item.gib} GiB on {gpus}, and of {weights.total_gib} {share:.2f}"


def _geometry(profile: GeometryProfile) -> Geometry:
    experts = profile.experts
    return Geometry(
        heads=profile.heads,
        hidden=profile.hidden,
        vocab=profile.vocab,
        max_position=profile.max_position,
        layers=tuple(_layers(item) for item in profile.layers),
        intermediate=profile.intermediate,
        experts=Experts(experts.per_token, experts.intermediate) if experts else None,
        image_values_per_token=profile.image_values_per_token or 0,
    )


def _layers(profile: LayersProfile) -> Layers:
    kind = _KINDS[profile.kind]
    return Layers(profile.count, profile.kv_heads, profile.head_dim, kind, profile.span)


def _weights(profile: WeightsProfile) -> Weights:
    measured = {item.tensor_parallel: item.gib for item in profile.measured}
    return Weights(profile.total_gib, MappingProxyType(measured))
