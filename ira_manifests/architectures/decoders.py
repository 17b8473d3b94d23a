"""Models of attention layers: their layers and weights, from the language model's configuration.

Sources are the files of vllm/model_executor/models in release 0.26.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ira_manifests.architectures.attention import (
    FULL,
    SLIDING,
    Heads,
    Reach,
    attends,
    chunked,
    every,
    latent,
    no_window,
    one_window,
    window_in_use,
)
from ira_manifests.architectures.config import Config
from ira_manifests.architectures.errors import ConfigError, RefusedError
from ira_manifests.architectures.feed_forward import FeedForward, dense, feed_forward, mixture_of
from ira_manifests.architectures.layers import KEEPS_NOTHING, Layer, Mixture, Part, count_of

Read = Callable[[Config], list[Layer]]
"""Returns the layers of a language model's configuration, in order."""


def decoder(reach: Reach, *, matrices: int = 3, gated: bool = False) -> Read:
    """Return a reader of attention layers that differ only in their window or chunk.

    matrices: those of an MLP. gated: whether attention has a gate as large as its queries.
    """

    def read(config: Config) -> list[Layer]:
        heads, follow = Heads.of(config), feed_forward(config, matrices=matrices)
        reaches = attends(config, reach(config))
        return [
            attention_layer(config, heads, item, follow(index), gated=gated)
            for index, item in enumerate(reaches)
        ]

    return read


def attention_layer(
    config: Config,
    heads: Heads,
    reach: Mapping[str, Any],
    follows: FeedForward,
    *,
    gated: bool = False,
) -> Layer:
    """Return a layer of attention, and what follows it."""
    hidden = config.whole("hidden_size", "n_embd")
    queries = config.whole("num_attention_heads", "n_head")
    return Layer(
        heads.keeps(reach, queries=queries),
        (Part("self_attn", heads.parameters(hidden, gate=gated)), *follows.parts),
        heads.widths,
        follows.mlp_width,
        follows.mixture,
    )


def llama4(config: Config) -> list[Layer]:
    """Read layers with a mixture and a shared expert in every n-th; dense layers are wider."""
    hidden, count = config.whole("hidden_size"), count_of(config)
    step = config.optional("interleave_moe_layer_step") or 1
    shared = config.whole("intermediate_size")
    mixture = Mixture(
        config.whole("num_local_experts"), config.whole("num_experts_per_tok"), shared, shared
    )
    sparse = FeedForward(mixture.parts(hidden), shared, mixture)
    wide = config.whole("intermediate_size_mlp")
    plain = FeedForward(dense(hidden, wide), wide)
    heads, reaches = Heads.of(config), attends(config, chunked(config))
    follows = [sparse if (index + 1) % step == 0 else plain for index in range(count)]
    return [attention_layer(config, heads, *pair) for pair in zip(reaches, follows, strict=True)]


def gemma4(config: Config) -> list[Layer]:
    """Read layers whose full-attention heads differ; the last ones may share earlier KV caches."""
    count = count_of(config)
    reaches = attends(config, every(6)(config))
    first_shared = count - (config.optional("num_kv_shared_layers") or 0)
    sliding, full = Heads.of(config), _global_heads(config)
    per_layer = config.optional("hidden_size_per_layer_input") or 0
    hidden = config.whole("hidden_size")
    found = []
    for index, reach in enumerate(reaches):
        is_shared = index >= first_shared > 0
        heads = sliding if reach else full
        wide = 2 if is_shared and config.flag("use_double_wide_mlp") else 1
        layer = attention_layer(config, heads, reach, _gemma4_follows(config, wide))
        inputs = Part("per_layer_input", 2 * hidden * per_layer, quantised=False)
        keeps = KEEPS_NOTHING if is_shared else layer.keeps
        found.append(replace(layer, keeps=keeps, parts=(*layer.parts, inputs)))
    return found


def _global_heads(config: Config) -> Heads:
    heads = Heads.of(config)
    dim = config.optional("global_head_dim") or heads.dim
    key_value = heads.key_value
    if config.flag("attention_k_eq_v"):
        key_value = config.optional("num_global_key_value_heads") or key_value
    return Heads(heads.query, key_value, dim, dim)


def _gemma4_follows(config: Config, wide: int) -> FeedForward:
    """Return the dense MLP, and the experts in parallel to it."""
    hidden, width = config.whole("hidden_size"), config.whole("intermediate_size") * wide
    parts = dense(hidden, width)
    mixture = mixture_of(config) if config.flag("enable_moe_block") else None
    if mixture is not None:
        parts += mixture.parts(hidden)
    return FeedForward(parts, width, mixture)


def gemma3n(config: Config) -> list[Layer]:
    """Read Gemma 3n's layers: the last ones use the cache of an earlier one of their kind."""
    count, hidden = count_of(config), config.whole("hidden_size")
    heads, follow = Heads.of(config), feed_forward(config)
    first_shared = count - (config.optional("num_kv_shared_layers") or 0)
    # The learned augmented residual, and the inputs of each layer.
    beside = config.whole("laurel_rank") + config.whole("hidden_size_per_layer_input")
    inputs = Part("per_layer_input", 2 * hidden * beside, quantised=False)
    found = []
    for index, reach in enumerate(attends(config, every(5)(config))):
        layer = attention_layer(config, heads, reach, follow(index))
        keeps = KEEPS_NOTHING if index >= first_shared > 0 else layer.keeps
        found.append(replace(layer, keeps=keeps, parts=(*layer.parts, inputs)))
    return found


def mimo(config: Config) -> list[Layer]:
    """Read layers with other heads for sliding attention, and value heads of another width."""
    full = Heads.of(config)
    full = replace(full, value_dim=config.optional("v_head_dim") or full.dim)
    dim = config.whole("swa_head_dim")
    sliding = Heads(
        config.whole("swa_num_attention_heads"),
        config.whole("swa_num_key_value_heads"),
        dim,
        config.optional("swa_v_head_dim") or dim,
    )
    window = config.whole("sliding_window_size", "sliding_window")
    follow = feed_forward(config)
    pattern = config.per_layer("hybrid_layer_pattern", count_of(config))
    if not pattern:
        raise ConfigError(f"{config.place} has no hybrid_layer_pattern")
    return [
        attention_layer(config, sliding, {"sliding_window": window}, follow(index))
        if kind == 1
        else attention_layer(config, full, {}, follow(index))
        for index, kind in enumerate(pattern)
    ]


def decilm(config: Config) -> list[Layer]:
    """Read blocks that each have their own number of KV heads and MLP width, or none."""
    count = count_of(config)
    blocks = config.per_layer("block_configs", count)
    if not blocks:
        return decoder(no_window)(config)
    return [_block(config, block) for block in blocks]


def _block(config: Config, values: object) -> Layer:
    block = Config(values if isinstance(values, dict) else {}, f"{config.place}: block_configs")
    attention, mlp = block.inner("attention"), block.inner("ffn")
    if attention is None or mlp is None:
        raise ConfigError(f"{block.place} has an item without attention or ffn")
    if any(part.flag("replace_with_linear") for part in (attention, mlp)):
        raise RefusedError("not judged yet: a block is replaced with a linear layer")
    hidden = config.whole("hidden_size")
    width = 0
    if not mlp.flag("no_op"):
        width = -(-int(2 * mlp.factor("ffn_mult") * hidden / 3) // 256) * 256
    follows = FeedForward(dense(hidden, width), width)
    if attention.flag("no_op"):
        return Layer(KEEPS_NOTHING, follows.parts, (), width)
    query = config.whole("num_attention_heads")
    dim = config.optional("head_dim") or hidden // query
    key_value = query // attention.whole("n_heads_in_group")
    if not key_value:
        raise ConfigError(f"{block.place} has more heads in a group than the model")
    return attention_layer(config, Heads(query, key_value, dim, dim), {}, follows)


def mla(config: Config) -> list[Layer]:
    """Read the layers of DeepSeek V2, V3, V3.2 and models of the same design."""
    words, parts, widths = latent(config)
    follow = feed_forward(config)
    follows = [follow(index) for index in range(count_of(config))]
    return [
        Layer(words, (*parts, *item.parts), widths, item.mlp_width, item.mixture)
        for item in follows
    ]


def step3p5(config: Config) -> list[Layer]:
    """Read the layers of Step-3.5: those with a window have other heads.

    Its lists go on to the layers for multi-token prediction, which are not loaded.
    """
    count, full = count_of(config), Heads.of(config)
    if config.text("att_impl_type") not in ("", "GQA"):
        raise RefusedError(f"not judged yet: {config.place} has no grouped-query attention")
    other, sliding = config.inner("attention_other_setting"), full
    if other is not None and other.text("attention_type") == SLIDING:
        dim = other.optional("head_dim") or full.dim
        groups = other.optional("num_attention_groups") or full.key_value
        sliding = Heads(other.optional("num_attention_heads") or full.query, groups, dim, dim)
    elif other is not None:
        raise RefusedError("not judged yet: attention_other_setting is not of layers with a window")
    kinds = config.items("layer_types")[:count] or [
        FULL if index % 2 else SLIDING for index in range(count)
    ]
    if len(kinds) < count or not set(map(str, kinds)) <= {FULL, SLIDING}:
        raise RefusedError(f"not judged yet: the layer_types of {config.place}")
    window, follow = config.optional("sliding_window"), feed_forward(config)
    return [
        attention_layer(config, sliding, {"sliding_window": window}, follow(index))
        if kind == SLIDING and window
        else attention_layer(config, full, {}, follow(index))
        for index, kind in enumerate(kinds)
    ]


def hunyuan(config: Config) -> list[Layer]:
    """Read HunYuan's layers, unless neighbours share a cache (cross-layer attention)."""
    shares = config.optional("cla_share_factor") or 1
    if config.flag("use_cla") and shares > 1:
        raise RefusedError(f"not judged yet: layers of {config.place} share a cache (use_cla)")
    return decoder(one_window)(config)


def by_model_type(config: Config) -> list[Layer]:
    """Read the language model of a model with several parts by its model_type."""
    kind = config.text("model_type")
    if kind not in _BY_MODEL_TYPE:
        raise RefusedError(f"not judged yet: {config.place} is of the model_type {kind[:60]!r}")
    return _BY_MODEL_TYPE[kind](config)


_BY_MODEL_TYPE: Mapping[str, Read] = {
    "deepseek_v2": mla,
    "deepseek_v3": mla,
    "kimi_k2": mla,
    "llama": decoder(one_window),
    "ministral3": decoder(one_window),
    "mistral": decoder(one_window),
    "qwen2": decoder(window_in_use),
    "qwen3": decoder(window_in_use),
    "qwen3_moe": decoder(window_in_use),
}
