"""Converts profiles to inputs of the memory model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import MappingProxyType

from ira_manifests.memory import (
    GIB,
    Accelerator,
    AnyLayers,
    BatchLimits,
    Experts,
    Geometry,
    Serving,
    Weights,
    gib,
    unknown_layout,
    why_not_staged,
)
from ira_manifests.profiles import memory_options
from ira_manifests.profiles.geometry import ExpertsProfile, GeometryProfile, LayersProfile
from ira_manifests.profiles.layer_kinds import kind_of
from ira_manifests.profiles.memory_readers import Asked
from ira_manifests.profiles.schema import (
    CellProfile,
    GpuProfile,
    Machine,
    ModelProfile,
    WeightsProfile,
)
from ira_manifests.profiles.server_arguments import options_of_memory
from ira_manifests.profiles.serving_fields import ServingFields
from ira_manifests.vllm import Release
from ira_manifests.vllm.changes import facts_of
from ira_manifests.vllm.environment import may_change_memory


def unjudged(
    model: ModelProfile, profile: CellProfile, given: ServingFields, accelerator: str, release: str
) -> str:
    """Return why a cell's memory can't be computed for a release of vLLM; empty if it can.

    `given`: the fields that apply to the cell. `accelerator`: GKE's label of the GPU.
    """
    if model.geometry is None or model.weights is None:
        return "the model's profile has no weights and geometry"
    geometry = _geometry(model.geometry)
    engine = Release.parse(release)
    unknown = unknown_layout(geometry, engine, accelerator, profile.kv_cache_dtype)
    if unknown:
        return unknown
    staged = profile.pipeline_parallel > 1
    if staged and (unknown := why_not_staged(geometry, _weights(model.weights))):
        return unknown
    options = flags_of(model, profile, given, release).uncomputed
    if options:
        verb = "changes" if len(options) == 1 else "change"
        return f"{', '.join(options)} {verb} what it needs, which is not computed"
    variables = uncomputed_variables(given.env)
    if variables:
        return f"{', '.join(variables)} in env may change what it needs, which is not computed"
    return ""


def uncomputed_variables(env: Iterable[str]) -> list[str]:
    """Return the variables because of which a cell's memory can't be computed."""
    return sorted(filter(may_change_memory, env))


def flags_of(
    model: ModelProfile, profile: CellProfile, given: ServingFields, release: str
) -> memory_options.Flags:
    """Return what a cell's options change; nothing for a model without weights or geometry.

    Those that fields give are read as those of `args`.
    """
    options = options_of_memory(given)
    if model.geometry is None or model.weights is None or not options:
        return memory_options.Flags()
    geometry, weights = _geometry(model.geometry), _weights(model.weights)
    asked = Asked(
        geometry,
        weights.per_gpu(geometry, profile.tensor_parallel),
        profile.tensor_parallel,
        profile.pipeline_parallel,
        weights,
    )
    return memory_options.read(options, release, asked)


def serving(
    model: ModelProfile,
    profile: CellProfile,
    given: ServingFields,
    accelerator: Accelerator,
    release: str,
    *,
    max_model_len: int,
) -> Serving | None:
    """Return the configuration to estimate for a cell; None if its memory can't be computed.

    `given`: the serving fields of the cell. `max_model_len`: the context in tokens, which replaces
    the cell's own.

    Raises `UnknownReleaseError` for a release that is too old, and `MemoryInputError` if it can't
    split the model over the cell's GPUs.
    """
    if model.geometry is None or model.weights is None:
        return None
    if unjudged(model, profile, given, accelerator.name, release):
        return None
    engine = Release.parse(release)
    options = options_of_memory(given)
    return Serving(
        geometry=_geometry(model.geometry),
        weights=_weights(model.weights),
        accelerator=accelerator,
        engine=engine,
        max_model_len=max_model_len,
        tensor_parallel=profile.tensor_parallel,
        utilization=profile.gpu_memory_utilization,
        kv_cache_dtype=profile.kv_cache_dtype,
        batch=memory_options.batch(options, release, _default_batch(accelerator, engine)),
        pipeline_parallel=profile.pipeline_parallel,
        nodes=profile.nodes,
        options=flags_of(model, profile, given, release).options,
    )


def _default_batch(gpu: Accelerator, engine: Release) -> BatchLimits:
    """Return vLLM's default; for a pre-release, the larger of the releases before and after it."""
    either = [gpu.default_batch(facts_of(release)) for release in (engine, engine.final)]
    return max(either, key=lambda batch: batch.tokens)


def accelerator(gpu: GpuProfile, machine: Machine) -> Accelerator:
    """Return the GPU of a machine."""
    label = machine.accelerator
    # vLLM also checks the device's name.
    is_a100 = "a100" in label
    return Accelerator(label, gpu.memory_gib, is_a100, gpu.multiprocessors)


def contradictions(model: ModelProfile) -> Iterator[tuple[int, str]]:
    """Yield the index of each measured weight that contradicts the total, and a description."""
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
    return Geometry(
        num_attention_heads=profile.num_attention_heads,
        hidden_size=profile.hidden_size,
        vocab_size=profile.vocab_size,
        max_position_embeddings=profile.max_position_embeddings,
        layers=tuple(map(_layers, profile.layers)),
        intermediate_size=profile.intermediate_size,
        experts=_experts(profile.experts) if profile.experts else None,
        image_values_per_token=profile.image_values_per_token or 0,
        layer_order=profile.layer_order,
    )


def _layers(profile: LayersProfile) -> AnyLayers:
    given = profile.given
    return kind_of(given)(**given)


def _experts(profile: ExpertsProfile) -> Experts:
    return Experts(
        num_experts_per_tok=profile.num_experts_per_tok,
        moe_intermediate_size=profile.moe_intermediate_size,
        num_experts=profile.num_experts,
        first_k_dense_replace=profile.first_k_dense_replace,
    )


def _weights(profile: WeightsProfile) -> Weights:
    measured = {item.tensor_parallel: item.gib for item in profile.measured}
    return Weights(
        profile.total_gib,
        MappingProxyType(measured),
        profile.linear_gib,
        profile.vision_gib,
        profile.quantization or "",
    )
