"""A model's layers: what each caches of a token or a sequence, and its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from ira_manifests.architectures.config import MOST_LAYERS, Config
from ira_manifests.architectures.errors import ConfigError, RefusedError

Words = Mapping[str, int | str | bool]
"""What layers cache, as the fields of a profile's `layers` entry, without `count`."""

KEEPS_NOTHING: Words = {"no_kv_cache": True}
SLIDING, CHUNKED, FULL = "sliding_attention", "chunked_attention", "full_attention"


@dataclass(frozen=True)
class Part:
    """Weights of one layer that are either all quantised or all not.

    Attributes:
        name: the part of their names in the checkpoint after the layer's number.
        parameters: the number of weights.
        quantised: False for weights that no method quantises, such as the router of experts.
        padded: for experts, the number of weights after vLLM's padding for mxfp4; else 0.
    """

    name: str
    parameters: int
    quantised: bool = True
    padded: int = 0
    is_copy: bool = False
    """Whether the server computes them from other weights; they are in no checkpoint."""


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        keeps: what it caches of a token or a sequence.
        parts: its weights.
        widths: widths that tensor parallelism splits.
        mlp_width: inner width of its dense MLP, or of its shared expert; 0 for none.
        mixture: its experts.
    """

    keeps: Words
    parts: tuple[Part, ...]
    widths: tuple[int, ...] = ()
    mlp_width: int = 0
    mixture: Mixture | None = None


def count_of(config: Config) -> int:
    """Return the number of layers."""
    return config.whole("num_hidden_layers", "n_layer", "num_layers", most=MOST_LAYERS)


def grouped(layers: Iterable[Layer]) -> tuple[Mapping[str, int | str | bool], ...]:
    """Return the layers as a profile's `layers`: equal layers grouped, in order, with `count`."""
    counts: dict[tuple[tuple[str, int | str | bool], ...], int] = {}
    for layer in layers:
        key = tuple(layer.keeps.items())
        counts[key] = counts.get(key, 0) + 1
    return tuple({"count": count, **dict(key)} for key, count in counts.items())


# --- windows and chunks of attention ---------------------------------------------------------


def attends(config: Config, default: Callable[[int], str]) -> list[Words]:
    """Return each layer's window or chunk, from `layer_types`, else from the family's default."""
    count = count_of(config)
    types = config.per_layer("layer_types", count) or [default(index) for index in range(count)]
    return [_reach(config, kind) for kind in types]


def _reach(config: Config, kind: object) -> Words:
    if kind == SLIDING:
        return {"sliding_window": config.whole("sliding_window")}
    if kind == CHUNKED:
        return {"attention_chunk_size": config.whole("attention_chunk_size")}
    if kind == FULL:
        return {}
    raise RefusedError(f"not judged yet: {config.place} has layers of the kind {str(kind)[:60]!r}")


def all_full(_config: Config) -> Callable[[int], str]:
    """Full attention in all layers, even if config.json has a window."""
    return lambda _index: FULL


def one_window(config: Config) -> Callable[[int], str]:
    """The window in all layers, if config.json has one (Mistral)."""
    has = config.optional("sliding_window") is not None
    return lambda _index: SLIDING if has else FULL


def window_in_use(config: Config) -> Callable[[int], str]:
    """Qwen: the window in layers from max_window_layers on, if use_sliding_window is set."""
    used = config.flag("use_sliding_window") and config.optional("sliding_window") is not None
    first = config.optional("max_window_layers") or 0
    return lambda index: SLIDING if used and index >= first else FULL


def every(number: str | int) -> Callable[[Config], Callable[[int], str]]:
    """Full attention in every n-th layer, the window in the others.

    `number`: n, or the key of config.json that holds it.
    """

    def default(config: Config) -> Callable[[int], str]:
        n = number if isinstance(number, int) else config.optional(number, "sliding_window_pattern")
        interval = n or 6
        return lambda index: FULL if (index + 1) % interval == 0 else SLIDING

    return default


def chunked(config: Config) -> Callable[[int], str]:
    """Llama 4: chunks in layers with rotary positions, full attention in every fourth."""
    interval = config.optional("no_rope_layer_interval") or 4
    rotary = config.per_layer("no_rope_layers", count_of(config))
    has_chunks = config.optional("attention_chunk_size") is not None

    def kind(index: int) -> str:
        is_rotary = bool(rotary[index]) if rotary else (index + 1) % interval != 0
        return CHUNKED if is_rotary and has_chunks else FULL

    return kind


# --- attention -------------------------------------------------------------------------------


@dataclass(frozen=True)
class Heads:
    """Heads of one attention layer with keys and values."""

    query: int
    key_value: int
    dim: int
    value_dim: int

    @classmethod
    def of(cls, config: Config) -> Heads:
        """Read the model's heads from its configuration."""
        query = config.whole("num_attention_heads", "n_head")
        dim = config.optional("head_dim", "attention_head_dim")
        dim = dim or config.whole("hidden_size", "n_embd") // query
        if not dim:
            raise ConfigError(f"{config.place}: hidden_size is less than num_attention_heads")
        key_value = config.optional("num_key_value_heads") or query
        return cls(query, key_value, dim, config.optional("v_head_dim") or dim)

    def keeps(self, reach: Words) -> Words:
        """Return what a layer with these heads and this window or chunk caches."""
        value = {"v_head_dim": self.value_dim} if self.value_dim != self.dim else {}
        return {**reach, "num_key_value_heads": self.key_value, "head_dim": self.dim, **value}

    def parameters(self, hidden: int, *, gate: bool = False) -> int:
        """Return the number of weights of the four projections; a gate doubles the query's."""
        query = self.query * self.dim * (2 if gate else 1)
        key_value = self.key_value * (self.dim + self.value_dim)
        return hidden * (query + key_value + self.query * self.value_dim)

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths that tensor parallelism splits."""
        return self.query * self.dim, self.query * self.value_dim


def latent(config: Config) -> tuple[Words, tuple[Part, ...], tuple[int, ...]]:
    """Return what a layer of multi-head latent attention (MLA) caches, its weights and widths.

    Source: vllm/model_executor/models/deepseek_v2.py. mla_attention.py splits the key and value
    up-projections, and so keeps a 16-bit copy of them in addition to the loaded ones.
    """
    hidden, heads = config.whole("hidden_size"), config.whole("num_attention_heads")
    rank, rope = config.whole("kv_lora_rank"), config.whole("qk_rope_head_dim")
    nope, value = config.whole("qk_nope_head_dim"), config.whole("v_head_dim")
    query_rank, query = config.optional("q_lora_rank"), heads * (nope + rope)
    into = hidden * query if query_rank is None else query_rank * (hidden + query)
    up = rank * heads * (nope + value)
    parts = [
        Part("self_attn", into + hidden * (rank + rope) + up + heads * value * hidden),
        Part("self_attn.kv_b_proj", up, quantised=False, is_copy=True),
    ]
    words: dict[str, int | str | bool] = {
        "kv_lora_rank": rank,
        "qk_rope_head_dim": rope,
        "qk_nope_head_dim": nope,
        "v_head_dim": value,
    }
    index = config.optional("index_head_dim")
    if index is not None:
        words["index_head_dim"] = index
        index_heads = config.whole("index_n_heads")
        inputs = (query_rank or hidden) * index_heads * index + hidden * index
        parts += [
            Part("self_attn.indexer", inputs),
            Part("self_attn.indexer.weights_proj", hidden * index_heads, quantised=False),
        ]
    return words, tuple(parts), (query, heads * value)


# --- feed-forward ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Mixture:
    """A mixture of `experts` experts, of which `chosen` process each token."""

    experts: int
    chosen: int
    width: int
    shared: int = 0
    """Inner width of the shared expert; 0 for none."""

    @classmethod
    def of(cls, config: Config) -> Mixture | None:
        """Read the mixture from the configuration; None for a dense model."""
        experts = config.optional("n_routed_experts", "num_local_experts", "num_experts")
        if experts is None:
            return None
        width = config.whole("moe_intermediate_size", "expert_intermediate_size",
                             "intermediate_size")  # fmt: skip
        shared = config.optional("moe_shared_expert_intermediate_size",
                                 "shared_expert_intermediate_size")  # fmt: skip
        if shared is None:
            shared = (config.optional("n_shared_experts", "num_shared_experts") or 0) * width
        chosen = config.whole("num_experts_per_tok", "top_k_experts", "experts_per_token")
        return cls(experts, chosen, width, shared)

    def parts(self, hidden: int, *, matrices: int = 3) -> tuple[Part, ...]:
        """Return the weights of a layer with this mixture."""
        each = matrices * hidden * self.width
        rows, columns = _padded(hidden), _padded(self.width)
        # Gate and up projection are one matrix, so their outputs need no padding.
        padded = 2 * rows * self.width + rows * columns
        return (
            Part("mlp.experts", self.experts * each, padded=self.experts * padded),
            Part("mlp.gate", self.experts * hidden, quantised=False),
            Part("mlp.shared_experts", matrices * hidden * self.shared),
        )


@dataclass(frozen=True)
class FeedForward:
    """The MLP or experts of a layer; see `Layer` for the fields."""

    parts: tuple[Part, ...]
    mlp_width: int
    mixture: Mixture | None = None


def _padded(width: int) -> int:
    return -(-width // 256) * 256


def dense(hidden: int, width: int, *, matrices: int = 3) -> tuple[Part, ...]:
    """Return the weights of a dense MLP: gate, up and down projection, or only two matrices."""
    return (Part("mlp", matrices * hidden * width),)


def feed_forward(config: Config) -> Callable[[int], FeedForward]:
    """Return a function from a layer's index to its MLP or experts."""
    hidden, mixture = config.whole("hidden_size", "n_embd"), Mixture.of(config)
    if mixture is None:
        width = config.whole("intermediate_size", "n_inner")
        return lambda _index: FeedForward(dense(hidden, width), width)
    is_sparse = _sparse(config)
    sparse = FeedForward(mixture.parts(hidden), mixture.shared, mixture)

    def follow(index: int) -> FeedForward:
        if is_sparse(index):
            return sparse
        width = config.whole("intermediate_size")
        return FeedForward(dense(hidden, width), width)

    return follow


def _sparse(config: Config) -> Callable[[int], bool]:
    """Return a function that tells from a layer's index whether it has experts."""
    only_dense = set(map(str, config.items("mlp_only_layers")))
    step = config.optional("decoder_sparse_step") or 1
    first = config.optional("first_k_dense_replace") or 0
    listed: Sequence[object] = ()
    every_nth = 1
    if isinstance(config.get("moe_layer_freq"), list):
        listed = config.per_layer("moe_layer_freq", count_of(config))
    else:
        every_nth = config.optional("moe_layer_freq") or 1

    def is_sparse(index: int) -> bool:
        if listed:
            return bool(listed[index])
        in_step = (index + 1) % step == 0 and index % every_nth == 0
        return in_step and index >= first and str(index) not in only_dense

    return is_sparse


# --- layers that cache a state of each sequence ----------------------------------------------


def gated_delta_net(config: Config) -> tuple[Words, Part]:
    """Return what a linear attention layer of Qwen3-Next and Qwen3.5 caches, and its weights."""
    words: dict[str, int | str | bool] = {
        name: config.whole(name)
        for name in (
            "linear_num_key_heads",
            "linear_num_value_heads",
            "linear_key_head_dim",
            "linear_value_head_dim",
            "linear_conv_kernel_dim",
        )
    }
    key_heads, value_heads, key_dim, value_dim, kernel = map(int, words.values())
    hidden = config.whole("hidden_size")
    keys, values = key_heads * key_dim, value_heads * value_dim
    # Queries, keys, values and gate; two values for each value head; output; convolution.
    parameters = hidden * (2 * keys + 2 * values + 2 * value_heads) + values * hidden
    parameters += (2 * keys + values) * kernel
    return {**words, **_state_dtype(config)}, Part("linear_attn", parameters)


def mamba2(config: Config) -> tuple[Words, Part]:
    """Return what a Mamba-2 layer of Nemotron-H caches, and its weights."""
    words: dict[str, int | str | bool] = {
        name: config.whole(name)
        for name in (
            "mamba_num_heads",
            "mamba_head_dim",
            "ssm_state_size",
            "n_groups",
            "conv_kernel",
        )
    }
    heads, dim, state, groups, kernel = map(int, words.values())
    hidden, inner = config.whole("hidden_size"), heads * dim
    convolved = inner + 2 * groups * state
    parameters = hidden * (inner + convolved + heads) + inner * hidden + convolved * kernel
    return {**words, **_state_dtype(config)}, Part("mixer", parameters)


def _state_dtype(config: Config) -> Words:
    dtype = config.text("mamba_ssm_dtype") or config.text("mamba_ssm_cache_dtype")
    return {"mamba_ssm_dtype": dtype} if dtype else {}
