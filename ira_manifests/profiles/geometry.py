"""The shape of a model, as part of a profile, with the names of its config.json."""

# No annotations from __future__ here: pydantic would have to evaluate their text at every start.
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ira_manifests.profiles import layer_kinds
from ira_manifests.profiles.base import Profile
from ira_manifests.profiles.fields import (
    NOT_EMPTY,
    Count,
    IndexDim,
    LayerCount,
    LayerIndex,
    StateBytes,
)
from ira_manifests.profiles.forms import refuse


def _true(value: bool) -> bool:
    if not value:
        raise refuse("is false; give true for layers without a cache, else leave it out")
    return value


class LayersProfile(Profile):
    """Layers of one kind and shape; the fields that are set determine the kind.

    Attention layers (sliding, chunked, or full without either) cache keys and values of each token;
    other kinds cache a latent of each token, a state of each sequence, or nothing.
    """

    count: LayerCount
    """Number of the model's layers of this kind and shape."""
    num_attention_heads: Count | None = None
    """Query heads of these layers, if they differ from the model's."""
    num_key_value_heads: Count | None = None
    """Key and value heads."""
    head_dim: Count | None = None
    """Elements of a key."""
    v_head_dim: Count | None = None
    """Elements per value head, if they differ from head_dim."""
    sliding_window: Count | None = None
    """Window in tokens, for layers that have one; config.json has it once for the model."""
    attention_chunk_size: Count | None = None
    """Chunk in tokens, for layers that have one; config.json has it once for the model."""
    kv_lora_rank: Count | None = None
    """With the next two and v_head_dim: latent attention (MLA)."""
    qk_rope_head_dim: Count | None = None
    """MLA: elements of a key with positions."""
    qk_nope_head_dim: Count | None = None
    """MLA: elements of a key without positions."""
    q_lora_rank: Count | None = None
    """For latent attention whose queries also have a latent."""
    index_head_dim: IndexDim | None = None
    """For latent attention with a sparse indexer."""
    index_n_heads: Count | None = None
    """Heads of the sparse indexer."""
    linear_num_key_heads: Count | None = None
    """With the next four: gated delta net ("linear_attention" of Qwen3-Next and Qwen3.5)."""
    linear_num_value_heads: Count | None = None
    """Gated delta net: value heads."""
    linear_key_head_dim: Count | None = None
    """Gated delta net: elements of a key."""
    linear_value_head_dim: Count | None = None
    """Gated delta net: elements of a value."""
    linear_conv_kernel_dim: Count | None = None
    """Gated delta net: tokens of the convolution."""
    mamba_num_heads: Count | None = None
    """With the next four: Mamba-2, with Nemotron-H's names."""
    mamba_head_dim: Count | None = None
    """Mamba-2: elements of a head."""
    ssm_state_size: Count | None = None
    """Mamba-2: elements of the state."""
    n_groups: Count | None = None
    """Mamba-2: groups of heads."""
    conv_kernel: Count | None = None
    """Mamba-2: tokens of the convolution."""
    mamba_intermediate_size: Count | None = None
    """With the next two: Mamba-1. The value is mamba_expand times hidden_size."""
    mamba_d_state: Count | None = None
    """Mamba-1: elements of the state."""
    mamba_d_conv: Count | None = None
    """Mamba-1: tokens of the convolution."""
    mamba_ssm_dtype: Literal["bfloat16", "float16", "float32"] | None = None
    """Dtype of the state, if it differs from the model's; Nemotron-H: mamba_ssm_cache_dtype."""
    state_bytes: StateBytes | None = None
    """Bytes of another kind of state, for one sequence in one layer, over all GPUs."""
    no_kv_cache: (
        Annotated[bool, AfterValidator(_true), Field(json_schema_extra={"const": True})] | None
    ) = None
    """Layers without a cache: no attention, or they share the cache of an earlier layer."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        problem = layer_kinds.problem(self.given)
        if problem:
            raise refuse(problem)
        return self

    @property
    def given(self) -> dict[str, Any]:
        """The fields that are set, with their values."""
        return self.model_dump(exclude_none=True)


class ExpertsProfile(Profile):
    """A mixture of experts."""

    num_experts_per_tok: Count
    """Experts that process each token."""
    moe_intermediate_size: Count
    """Inner width of one expert; in a config.json without this key, intermediate_size."""
    num_experts: Count | None = None
    """Experts of a layer, without shared ones; config.json also has it as num_local_experts or
    n_routed_experts."""
    first_k_dense_replace: Annotated[int, Field(ge=0, le=10_000)] | None = None
    """Layers at the start that have no experts, where all others have them."""


class GeometryProfile(Profile):
    """The model's shape, with the names of its config.json."""

    num_attention_heads: Count
    """Query heads of a layer."""
    hidden_size: Count
    """Width of the model."""
    intermediate_size: Count | None = None
    """Inner width of the dense MLP; without it, 3.5 times hidden_size is assumed."""
    vocab_size: Count
    """Tokens of the vocabulary."""
    max_position_embeddings: Count
    """The longest context of the model, in tokens."""
    num_hidden_layers: LayerCount | None = None
    """Number of the model's layers; the counts of `layers` must add up to it."""
    image_values_per_token: Count | None = None
    """Pixels times channels for one image token, for a model with a vision tower."""
    layers: Annotated[tuple[LayersProfile, ...], NOT_EMPTY]
    """The model's layers by kind and shape: `layer_types` of config.json, counted."""
    layer_order: Annotated[tuple[LayerIndex, ...], Field(max_length=10_000)] = ()
    """The model's order of layers, as indices into `layers`, repeated to the last layer:
    [0, 0, 0, 0, 0, 1] where every sixth is of the second kind. Needed for pipeline_parallel."""
    experts: ExpertsProfile | None = None

    @model_validator(mode="after")
    def _order_has_all_layers(self) -> Self:
        problem = layer_kinds.order_problem(self.layer_order, [each.count for each in self.layers])
        if problem:
            raise refuse(problem)
        return self

    @model_validator(mode="after")
    def _something_is_kept(self) -> Self:
        if all(layers.no_kv_cache for layers in self.layers):
            raise refuse("no layer has a cache; give the layers that have attention or a state")
        return self

    @model_validator(mode="after")
    def _heads_share_kv_heads(self) -> Self:
        for layers in self.layers:
            heads = layers.num_attention_heads or self.num_attention_heads
            kv_heads = layers.num_key_value_heads
            if kv_heads is not None and heads % kv_heads:
                raise refuse(
                    f"has num_attention_heads {heads}, "
                    f"which num_key_value_heads {kv_heads} does not divide"
                )
        return self
