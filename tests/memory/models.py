"""Models and GPUs of the matrix, as their published configs and torch describe them."""

from decimal import Decimal

from ira_manifests.memory import (
    Accelerator,
    Experts,
    Geometry,
    Layers,
    Serving,
    Weights,
)
from ira_manifests.vllm import Release

L4 = Accelerator("nvidia-l4", Decimal("22.03"), multiprocessors=58)
H100 = Accelerator("nvidia-h100-80gb", Decimal("79.19"))
H200 = Accelerator("nvidia-h200-141gb", Decimal("139.80"))
A100_40GB = Accelerator("nvidia-tesla-a100", Decimal("39.49"), is_a100=True, multiprocessors=108)
A100_80GB = Accelerator("nvidia-a100-80gb", Decimal("79.25"), is_a100=True, multiprocessors=108)
B200 = Accelerator("nvidia-b200", Decimal("178.36"), multiprocessors=148)


def full(count: int, kv_heads: int, head_dim: int) -> Layers:
    """Return layers with full attention."""
    return Layers(count, kv_heads, head_dim)


def sliding(count: int, kv_heads: int, head_dim: int, window: int) -> Layers:
    """Return layers with a sliding window."""
    return Layers(count, kv_heads, head_dim, sliding_window=window)


def chunked(count: int, kv_heads: int, head_dim: int, chunk: int) -> Layers:
    """Return layers with chunked local attention."""
    return Layers(count, kv_heads, head_dim, attention_chunk_size=chunk)


GEMMA3_IMAGE_VALUES = 896 * 896 * 3 // 256

GEMMA3_27B = Geometry(
    num_attention_heads=32,
    hidden_size=5376,
    vocab_size=262208,
    max_position_embeddings=131072,
    intermediate_size=21504,
    layers=(sliding(52, 16, 128, 1024), full(10, 16, 128)),
    image_values_per_token=GEMMA3_IMAGE_VALUES,
)
GEMMA3_12B = Geometry(
    num_attention_heads=16,
    hidden_size=3840,
    vocab_size=262208,
    max_position_embeddings=131072,
    intermediate_size=15360,
    layers=(sliding(40, 8, 256, 1024), full(8, 8, 256)),
    image_values_per_token=GEMMA3_IMAGE_VALUES,
)
GEMMA3_4B = Geometry(
    num_attention_heads=8,
    hidden_size=2560,
    vocab_size=262208,
    max_position_embeddings=131072,
    intermediate_size=10240,
    layers=(sliding(29, 4, 256, 1024), full(5, 4, 256)),
    image_values_per_token=GEMMA3_IMAGE_VALUES,
)
GEMMA4_31B = Geometry(
    num_attention_heads=32,
    hidden_size=5376,
    vocab_size=262144,
    max_position_embeddings=262144,
    layers=(sliding(50, 16, 256, 1024), full(10, 4, 512)),
)
LLAMA31_8B = Geometry(
    num_attention_heads=32,
    hidden_size=4096,
    vocab_size=128256,
    max_position_embeddings=131072,
    intermediate_size=14336,
    layers=(full(32, 8, 128),),
)
LLAMA33_70B = Geometry(
    num_attention_heads=64,
    hidden_size=8192,
    vocab_size=128256,
    max_position_embeddings=131072,
    intermediate_size=28672,
    layers=(full(80, 8, 128),),
)
LLAMA4_SCOUT = Geometry(
    num_attention_heads=40,
    hidden_size=5120,
    vocab_size=202048,
    max_position_embeddings=10485760,
    intermediate_size=8192,
    layers=(chunked(36, 8, 128, 8192), full(12, 8, 128)),
    experts=Experts(num_experts_per_tok=1, moe_intermediate_size=8192),
    image_values_per_token=3 * (14 * 2) ** 2,
)
GPT_OSS_20B = Geometry(
    num_attention_heads=64,
    hidden_size=2880,
    vocab_size=201088,
    max_position_embeddings=131072,
    layers=(sliding(12, 8, 64, 128), full(12, 8, 64)),
    experts=Experts(num_experts_per_tok=4, moe_intermediate_size=2880),
)

WEIGHTS = {
    "gemma3-27b": Weights(Decimal("51.45")),
    "llama3": Weights(Decimal("131.42")),
    "llama4-scout": Weights(Decimal("205.04"), {2: Decimal("103.77")}),
    "gpt-oss-20b": Weights(Decimal("13.64")),
}
GEOMETRIES = {
    "gemma3-27b": GEMMA3_27B,
    "llama3": LLAMA33_70B,
    "llama4-scout": LLAMA4_SCOUT,
    "gpt-oss-20b": GPT_OSS_20B,
}


def serving(
    model: str,
    accelerator: Accelerator = H100,
    *,
    tensor_parallel: int = 1,
    max_model_len: int = 131072,
    utilization: str = "0.95",
    engine: str = "0.26.0",
) -> Serving:
    """Return one of the models above on a GPU."""
    return Serving(
        geometry=GEOMETRIES[model],
        weights=WEIGHTS[model],
        accelerator=accelerator,
        engine=Release.parse(engine),
        tensor_parallel=tensor_parallel,
        max_model_len=max_model_len,
        utilization=Decimal(utilization),
    )


CELLS = {
    "l4-gemma3-27b": serving("gemma3-27b", L4, tensor_parallel=8, utilization="0.80"),
    "h100-gemma3-27b": serving("gemma3-27b"),
    "h100-llama3": serving("llama3", tensor_parallel=4),
    "h100-llama4-scout": serving("llama4-scout", tensor_parallel=8, max_model_len=1000000),
    "h200-gemma3-27b": serving("gemma3-27b", H200),
    "h200-llama3": serving("llama3", H200, tensor_parallel=4),
    "h200-llama4-scout": serving("llama4-scout", H200, tensor_parallel=8, max_model_len=3600000),
}
"""The matrix: GPU and model, with their GPUs, utilization and context."""
