"""Layers of one kind and shape, and the bytes that they cache of a token.

Names are those of config.json, except `no_kv_cache`. Sources are files of
https://github.com/vllm-project/vllm, as of release 0.26.0.
"""

from dataclasses import dataclass

from ira_manifests.memory.errors import GeometryError, SplitError
from ira_manifests.memory.layer_checks import (
    require_divides,
    require_positive,
    require_positive_if_set,
)
from ira_manifests.memory.recurrent import (
    GatedDeltaNetLayers,
    Mamba1Layers,
    Mamba2Layers,
    RecurrentLayers,
    StateLayers,
)

_INDEX_BLOCK, _INDEX_SCALE_BYTES = 128, 4


@dataclass(frozen=True)
class Layers:
    """Attention layers that cache keys and values of each token.

    With `sliding_window` a layer attends to a window that moves with the token, with
    `attention_chunk_size` to the token's own chunk, with neither to all tokens (full attention).

    Attributes:
        count: number of these layers in the model.
        num_key_value_heads: key/value heads before tensor parallelism.
        head_dim: elements per head.
        sliding_window: window in tokens.
        attention_chunk_size: chunk in tokens.
        num_attention_heads: query heads, if they differ from the model's.
        v_head_dim: elements per value head, if they differ from ``head_dim``.

    Raises GeometryError when a number is not positive, or if both window and chunk are set.
    """

    count: int
    num_key_value_heads: int
    head_dim: int
    sliding_window: int | None = None
    attention_chunk_size: int | None = None
    num_attention_heads: int | None = None
    v_head_dim: int | None = None

    def __post_init__(self) -> None:
        require_positive(self, "count", "num_key_value_heads", "head_dim")
        require_positive_if_set(
            self, "sliding_window", "attention_chunk_size", "num_attention_heads", "v_head_dim"
        )
        if self.sliding_window is not None and self.attention_chunk_size is not None:
            raise GeometryError(
                f"layers have a sliding_window or an attention_chunk_size, not both, got {self}"
            )

    def kv_heads_per_gpu(self, tensor_parallel: int) -> int:
        """Return the KV heads of one GPU; they are replicated if there are fewer than GPUs."""
        return max(1, self.num_key_value_heads // tensor_parallel)

    def token_bytes(self, tensor_parallel: int, element: int) -> int:
        """Return the bytes that one GPU caches of a token, in one layer.

        `element`: bytes of one cached element.

        Source: vllm/v1/kv_cache_interface.py (FullAttentionSpec, SlidingWindowSpec).
        """
        dims = self.head_dim + (self.v_head_dim or self.head_dim)
        return self.kv_heads_per_gpu(tensor_parallel) * dims * element

    def check_tensor_parallel(self, tensor_parallel: int) -> None:
        """Raise SplitError if KV heads can be neither divided nor replicated evenly."""
        if self.num_attention_heads is not None:
            require_divides(tensor_parallel, self.num_attention_heads, "heads")
        small, large = sorted((self.num_key_value_heads, tensor_parallel))
        if large % small:
            raise SplitError(
                f"tensor parallel {tensor_parallel} neither divides {self.num_key_value_heads} "
                "KV heads nor is a multiple of them"
            )


@dataclass(frozen=True)
class LatentLayers:
    """Layers of multi-head latent attention (MLA), which cache one latent of each token.

    The latent is replicated on every GPU. With `index_head_dim`, a sparse indexer also caches a
    key.

    Attributes:
        count: number of these layers in the model.
        kv_lora_rank, qk_rope_head_dim: elements of the latent, and of the key's rotary part.
        qk_nope_head_dim, v_head_dim: elements per head of the expanded keys and values.
        q_lora_rank: elements of the queries' latent, if there is one.
        index_head_dim, index_n_heads: elements of the indexer's key, and its query heads.

    Raises GeometryError when a number is not positive, or `index_head_dim` no multiple of 128.
    """

    count: int
    kv_lora_rank: int
    qk_rope_head_dim: int
    qk_nope_head_dim: int
    v_head_dim: int
    q_lora_rank: int | None = None
    index_head_dim: int | None = None
    index_n_heads: int | None = None

    def __post_init__(self) -> None:
        require_positive(
            self, "count", "kv_lora_rank", "qk_rope_head_dim", "qk_nope_head_dim", "v_head_dim"
        )
        require_positive_if_set(self, "q_lora_rank", "index_head_dim", "index_n_heads")
        if (self.index_head_dim or 0) % _INDEX_BLOCK:
            raise GeometryError(
                f"index_head_dim must be a multiple of {_INDEX_BLOCK}, got {self.index_head_dim}"
            )

    def replicated_weights(self, hidden_size: int) -> int:
        """Return the number of replicated weights of one layer: down-projections, indexer.

        Source: vllm/model_executor/models/deepseek_v2.py (ReplicatedLinear, disable_tp).
        """
        queries = self.q_lora_rank or 0
        index, heads = self.index_head_dim or 0, self.index_n_heads or 0
        down = hidden_size * (queries + self.kv_lora_rank + self.qk_rope_head_dim)
        return down + queries * index * heads + hidden_size * (index + heads)

    @property
    def index_bytes(self) -> int:
        """Return the bytes of the indexer's key of one token, in one layer: fp8, with fp32 scales.

        It does not depend on the KV cache dtype. Source: vllm/model_executor/models/deepseek_v2.py
        (Indexer).
        """
        dim = self.index_head_dim or 0
        return dim + dim // _INDEX_BLOCK * _INDEX_SCALE_BYTES

    def token_bytes(self, element: int) -> int:
        """Return the bytes that each GPU caches of a token, in one layer.

        `element`: bytes of one cached element.

        Source: vllm/model_executor/layers/attention/mla_attention.py (one KV head of
        kv_lora_rank + qk_rope_head_dim elements, which is both key and value).
        """
        return (self.kv_lora_rank + self.qk_rope_head_dim) * element + self.index_bytes


@dataclass(frozen=True)
class EmptyLayers:
    """Layers without a cache: no attention, or they share the cache of an earlier layer.

    Source: vllm/v1/worker/gpu_model_runner.py (get_kv_cache_spec skips layers that share).

    Attributes:
        count: number of these layers in the model.
        no_kv_cache: always True; marks this kind of layers in a profile.
    """

    count: int
    no_kv_cache: bool = True

    def __post_init__(self) -> None:
        require_positive(self, "count")
        if not self.no_kv_cache:
            raise GeometryError("no_kv_cache must be true where it is given")


AnyLayers = Layers | LatentLayers | RecurrentLayers | EmptyLayers
LAYER_KINDS: tuple[type[AnyLayers], ...] = (
    Layers,
    LatentLayers,
    GatedDeltaNetLayers,
    Mamba2Layers,
    Mamba1Layers,
    StateLayers,
    EmptyLayers,
)
"""All kinds of layers. Fields without a default are required."""
