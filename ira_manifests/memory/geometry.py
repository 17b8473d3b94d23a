"""A model's shape, as far as GPU memory depends on it, with the names of its config.json.

Values that config.json has once for all layers (`num_key_value_heads`, `head_dim`,
`sliding_window`, `attention_chunk_size`) belong to a group of equal layers here. `count`, `layers`
and `image_values_per_token` are not in config.json.
"""

from dataclasses import dataclass
from functools import cached_property

from ira_manifests.memory.errors import GeometryError, SplitError
from ira_manifests.memory.layer_checks import require_positive, require_positive_if_set
from ira_manifests.memory.layers import AnyLayers, EmptyLayers, LatentLayers, Layers
from ira_manifests.memory.recurrent import RecurrentLayers


@dataclass(frozen=True)
class Experts:
    """A mixture of experts.

    Attributes:
        num_experts_per_tok: experts that process each token.
        moe_intermediate_size: inner width of one expert; some models (Mixtral, gpt-oss, Llama 4)
            call it `intermediate_size`.
        num_experts: experts of a layer, without shared ones; None where it is not known.
        first_k_dense_replace: layers at the start without experts, all others having them; None
            where that is not known.

    Raises GeometryError when a number is not positive.
    """

    num_experts_per_tok: int
    moe_intermediate_size: int
    num_experts: int | None = None
    first_k_dense_replace: int | None = None

    def __post_init__(self) -> None:
        require_positive(self, "num_experts_per_tok", "moe_intermediate_size")
        require_positive_if_set(self, "num_experts")


@dataclass(frozen=True)
class Geometry:
    """A model's shape.

    Attributes:
        num_attention_heads: query heads, the maximum over all layers.
        hidden_size: width of the residual stream.
        vocab_size: vocabulary entries.
        max_position_embeddings: longest context that the model supports, in tokens.
        layers: its layers by kind and shape; at least one with a cache.
        intermediate_size: inner width of the dense MLP; None: 3.5 times ``hidden_size``.
        experts: set for a mixture of experts.
        image_values_per_token: for a model with a vision tower, input values (pixels times
            channels) behind one image token: ``3 * (patch * pooling) ** 2``.
        layer_order: indices into ``layers``, repeated, as the model has its layers; empty where
            it is not known.

    Raises GeometryError when a number is not positive or no layer has a cache.
    """

    num_attention_heads: int
    hidden_size: int
    vocab_size: int
    max_position_embeddings: int
    layers: tuple[AnyLayers, ...]
    intermediate_size: int | None = None
    experts: Experts | None = None
    image_values_per_token: int = 0
    layer_order: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        require_positive(
            self, "num_attention_heads", "hidden_size", "vocab_size", "max_position_embeddings"
        )
        require_positive_if_set(self, "intermediate_size")
        if not self.layers:
            raise GeometryError("a model needs at least one layer, but layers is empty")
        if all(isinstance(layers, EmptyLayers) for layers in self.layers):
            raise GeometryError("a model needs a layer with a cache, but none has one")
        if self.image_values_per_token < 0:
            raise GeometryError(
                f"image_values_per_token must not be negative, got {self.image_values_per_token}"
            )

    @cached_property
    def layer_count(self) -> int:
        """Return the number of layers."""
        return sum(layers.count for layers in self.layers)

    @cached_property
    def attention(self) -> tuple[Layers, ...]:
        """Return the layers that cache keys and values."""
        return tuple(layers for layers in self.layers if isinstance(layers, Layers))

    @cached_property
    def latent(self) -> tuple[LatentLayers, ...]:
        """Return the layers that cache a latent."""
        return tuple(layers for layers in self.layers if isinstance(layers, LatentLayers))

    @cached_property
    def recurrent(self) -> tuple[RecurrentLayers, ...]:
        """Return the layers that cache a state of each sequence."""
        return tuple(layers for layers in self.layers if isinstance(layers, RecurrentLayers))

    @cached_property
    def head_dim(self) -> int:
        """Return the elements of the widest head; 0 without attention."""
        of_latents = [layers.qk_nope_head_dim + layers.qk_rope_head_dim for layers in self.latent]
        return max([*(layers.head_dim for layers in self.attention), *of_latents], default=0)

    @cached_property
    def rotary_dim(self) -> int:
        """Return the maximum of rotary elements per head; 0 without attention."""
        of_latents = [layers.qk_rope_head_dim for layers in self.latent]
        return max([*(layers.head_dim for layers in self.attention), *of_latents], default=0)

    @cached_property
    def has_own_values(self) -> bool:
        """Return whether values and keys differ in width in some layer."""
        return any(
            (layers.v_head_dim or layers.head_dim) != layers.head_dim for layers in self.attention
        )

    @cached_property
    def is_moe(self) -> bool:
        """Return whether the model is a mixture of experts."""
        return self.experts is not None

    @cached_property
    def is_dense_attention(self) -> bool:
        """Return whether all layers have attention with keys and values, and a dense MLP."""
        return not self.is_moe and len(self.attention) == len(self.layers)

    @cached_property
    def mlp_width(self) -> int:
        """Return the dense MLP's inner width; 0 for a mixture of experts without one."""
        if self.intermediate_size is not None:
            return self.intermediate_size
        return 0 if self.is_moe else _usual_mlp_width(self.hidden_size)

    def check_tensor_parallel(self, tensor_parallel: int) -> None:
        """Raise SplitError if vLLM can't split the model over ``tensor_parallel`` GPUs.

        Source: vLLM's model classes assert that the number of query heads is divisible, and that
        KV heads are divisible or replicated a whole number of times. A latent is replicated.
        """
        if tensor_parallel < 1:
            raise SplitError(f"tensor parallel must be at least 1, got {tensor_parallel}")
        heads = self.num_attention_heads
        if heads % tensor_parallel:
            raise SplitError(f"tensor parallel {tensor_parallel} does not divide {heads} heads")
        for layers in (*self.attention, *self.recurrent):
            layers.check_tensor_parallel(tensor_parallel)


def _usual_mlp_width(hidden_size: int) -> int:
    # The ratio of Llama 3: 14336 / 4096 and 28672 / 8192.
    return hidden_size * 7 // 2
