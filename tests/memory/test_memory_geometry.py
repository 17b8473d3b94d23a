"""Impossible models, and splits of a model that vLLM would refuse, have different errors."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ira_manifests.memory import (
    Accelerator,
    BatchLimits,
    Experts,
    Geometry,
    GeometryError,
    Layers,
    MemoryInputError,
    SettingsError,
    gib,
)
from ira_manifests.vllm import Release
from ira_manifests.vllm.changes import ReleaseFacts, facts_of
from tests.memory.models import (
    A100_40GB,
    A100_80GB,
    B200,
    GEMMA3_27B,
    H100,
    H200,
    L4,
    LLAMA4_SCOUT,
    LLAMA31_8B,
    LLAMA33_70B,
    full,
)


def test_every_error_of_the_package_is_a_value_error() -> None:
    assert issubclass(GeometryError, MemoryInputError)
    assert issubclass(MemoryInputError, ValueError)


def test_a_model_without_layers_is_refused() -> None:
    with pytest.raises(GeometryError, match="at least one layer"):
        replace(LLAMA31_8B, layers=())


def test_zero_layers_of_a_kind_are_refused() -> None:
    with pytest.raises(GeometryError, match="count must be at least 1, got 0"):
        full(0, 8, 128)


@pytest.mark.parametrize(
    "name", ["num_attention_heads", "hidden_size", "vocab_size", "max_position_embeddings"]
)
def test_a_number_that_is_not_positive_is_refused_by_name(name: str) -> None:
    numbers: dict[str, Any] = {
        "num_attention_heads": 32,
        "hidden_size": 4096,
        "vocab_size": 128256,
        "max_position_embeddings": 8192,
        name: 0,
    }
    with pytest.raises(GeometryError, match=f"{name} must be at least 1, got 0"):
        Geometry(layers=(full(32, 8, 128),), **numbers)


def test_a_model_without_an_inner_layer_is_refused() -> None:
    with pytest.raises(GeometryError, match="intermediate_size must be at least 1, got 0"):
        replace(LLAMA31_8B, intermediate_size=0)


def test_negative_image_values_are_refused() -> None:
    with pytest.raises(GeometryError, match="must not be negative, got -1"):
        replace(GEMMA3_27B, image_values_per_token=-1)


def test_experts_that_see_no_token_are_refused() -> None:
    with pytest.raises(GeometryError, match="num_experts_per_tok must be at least 1"):
        Experts(num_experts_per_tok=0, moe_intermediate_size=2880)


def test_layers_with_a_window_and_a_chunk_are_refused() -> None:
    with pytest.raises(GeometryError, match="sliding_window or an attention_chunk_size, not both"):
        Layers(1, 8, 128, sliding_window=1024, attention_chunk_size=8192)


@pytest.mark.parametrize("name", ["sliding_window", "attention_chunk_size"])
def test_a_window_or_chunk_of_no_token_is_refused(name: str) -> None:
    with pytest.raises(GeometryError, match=f"{name} must be at least 1, got 0"):
        Layers(1, 8, 128, **{name: 0})


def test_tensor_parallel_must_divide_the_heads() -> None:
    with pytest.raises(GeometryError, match="3 does not divide 64 heads"):
        LLAMA33_70B.check_tensor_parallel(3)


def test_tensor_parallel_must_divide_or_multiply_the_kv_heads() -> None:
    odd = replace(LLAMA31_8B, num_attention_heads=24, layers=(full(32, 4, 128),))
    with pytest.raises(GeometryError, match="6 neither divides 4 KV heads"):
        odd.check_tensor_parallel(6)


def test_tensor_parallel_of_no_gpu_is_refused() -> None:
    with pytest.raises(GeometryError, match="at least 1, got 0"):
        LLAMA31_8B.check_tensor_parallel(0)


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_scout_splits_over_1_2_4_and_8_gpus(size: int) -> None:
    LLAMA4_SCOUT.check_tensor_parallel(size)


def test_scout_does_not_split_over_16_gpus() -> None:
    with pytest.raises(GeometryError, match="16 does not divide 40 heads"):
        LLAMA4_SCOUT.check_tensor_parallel(16)


@pytest.mark.parametrize(
    ("accelerator", "tokens", "requests"),
    [
        (H100, 8192, 1024),
        (H200, 8192, 1024),
        (A100_80GB, 2048, 256),
        (A100_40GB, 2048, 256),
        (L4, 2048, 256),
    ],
)
def test_batches_are_large_from_70_gib_on_except_on_an_a100(
    accelerator: Accelerator, tokens: int, requests: int
) -> None:
    """Expected: the defaults of vLLM's engine/arg_utils.py for the API server."""
    assert accelerator.default_batch(ReleaseFacts()) == BatchLimits(tokens, requests)


@pytest.mark.parametrize(
    ("accelerator", "engine", "tokens"),
    [(B200, "0.27.1", 8192), (B200, "0.28.0", 16384), (H200, "0.28.0", 8192)],
)
def test_gpus_of_160_gib_take_16384_tokens_from_0_28(
    accelerator: Accelerator, engine: str, tokens: int
) -> None:
    """Expected: vLLM's engine/arg_utils.py of these releases."""
    facts = facts_of(Release.parse(engine))
    assert accelerator.default_batch(facts) == BatchLimits(tokens, 1024)


def test_an_accelerator_without_memory_is_refused() -> None:
    with pytest.raises(SettingsError, match="needs memory"):
        Accelerator("nvidia-l4", Decimal(0))


def test_a_batch_of_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match="at least 1 token and 1 request"):
        BatchLimits(tokens=0, requests=1)


def test_gibibytes_become_whole_bytes() -> None:
    assert gib("0.5") == 536870912
    assert gib(2) == 2147483648
