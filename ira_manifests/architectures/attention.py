"""Attention layers: windows and chunks, heads, latents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ira_manifests.architectures.config import Config
from ira_manifests.architectures.errors import ConfigError, RefusedError
from ira_manifests.architectures.layers import Part, Words, count_of

SLIDING, CHUNKED, FULL = "sliding_attention", "chunked_attention", "full_attention"


def attends(config: Config, default: Callable[[int], str]) -> list[Words]:
    """Return each layer's window or chunk, from `layer_types`, else from the family's default.

    With one kind of layers, a window in the configuration is that of all layers, whatever kind it
    is. Source: vllm/engine/arg_utils.py (create_engine_config, is_interleaved) and
    model_executor/layers/attention/attention.py, which takes CacheConfig.sliding_window.
    """
    indices = range(count_of(config))
    types = config.per_layer("layer_types", len(indices))
    if not types or set(map(str, types)) == {FULL}:
        usual = [default(index) for index in indices]
        types = usual if not types or set(usual) == {SLIDING} else types
    return [_reach(config, kind) for kind in types]


def _reach(config: Config, kind: object) -> Words:
    if kind == SLIDING:
        return {"sliding_window": config.whole("sliding_window")}
    if kind == CHUNKED:
        return {"attention_chunk_size": config.whole("attention_chunk_size")}
    if kind == FULL:
        return {}
    raise RefusedError(f"not judged yet: {config.place} has layers of the kind {str(kind)[:60]!r}")


Reach = Callable[[Config], Callable[[int], str]]
"""Returns the kind of attention of a layer, by index, where config.json does not list it."""


def one_window(config: Config) -> Callable[[int], str]:
    """The window in all layers, if config.json has one: what vLLM does by default."""
    has = config.optional("sliding_window") is not None
    return lambda _index: SLIDING if has else FULL


def no_window(_config: Config) -> Callable[[int], str]:
    """Full attention in all layers, even if config.json has a window."""
    return lambda _index: FULL


def window_in_use(config: Config) -> Callable[[int], str]:
    """Qwen: the window in layers from max_window_layers on, if use_sliding_window is set."""
    used = config.flag("use_sliding_window") and config.optional("sliding_window") is not None
    first = config.optional("max_window_layers") or 0
    return lambda index: SLIDING if used and index >= first else FULL


def every(usual: int, *names: str) -> Reach:
    """Full attention in every n-th layer, the window in the others; without a window, in all.

    usual: n, if config.json has none of the keys `names`.
    """

    def default(config: Config) -> Callable[[int], str]:
        has = config.optional("sliding_window") is not None
        given = config.get(*names) if names else None
        if isinstance(given, str):
            return _lettered(given, has=has)
        interval = (config.optional(*names) if names else None) or usual
        return lambda index: FULL if not has or (index + 1) % interval == 0 else SLIDING

    return default


def _lettered(pattern: str, *, has: bool) -> Callable[[int], str]:
    """Return the reach of a pattern of L for a window and G for full attention."""
    letters = pattern.upper()
    if not letters or set(letters) - {"L", "G"}:
        raise RefusedError(f"not judged yet: layers of the pattern {pattern[:60]!r}")
    return lambda index: SLIDING if has and letters[index % len(letters)] == "L" else FULL


def listed(config: Config) -> Callable[[int], str]:
    """As config.json lists it; RefusedError if it does not."""

    def refuse(_index: int) -> str:
        raise RefusedError(f"not judged yet: {config.place} has no layer_types")

    return refuse


def chunked(config: Config) -> Callable[[int], str]:
    """Llama 4: chunks in layers with rotary positions, full attention in every fourth."""
    interval = config.optional("no_rope_layer_interval") or 4
    rotary = config.per_layer("no_rope_layers", count_of(config))
    has_chunks = config.optional("attention_chunk_size") is not None

    def kind(index: int) -> str:
        is_rotary = bool(rotary[index]) if rotary else (index + 1) % interval != 0
        return CHUNKED if is_rotary and has_chunks else FULL

    return kind


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
        key_value = config.optional("num_key_value_heads", "num_attention_groups") or query
        return cls(query, key_value, dim, dim)

    def keeps(self, reach: Words, *, queries: int = 0) -> Words:
        """Return what a layer with these heads and this window or chunk caches.

        queries: the model's query heads, if they may be others.
        """
        if queries not in (0, self.query):
            reach = {**reach, "num_attention_heads": self.query}
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
    if config.optional("index_topk") is not None:
        if (config.optional("index_topk_freq") or 1) > 1 or config.get("index_topk_pattern"):
            raise RefusedError(f"not judged yet: layers of {config.place} share an indexer")
        config.asked.add("index_skip_topk_offset")  # of layers that share one
        index = config.whole("index_head_dim")
        words["index_head_dim"] = index
        index_heads = config.whole("index_n_heads")
        inputs = (query_rank or hidden) * index_heads * index + hidden * index
        parts += [
            Part("self_attn.indexer", inputs),
            Part("self_attn.indexer.weights_proj", hidden * index_heads, quantised=False),
        ]
    return words, tuple(parts), (query, heads * value)
