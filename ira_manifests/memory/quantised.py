"""Weights that vLLM quantises as it loads a checkpoint in 16 bit.

Linear layers and experts are quantised. Embeddings, the output layer, norms and routers are not;
the vision tower is in some models, and counts here as if it were not. Source:
https://github.com/vllm-project/vllm, release 0.26.0, model_executor/layers/quantization
(get_quant_method of fp8.py, online/base.py and bitsandbytes.py).
"""

from ira_manifests.memory.accelerator import gib
from ira_manifests.memory.geometry import Geometry
from ira_manifests.memory.layers import Layers
from ira_manifests.memory.recurrent import ELEMENT_BYTES
from ira_manifests.memory.weights import Weights, rotary_table_bytes

_LARGE_TOWER = 2
"""GiB; the towers of Gemma, Llama and Qwen have 0.8 to 1.6."""

_UNCERTAIN = 50
"""A fiftieth of the weights may be what the geometry does not have: biases, norms, buffers."""


def linear_bytes(geometry: Geometry, weights: Weights, tensor_parallel: int) -> int | None:
    """Return the bytes of one GPU's 16-bit weights that can be quantised; None if not known.

    `linear_gib` where it is given, else computed for dense models of attention layers whose
    total shows that the checkpoint is in 16 bit.
    """
    if weights.quantization:
        return None
    if weights.linear_gib is not None:
        return gib(weights.linear_gib) // tensor_parallel
    whole = _dense_bytes(geometry, 1)
    if whole is None or not _is_of_16_bit(geometry, weights, whole):
        return None
    return _dense_bytes(geometry, tensor_parallel)


def has_other_linear_layers(geometry: Geometry, weights: Weights) -> bool:
    """Return whether the weights show linear layers other than the geometry's.

    What is in a checkpoint that is quantised can't be told from its size.
    """
    if weights.quantization:
        return False
    whole = _dense_bytes(geometry, 1)
    return whole is None or not _is_of_16_bit(geometry, weights, whole)


def _dense_bytes(geometry: Geometry, tensor_parallel: int) -> int | None:
    """Return the bytes of attention and MLP on one GPU; None where the geometry lacks some."""
    if not geometry.is_dense_attention or geometry.intermediate_size is None:
        return None
    attention = sum(
        layers.count * _attention_values(geometry, layers, tensor_parallel)
        for layers in geometry.attention
    )
    mlp = geometry.layer_count * 3 * geometry.hidden_size * geometry.mlp_width // tensor_parallel
    return (attention + mlp) * ELEMENT_BYTES


def _attention_values(geometry: Geometry, layers: Layers, tensor_parallel: int) -> int:
    heads = (layers.num_attention_heads or geometry.num_attention_heads) // tensor_parallel
    held = heads + layers.kv_heads_per_gpu(tensor_parallel)
    return geometry.hidden_size * held * (layers.head_dim + (layers.v_head_dim or layers.head_dim))


def _is_of_16_bit(geometry: Geometry, weights: Weights, linear: int) -> bool:
    """Return whether the total is that of the layers and of one or two embedding tables."""
    total = gib(weights.total_gib)
    table = geometry.vocab_size * geometry.hidden_size * ELEMENT_BYTES
    rest = total - linear - rotary_table_bytes(geometry)
    tower = gib(weights.vision_gib or (_LARGE_TOWER if geometry.image_values_per_token else 0))
    slack = total // _UNCERTAIN
    return table - slack <= rest <= 2 * table + tower + slack


def dequantised_bytes(geometry: Geometry, tensor_parallel: int, tokens: int) -> int:
    """Return the working memory of a product with weights of bitsandbytes, in bytes.

    The largest matrix in 16 bit, and its output for all tokens of a batch before it is copied to
    its place. Source: _apply_bnb_4bit of model_executor/layers/quantization/bitsandbytes.py.
    """
    hidden, width = geometry.hidden_size, geometry.mlp_width // tensor_parallel
    heads = geometry.num_attention_heads * geometry.head_dim // tensor_parallel
    wide = max(width, heads)
    return (hidden * wide + tokens * max(wide, hidden)) * ELEMENT_BYTES
