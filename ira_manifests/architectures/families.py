"""The supported architectures, by the name of vLLM's class: their layers and weights.

Sources are the files of vllm/model_executor/models in release 0.26.0, and the defaults of the
Transformers configuration classes that they read. Architectures outside the table are not
supported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from ira_manifests.architectures import vision
from ira_manifests.architectures.config import Config
from ira_manifests.architectures.errors import ConfigError, RefusedError
from ira_manifests.architectures.layers import (
    FULL,
    KEEPS_NOTHING,
    SLIDING,
    FeedForward,
    Heads,
    Layer,
    Mixture,
    Part,
    all_full,
    attends,
    chunked,
    count_of,
    dense,
    every,
    feed_forward,
    gated_delta_net,
    latent,
    mamba2,
    one_window,
    window_in_use,
)

Read = Callable[[Config], list[Layer]]


@dataclass(frozen=True)
class Family:
    """How to read the config.json of an architecture.

    Attributes:
        layers: reads the layers from the language model's configuration.
        tied: whether the output layer shares the embedding's table, if config.json does not say.
        defaults: the Transformers class's defaults for keys that config.json leaves out.
        tower: reads the vision tower; None for a model without one.
    """

    layers: Read
    tied: bool = False
    defaults: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    tower: Callable[[Config], vision.Tower] | None = None


def _decoder(reach: Callable[[Config], Callable[[int], str]]) -> Read:
    """Return a reader of attention layers that differ only in their window or chunk.

    `reach`: returns the kind of attention of a layer, by index, if config.json does not list it.
    """

    def read(config: Config) -> list[Layer]:
        heads, follow = Heads.of(config), feed_forward(config)
        reaches = attends(config, reach(config))
        return [_layer(config, heads, item, follow(index)) for index, item in enumerate(reaches)]

    return read


def _layer(config: Config, heads: Heads, reach: Mapping[str, Any], follows: FeedForward) -> Layer:
    attention = Part("self_attn", heads.parameters(config.whole("hidden_size", "n_embd")))
    return Layer(
        heads.keeps(reach),
        (attention, *follows.parts),
        heads.widths,
        follows.mlp_width,
        follows.mixture,
    )


def _llama4(config: Config) -> list[Layer]:
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
    return [_layer(config, heads, *pair) for pair in zip(reaches, follows, strict=True)]


def _gemma4(config: Config) -> list[Layer]:
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
        layer = _layer(config, heads, reach, _gemma4_follows(config, wide))
        inputs = Part("per_layer_input", 2 * hidden * per_layer, quantised=False)
        keeps = KEEPS_NOTHING if is_shared else layer.keeps
        found.append(
            Layer(keeps, (*layer.parts, inputs), layer.widths, layer.mlp_width, layer.mixture)
        )
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
    mixture = Mixture.of(config) if config.flag("enable_moe_block") else None
    if mixture is not None:
        parts += mixture.parts(hidden)
    return FeedForward(parts, width, mixture)


def _mimo(config: Config) -> list[Layer]:
    """Read layers with other heads for sliding attention, and value heads of another width."""
    full = Heads.of(config)
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
        _layer(config, sliding, {"sliding_window": window}, follow(index))
        if kind == 1
        else _layer(config, full, {}, follow(index))
        for index, kind in enumerate(pattern)
    ]


def _decilm(config: Config) -> list[Layer]:
    """Read blocks that each have their own number of KV heads and MLP width, or none."""
    count = count_of(config)
    blocks = config.per_layer("block_configs", count)
    if not blocks:
        return _decoder(all_full)(config)
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
    return _layer(config, Heads(query, key_value, dim, dim), {}, follows)


def _mla(config: Config) -> list[Layer]:
    """Read the layers of DeepSeek V2, V3, V3.2 and models of the same design."""
    words, parts, widths = latent(config)
    follow = feed_forward(config)
    follows = [follow(index) for index in range(count_of(config))]
    return [
        Layer(words, (*parts, *item.parts), widths, item.mlp_width, item.mixture)
        for item in follows
    ]


def _qwen_hybrid(config: Config) -> list[Layer]:
    """Read gated delta nets, with gated attention in every fourth layer: Qwen3-Next, Qwen3.5."""
    count, hidden = count_of(config), config.whole("hidden_size")
    interval = config.optional("full_attention_interval") or 4
    kinds = config.per_layer("layer_types", count) or [
        FULL if (index + 1) % interval == 0 else "linear_attention" for index in range(count)
    ]
    heads, follow = Heads.of(config), feed_forward(config)
    gated = config.flag("attn_output_gate", default=True)
    full = (
        heads.keeps({}),
        Part("self_attn", heads.parameters(hidden, gate=gated)),
        heads.widths,
    )
    keeps, part = gated_delta_net(config)
    by_kind = {FULL: full, "linear_attention": (keeps, part, ())}
    found = []
    for index, kind in enumerate(kinds):
        if str(kind) not in by_kind:
            raise RefusedError(f"not judged yet: layers of the kind {str(kind)[:60]!r}")
        words, attention, widths = by_kind[str(kind)]
        item = follow(index)
        found.append(Layer(words, (attention, *item.parts), widths, item.mlp_width, item.mixture))
    return found


def _nemotron_h(config: Config) -> list[Layer]:
    """Read layers of one block each: Mamba-2 (M), attention (*), MLP (-) or experts (E)."""
    count, hidden = count_of(config), config.whole("hidden_size")
    pattern = config.text("hybrid_override_pattern")
    if len(pattern) != count:
        raise ConfigError(
            f"{config.place}: hybrid_override_pattern has {len(pattern)} letters, "
            f"and the model has {count} layers"
        )
    heads = Heads.of(config)
    width = config.whole("intermediate_size")
    mixture = Mixture.of(config)
    keeps, mixer = mamba2(config)
    blocks = {
        "M": Layer(keeps, (mixer,)),
        "*": Layer(heads.keeps({}), (Part("mixer", heads.parameters(hidden)),), heads.widths),
        "-": Layer(KEEPS_NOTHING, dense(hidden, width, matrices=2), (), width),
    }
    if mixture is not None:
        parts = mixture.parts(hidden, matrices=2)
        blocks["E"] = Layer(KEEPS_NOTHING, parts, (), mixture.shared, mixture)
    unknown = set(pattern) - set(blocks)
    if unknown:
        raise RefusedError(f"not judged yet: layers of the kind {min(unknown)!r}")
    return [blocks[letter] for letter in pattern]


def _gpt_oss(config: Config) -> list[Layer]:
    return _decoder(lambda _config: lambda index: FULL if index % 2 else SLIDING)(config)


_GEMMA2 = {
    "head_dim": 256,
    "max_position_embeddings": 8192,
    "num_attention_heads": 8,
    "num_key_value_heads": 4,
    "sliding_window": 4096,
    "vocab_size": 256000,
}
_GEMMA3 = {
    **_GEMMA2,
    "max_position_embeddings": 131072,
    "rope_local_base_freq": 10000,
    "sliding_window_pattern": 6,
    "vocab_size": 262208,
}
_FULL, _QWEN, _WINDOW = _decoder(all_full), _decoder(window_in_use), _decoder(one_window)

FAMILIES: Mapping[str, Family] = {
    "DeciLMForCausalLM": Family(_decilm),
    "DeepseekV2ForCausalLM": Family(_mla),
    "DeepseekV32ForCausalLM": Family(_mla),
    "DeepseekV3ForCausalLM": Family(_mla),
    "Gemma2ForCausalLM": Family(_decoder(every(2)), tied=True, defaults=_GEMMA2),
    "Gemma3ForCausalLM": Family(
        _decoder(every("_sliding_window_pattern")), tied=True, defaults=_GEMMA3
    ),
    "Gemma3ForConditionalGeneration": Family(
        _decoder(every("_sliding_window_pattern")),
        tied=True,
        defaults=_GEMMA3,
        tower=vision.gemma3,
    ),
    "Gemma4ForConditionalGeneration": Family(_gemma4, tied=True, tower=vision.gemma4),
    "GlmMoeDsaForCausalLM": Family(_mla),
    "GptOssForCausalLM": Family(_gpt_oss),
    "GraniteForCausalLM": Family(_FULL),
    "Llama4ForConditionalGeneration": Family(_llama4, tower=vision.llama4),
    "LlamaForCausalLM": Family(_FULL),
    "MiMoV2FlashForCausalLM": Family(_mimo),
    "MiniMaxM2ForCausalLM": Family(_FULL),
    "MistralForCausalLM": Family(_WINDOW),
    "MixtralForCausalLM": Family(_WINDOW),
    "NemotronHForCausalLM": Family(_nemotron_h),
    "Phi3ForCausalLM": Family(_WINDOW),
    "Qwen2ForCausalLM": Family(_QWEN),
    "Qwen3ForCausalLM": Family(_QWEN),
    "Qwen3MoeForCausalLM": Family(_QWEN),
    "Qwen3NextForCausalLM": Family(_qwen_hybrid),
    "Qwen3VLForConditionalGeneration": Family(_FULL, tower=vision.qwen_vl),
    "Qwen3_5ForConditionalGeneration": Family(_qwen_hybrid, tower=vision.qwen_vl),
    "Qwen3_5MoeForConditionalGeneration": Family(_qwen_hybrid, tower=vision.qwen_vl),
}
