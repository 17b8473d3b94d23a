"""Profiles in the terms of the memory model."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from ira_manifests.memory import (
    Accelerator,
    BatchLimits,
    EngineVersion,
    Experts,
    Geometry,
    LayerKind,
    Layers,
    Serving,
    Weights,
    engine_facts,
)
from ira_manifests.profiles.schema import GeometryProfile, LayersProfile, WeightsProfile

if TYPE_CHECKING:
    from ira_manifests.profiles.cell import Cell

_KINDS = {"full": LayerKind.FULL, "sliding": LayerKind.SLIDING, "chunked": LayerKind.CHUNKED}


def serving(cell: Cell, *, max_model_len: int) -> Serving | None:
    """Return what the memory model is asked of a cell, or None without geometry."""
    model, profile = cell.model, cell.profile
    if model.geometry is None or model.weights is None:
        return None
    gpu = accelerator(cell)
    engine = EngineVersion.parse(cell.platform.engine.version)
    return Serving(
        geometry=_geometry(model.geometry),
        weights=_weights(model.weights),
        accelerator=gpu,
        engine=engine,
        max_model_len=max_model_len,
        tensor_parallel=profile.tensor_parallel,
        utilization=profile.gpu_memory_utilization,
        kv_cache_dtype=profile.kv_cache_dtype,
        batch=_batch(profile.flags, gpu.default_batch(engine_facts(engine))),
    )


def accelerator(cell: Cell) -> Accelerator:
    """Return the GPU of a cell's machine."""
    label = cell.machine.accelerator
    # vLLM asks the device's name for this, too.
    is_a100 = "a100" in label
    return Accelerator(label, cell.gpu.memory_gib, is_a100, cell.gpu.multiprocessors)


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


def _batch(flags: tuple[str, ...], default: BatchLimits) -> BatchLimits:
    """Return the largest batch, with what the cell's flags say of it."""
    values = dict(flag.split("=", 1) for flag in flags if "=" in flag)

    def number(flag: str, fallback: int) -> int:
        text = values.get(flag, "")
        return int(text) if text.isdecimal() and int(text) else fallback

    return BatchLimits(
        tokens=number("--max-num-batched-tokens", default.tokens),
        requests=number("--max-num-seqs", default.requests),
    )
