"""Weights per GPU, against the measured rows; unsplit tensors are whole on every GPU."""

from dataclasses import replace
from decimal import Decimal

import pytest

from ira_manifests.memory import GIB, Geometry, SettingsError, Weights, gib
from ira_manifests.memory.weights import rotary_table_bytes
from tests.memory.models import GPT_OSS_20B, LLAMA4_SCOUT, LLAMA31_8B, WEIGHTS, full

QWEN25_7B = Geometry(
    num_attention_heads=28,
    hidden_size=3584,
    vocab_size=152064,
    max_position_embeddings=32768,
    layers=(full(28, 4, 128),),
)


@pytest.mark.parametrize(
    ("geometry", "total", "size", "logged"),
    [
        (LLAMA31_8B, "14.99", 2, 7.51),
        (QWEN25_7B, "14.25", 2, 7.12),
        (QWEN25_7B, "14.25", 4, 3.55),
    ],
)
def test_weights_per_gpu_match_the_logged_ones(
    geometry: Geometry, total: str, size: int, logged: float
) -> None:
    """Expected: tests/data/vllm-memory-measured.csv."""
    per_gpu = Weights(Decimal(total)).per_gpu(geometry, size) / GIB
    assert per_gpu == pytest.approx(logged, abs=0.02)


def test_one_gpu_holds_the_total() -> None:
    assert Weights(Decimal("1.5")).per_gpu(LLAMA31_8B, 1) == 3 * GIB // 2


def test_a_measured_size_is_taken_as_it_is() -> None:
    weights = Weights(Decimal("207.5"), {2: Decimal("103.75")})
    assert weights.per_gpu(LLAMA4_SCOUT, 2) == 415 * GIB // 4


def test_the_rotary_table_of_ten_million_tokens_is_two_and_a_half_gib() -> None:
    """10,485,760 positions of 128 values of 2 bytes."""
    assert rotary_table_bytes(LLAMA4_SCOUT) == 5 * GIB // 2


def test_every_gpu_holds_the_rotary_table_whole() -> None:
    """Scout at TP2 is 103.77 GiB a GPU, 2.5 of it whole: (103.77 - 2.5) / 4 + 2.5 at TP8."""
    per_gpu = WEIGHTS["llama4-scout"].per_gpu(LLAMA4_SCOUT, 8) / GIB
    assert per_gpu == pytest.approx(27.8175, abs=1e-6)


def test_replicated_kv_heads_cost_weights() -> None:
    """4 KV heads on 8 GPUs: each GPU holds a whole head, twice its share of the projections."""
    geometry = replace(QWEN25_7B, num_attention_heads=32)
    weights = Weights(Decimal(14))
    shared = rotary_table_bytes(geometry)
    even = (14 * GIB - shared) // 8 + shared
    # 28 layers, keys and values, half a head of 128 x 3584 bf16 values each.
    assert weights.per_gpu(geometry, 8) - even == 28 * 2 * 64 * 3584 * 2


@pytest.mark.parametrize(
    ("geometry", "total", "size", "logged", "agree"),
    [
        (LLAMA31_8B, "14.99", 2, "7.51", True),
        (QWEN25_7B, "14.25", 4, "3.55", True),
        (GPT_OSS_20B, "13.64", 2, "7.01", True),
        (LLAMA4_SCOUT, "205.04", 2, "103.77", True),
        (LLAMA4_SCOUT, "207.5", 2, "103.77", False),
        (LLAMA31_8B, "14.99", 2, "14.99", False),
        (LLAMA31_8B, "14.99", 1, "13", False),
    ],
)
def test_a_log_and_the_total_agree_or_contradict_each_other(
    geometry: Geometry, total: str, size: int, logged: str, *, agree: bool
) -> None:
    """Expected: the measured rows and points. Scout holds 2.5 GiB whole: 2 × 101.27 + 2.5."""
    least, most = Weights(Decimal(total)).bounds(geometry, size)
    assert (least <= gib(logged) <= most) is agree


@pytest.mark.parametrize("total", ["0", "-1"])
def test_weights_of_nothing_are_refused(total: str) -> None:
    with pytest.raises(SettingsError, match="more than 0 GiB"):
        Weights(Decimal(total))


def test_a_measured_size_of_no_gpu_is_refused() -> None:
    with pytest.raises(SettingsError, match="more than 0 GiB"):
        Weights(Decimal(1), {0: Decimal(1)})


def test_weights_can_be_looked_up_in_a_set() -> None:
    assert len({Weights(Decimal(1), {2: Decimal("0.5")}), Weights(Decimal(1))}) == 2
