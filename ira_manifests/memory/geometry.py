"""A model's shape, as far as GPU memory depends on it, in the words of its config.json.

What config.json says of all layers at once (`num_key_value_heads`, `head_dim`, `sliding_window`,
`attention_chunk_size`) is said here of each group of equal layers. It has no words for `count`,
`layers` and `image_values_per_token`.
"""

from dataclasses import dataclass
from functools import cached_property

from ira_manifests.memory.errors import GeometryError, SplitError

ELEMENT_BYTES = 2
"""Bytes of an activation or an unquantised weight: models are served in bf16 or fp16."""


@dataclass(frozen=True)
class Layers:
    """Layers of one shape, which attend equally far back.

    With `sliding_window` a layer attends to a window that moves with the token, with
    `attention_chunk_size` to the token's own chunk, with neither to all tokens (full attention).

    Attributes:
        count: how many there are in the model.
        num_key_value_heads: key/value heads before tensor parallelism.
        head_dim: elements per head.
        sliding_window: window in tokens.
        attention_chunk_size: chunk in tokens.

    Raises GeometryError when a number is not positive, or for a window and a chunk at once.
    """

    count: int
    num_key_value_heads: int
    head_dim: int
    sliding_window: int | None = None
    attention_chunk_size: int | None = None

    def __post_init__(self) -> None:
        _require_positive(self, "count", "num_key_value_heads", "head_dim")
        _require_positive_if_set(self, "sliding_window", "attention_chunk_size")
        if self.sliding_window is not None and self.attention_chunk_size is not None:
            raise GeometryError(
                f"layers have a sliding_window or an attention_chunk_size, not both, got {self}"
            )

    def kv_heads_per_gpu(self, tensor_parallel: int) -> int:
        """Return the KV heads one GPU holds: divided, or replicated when there are too few."""
        return max(1, self.num_key_value_heads // tensor_parallel)


@dataclass(frozen=True)
class Experts:
    """A mixture of experts.

    Attributes:
        num_experts_per_tok: how many of the experts see a token.
        moe_intermediate_size: inner width of one expert; some models (Mixtral, gpt-oss, Llama 4)
            call it `intermediate_size`.

    Raises GeometryError when a number is not positive.
    """

    num_experts_per_tok: int
    moe_intermediate_size: int

    def __post_init__(self) -> None:
        _require_positive(self, "num_experts_per_tok", "moe_intermediate_size")


@dataclass(frozen=True)
class Geometry:
    """A model's shape.

    Attributes:
        num_attention_heads: query heads (of the layers that have most).
        hidden_size: width of the residual stream.
        vocab_size: vocabulary entries.
        max_position_embeddings: longest context the model was made for, in tokens.
        layers: its attention layers by shape; at least one.
        intermediate_size: inner width of the dense MLP; None takes 3.5 times ``hidden_size``.
        experts: set for a mixture of experts.
        image_values_per_token: for a model with a vision tower, input values (pixels times
            channels) behind one image token: ``3 * (patch * pooling) ** 2``.

    Raises GeometryError when a number is not positive or there is no layer.
    """

    num_attention_heads: int
    hidden_size: int
    vocab_size: int
    max_position_embeddings: int
    layers: tuple[Layers, ...]
    intermediate_size: int | None = None
    experts: Experts | None = None
    image_values_per_token: int = 0

    def __post_init__(self) -> None:
        _require_positive(
            self, "num_attention_heads", "hidden_size", "vocab_size", "max_position_embeddings"
        )
        _require_positive_if_set(self, "intermediate_size")
        if not self.layers:
            raise GeometryError("a model needs at least one layer, but layers is empty")
        if self.image_values_per_token < 0:
            raise GeometryError(
                f"image_values_per_token must not be negative, got {self.image_values_per_token}"
            )

    @cached_property
    def layer_count(self) -> int:
        """Return the number of attention layers."""
        return sum(layers.count for layers in self.layers)

    @cached_property
    def head_dim(self) -> int:
        """Return the widest head's elements."""
        return max(layers.head_dim for layers in self.layers)

    @cached_property
    def is_moe(self) -> bool:
        """Return whether the model is a mixture of experts."""
        return self.experts is not None

    @cached_property
    def mlp_width(self) -> int:
        """Return the dense MLP's inner width; 0 for a mixture of experts that names none."""
        if self.intermediate_size is not None:
            return self.intermediate_size
        return 0 if self.is_moe else _usual_mlp_width(self.hidden_size)

    def check_tensor_parallel(self, tensor_parallel: int) -> None:
        """Raise SplitError if vLLM would refuse to split the model over so many GPUs.

        Source: vLLM's model classes assert that the query heads divide, and that the KV heads
        divide or are replicated a whole number of times.
        """
        if tensor_parallel < 1:
            raise SplitError(f"tensor parallel must be at least 1, got {tensor_parallel}")
        heads = self.num_attention_heads
        if heads % tensor_parallel:
            raise SplitError(f"tensor parallel {tensor_parallel} does not divide {heads} heads")
        for layers in self.layers:
            kv_heads = layers.num_key_value_heads
            small, large = sorted((kv_heads, tensor_parallel))
            if large % small:
                raise SplitError(
                    f"tensor parallel {tensor_parallel} neither divides {kv_heads} KV heads "
                    "nor is a multiple of them"
                )


def _usual_mlp_width(hidden_size: int) -> int:
    # Llama 3 and its kin: 14336 / 4096 and 28672 / 8192.
    return hidden_size * 7 // 2


def _require_positive(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        if value < 1:
            raise GeometryError(f"{name} must be at least 1, got {value}")


def _require_positive_if_set(owner: object, *names: str) -> None:
    _require_positive(owner, *(name for name in names if getattr(owner, name) is not None))
