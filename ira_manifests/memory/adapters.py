"""GPU memory of LoRA adapters: the buffers that vLLM allocates for them before any is loaded.

Each linear layer gets a pair of matrices for every adapter of a batch: A (rank x input) and B
(output x rank), in 16 bit. q, k and v, and gate and up, are one layer with a pair for each part.
Source: https://github.com/vllm-project/vllm, lora/layers (create_lora_weights); the shapes are
the same in releases 0.19.0 to 0.27.1.
"""

from dataclasses import dataclass

from ira_manifests.memory.accelerator import BatchLimits
from ira_manifests.memory.errors import SettingsError
from ira_manifests.memory.geometry import Geometry
from ira_manifests.memory.layers import Layers
from ira_manifests.memory.recurrent import ELEMENT_BYTES

LARGEST_VOCABULARY = 258_048
"""Entries up to which the output layer can have adapters: lora/layers/logits_processor.py."""

_INT32, _INT64, _FP32 = 4, 8, 4


@dataclass(frozen=True)
class Adapters:
    """What the options of LoRA set; the defaults are vLLM's (config/lora.py).

    Attributes:
        max_loras: adapters of a batch.
        max_lora_rank: the largest rank.
        fully_sharded: A of column-parallel and B of row-parallel layers are split over the GPUs.
        specialize_active: CUDA graphs for several numbers of adapters, not for one.

    Raises SettingsError for a number below 1.
    """

    max_loras: int = 1
    max_lora_rank: int = 16
    fully_sharded: bool = False
    specialize_active: bool = False

    def __post_init__(self) -> None:
        if min(self.max_loras, self.max_lora_rank) < 1:
            raise SettingsError(f"adapters and their rank must be at least 1, got {self}")

    @property
    def graph_sets(self) -> int:
        """Return how many CUDA graphs a batch size has: one without adapters, the others with.

        Source: lora/utils.py (get_captured_lora_counts): max_loras + 1, and with
        `specialize_active` every power of 2 below it.
        """
        more = self.max_loras.bit_length() if self.specialize_active else 0
        return 2 + more


def adapter_memory(
    geometry: Geometry, adapters: Adapters | None, tensor_parallel: int, batch: BatchLimits
) -> tuple[int, int]:
    """Return the bytes of the buffers on one GPU, and those that may come on top of them."""
    if adapters is None:
        return 0, 0
    sure = adapter_bytes(geometry, adapters, tensor_parallel) + index_bytes(adapters, batch)
    return sure, vocabulary_adapter_bytes(geometry, adapters) + product_bytes(adapters, batch)


def adapter_bytes(geometry: Geometry, adapters: Adapters, tensor_parallel: int) -> int:
    """Return the bytes of the pairs of all layers on one GPU: attention layers and a gated MLP."""
    values = sum(
        layers.count * _values(geometry, layers, adapters, tensor_parallel)
        for layers in geometry.attention
    )
    return adapters.max_loras * values * ELEMENT_BYTES


def _values(geometry: Geometry, layers: Layers, adapters: Adapters, gpus: int) -> int:
    rank, hidden = adapters.max_lora_rank, geometry.hidden_size
    split = gpus if adapters.fully_sharded else 1
    heads = (layers.num_attention_heads or geometry.num_attention_heads) // gpus
    kv_heads, value_dim = layers.kv_heads_per_gpu(gpus), layers.v_head_dim or layers.head_dim
    keys_and_values = kv_heads * (layers.head_dim + value_dim)
    inner = geometry.mlp_width // gpus
    # Column-parallel: q, k, v, gate and up read all of the residual stream and write a part.
    column = 5 * rank // split * hidden
    column += (heads * layers.head_dim + keys_and_values + 2 * inner) * rank
    # Row-parallel: o and down read a part and write all of it.
    row = (heads * value_dim + inner) * rank + 2 * (hidden // split) * rank
    return column + row


def vocabulary_adapter_bytes(geometry: Geometry, adapters: Adapters) -> int:
    """Return the bytes of the pairs of the embeddings and of the output layer.

    They are whole on each GPU. Which models have them, their geometry does not say: Llama and Qwen3
    do, Qwen2 and Gemma do not (`embedding_modules` of the model's class).
    """
    values = 2 * (geometry.vocab_size + geometry.hidden_size) * adapters.max_lora_rank
    return adapters.max_loras * values * ELEMENT_BYTES


def index_bytes(adapters: Adapters, batch: BatchLimits) -> int:
    """Return the bytes of the tensors that say which token has which adapter.

    Source: lora/punica_wrapper/punica_base.py, lora/ops/triton_ops/lora_kernel_metadata.py.
    """
    of_tokens = batch.tokens * (5 * _INT64 + 2 * 2 * _INT32)
    of_requests = batch.requests * 3 * _INT64
    return of_tokens + of_requests + 2 * (3 * adapters.max_loras + 4) * _INT32


def product_bytes(adapters: Adapters, batch: BatchLimits) -> int:
    """Return the most bytes that a layer's products with A can take: fp32, for q, k and v.

    Source: lora/punica_wrapper/punica_gpu.py (add_lora_linear).
    """
    return 3 * batch.tokens * adapters.max_lora_rank * _FP32
