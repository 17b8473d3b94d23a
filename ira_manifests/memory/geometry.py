"""A model's shape, as far as GPU memory depends on it: the numbers of its config.json.

`heads` is num_attention_heads there, `hidden` hidden_size, `vocab` vocab_size, `max_position`
max_position_embeddings and `intermediate` intermediate_size; of `Layers`, `count` is of
num_hidden_layers, `kv_heads` num_key_value_heads, and `span` sliding_window or
attention_chunk_size.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from ira_manifests.memory.errors import GeometryError, SplitError

ELEMENT_BYTES = 2
"""Bytes of an activation or an unquantised weight: models are served in bf16 or fp16."""


class LayerKind(StrEnum):
    """How far back a layer looks: everything, a sliding window, or its own chunk."""

    FULL = "full"
    SLIDING = "sliding window"
    CHUNKED = "chunked"


@dataclass(frozen=True)
class Layers:
    """Layers of one kind and shape.

    Attributes:
        count: how many there are in the model.
        kv_heads: key/value heads before tensor parallelism.
        head_dim: elements per head.
        kind: full, sliding window or chunked.
        span: window or chunk in tokens; None for full attention.

    Raises GeometryError when a number is not positive or ``span`` does not suit ``kind``.
    """

    count: int
    kv_heads: int
    head_dim: int
    kind: LayerKind = LayerKind.FULL
    span: int | None = None

    def __post_init__(self) -> None:
        _require_positive(self, "count", "kv_heads", "head_dim")
        if self.kind is LayerKind.FULL and self.span is not None:
            raise GeometryError(f"full attention layers have no span, but got {self.span}")
        if self.kind is not LayerKind.FULL and (self.span is None or self.span < 1):
            raise GeometryError(f"{self.kind} layers need a span of at least 1, got {self.span}")

    def kv_heads_per_gpu(self, tensor_parallel: int) -> int:
        """Return the KV heads one GPU holds: divided, or replicated when there are too few."""
        return max(1, self.kv_heads // tensor_parallel)


@dataclass(frozen=True)
class Experts:
    """A mixture of experts: how many of them see a token, and each one's inner width."""

    per_token: int
    intermediate: int

    def __post_init__(self) -> None:
        _require_positive(self, "per_token", "intermediate")


@dataclass(frozen=True)
class Geometry:
    """A model's shape.

    Attributes:
        heads: query heads (of the layers that have most).
        hidden: width of the residual stream.
        vocab: vocabulary entries.
        max_position: longest context the model was made for, in tokens.
        layers: its attention layers by kind and shape; at least one.
        intermediate: inner width of the dense MLP; None takes 3.5 times ``hidden``.
        experts: set for a mixture of experts.
        image_values_per_token: for a model with a vision tower, input values (pixels times
            channels) behind one image token: ``3 * (patch * pooling) ** 2``.

    Raises GeometryError when a number is not positive or there is no layer.
    """

    heads: int
    hidden: int
    vocab: int
    max_position: int
    layers: tuple[Layers, ...]
    intermediate: int | None = None
    experts: Experts | None = None
    image_values_per_token: int = 0

    def __post_init__(self) -> None:
        _require_positive(self, "heads", "hidden", "vocab", "max_position")
        if not self.layers:
            raise GeometryError("a model needs at least one layer, but layers is empty")
        if self.intermediate is not None and self.intermediate < 1:
            raise GeometryError(f"intermediate must be at least 1, got {self.intermediate}")
        if self.image_values_per_token < 0:
            raise GeometryError(
                f"image_values_per_token must not be negative, got {self.image_values_per_token}"
            )

    @cached_property
    def layer_count(self) -> int:
        """Return the number of attention layers of every kind."""
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
        if self.intermediate is not None:
            return self.intermediate
        return 0 if self.is_moe else _usual_mlp_width(self.hidden)

    def check_tensor_parallel(self, tensor_parallel: int) -> None:
        """Raise SplitError if vLLM would refuse to split the model over so many GPUs.

        Source: vLLM's model classes assert that the query heads divide, and that the KV heads
        divide or are replicated a whole number of times.
        """
        if tensor_parallel < 1:
            raise SplitError(f"tensor parallel must be at least 1, got {tensor_parallel}")
        if self.heads % tensor_parallel:
            raise SplitError(
                f"tensor parallel {tensor_parallel} does not divide {self.heads} heads"
            )
        for layers in self.layers:
            small, large = sorted((layers.kv_heads, tensor_parallel))
            if large % small:
                raise SplitError(
                    f"tensor parallel {tensor_parallel} neither divides {layers.kv_heads} KV heads "
                    "nor is a multiple of them"
                )


def _usual_mlp_width(hidden: int) -> int:
    # Llama 3 and its kin: 14336 / 4096 and 28672 / 8192.
    return hidden * 7 // 2


def _require_positive(owner: object, *names: str) -> None:
    for name in names:
        value = getattr(owner, name)
        if value < 1:
            raise GeometryError(f"{name} must be at least 1, got {value}")
