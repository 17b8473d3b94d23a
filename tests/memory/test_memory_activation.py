"""The profile's peak is the tensors that are live, in the sampler or in the layers."""

from dataclasses import replace

import pytest

from ira_manifests.memory import (
    GIB,
    BatchLimits,
    Experts,
    activation,
    logits_bytes,
)
from ira_manifests.memory.activation import Activation, expert_workspace_bytes
from ira_manifests.vllm import Release
from ira_manifests.vllm.changes import ReleaseFacts, facts_of
from testing.measured import measured_rows
from tests.memory.models import B200, GEMMA3_4B, GEMMA3_27B, H100, L4, LLAMA31_8B, LLAMA33_70B

LARGE = BatchLimits(8192, 1024)
ROWS = {(row.model, row.serving.tensor_parallel): row for row in measured_rows()}


def facts(text: str) -> ReleaseFacts:
    return facts_of(Release.parse(text))


@pytest.mark.parametrize("key", ROWS, ids=lambda key: f"{key[0].split('/')[1]}-tp{key[1]}")
def test_the_peak_matches_the_logged_one(key: tuple[str, int]) -> None:
    """Expected: tests/data/vllm-memory-measured.csv; no constant was fitted to it."""
    row = ROWS[key]
    item = row.serving
    peak = activation(
        item.geometry, item.accelerator, item.facts, item.tensor_parallel, item.batch_limits
    ).peak
    assert peak / GIB == pytest.approx(float(row.activation_gib), abs=0.05)


def test_the_sort_of_older_engines_matches_a_public_log() -> None:
    """9.96 GiB for gemma-3-4b-it on B200 with 16384 tokens: vLLM pull request 21489 (2025-07)."""
    batch = BatchLimits(16384, 1024)
    peak = activation(GEMMA3_4B, B200, facts("0.11.1"), 1, batch).peak
    assert peak / GIB == pytest.approx(9.96, rel=0.01)


def test_a_small_vocabulary_leaves_the_peak_to_the_layers() -> None:
    small = replace(LLAMA31_8B, vocab_size=32000)
    result = activation(small, H100, facts("0.19.0"), 1, LARGE)
    assert result.layers > result.sampler
    assert 0.75 <= result.peak / GIB <= 1.2


def test_a_large_vocabulary_gives_the_peak_to_the_sampler() -> None:
    result = activation(GEMMA3_27B, H100, facts("0.19.0"), 1, LARGE)
    assert result.sampler > result.layers


def test_the_sampler_does_not_shrink_with_tensor_parallelism() -> None:
    one, eight = (
        activation(LLAMA33_70B, H100, facts("0.19.0"), size, LARGE).peak for size in (1, 8)
    )
    assert one == eight


def test_the_layers_shrink_with_tensor_parallelism() -> None:
    one, eight = (
        activation(LLAMA33_70B, H100, facts("0.19.0"), size, LARGE).layers for size in (1, 8)
    )
    assert eight < one


def test_a_small_gpu_samples_a_quarter_of_the_requests() -> None:
    assert logits_bytes(GEMMA3_27B, L4.default_batch(ReleaseFacts())) * 4 == logits_bytes(
        GEMMA3_27B, H100.default_batch(ReleaseFacts())
    )


def test_no_more_requests_are_sampled_than_tokens_are_batched() -> None:
    assert logits_bytes(LLAMA31_8B, BatchLimits(16, 1024)) == 16 * 128256 * 4


def test_mixtral_on_two_gpus_keeps_two_buffers_for_its_experts() -> None:
    """8192 tokens x 2 experts in rows of 7168 activated and of 14336 gated bf16 values."""
    mixtral = replace(
        LLAMA31_8B, experts=Experts(num_experts_per_tok=2, moe_intermediate_size=14336)
    )
    expected = 8192 * 2 * (7168 + 14336) * 2
    assert expert_workspace_bytes(mixtral, 2, 8192) == expected


def test_a_dense_model_has_no_buffers_for_experts() -> None:
    assert expert_workspace_bytes(LLAMA31_8B, 1, 8192) == 0


def test_the_experts_buffers_add_to_the_sampler_only_where_they_stay() -> None:
    mixture = replace(
        LLAMA31_8B, experts=Experts(num_experts_per_tok=2, moe_intermediate_size=14336)
    )
    before, after = (activation(mixture, H100, facts(v), 1, LARGE) for v in ("0.13.0", "0.14.0"))
    workspace = expert_workspace_bytes(mixture, 1, 8192)
    assert after.kept - before.kept == workspace
    assert before.layers - after.layers == workspace


def test_a_vision_tower_keeps_the_images_and_their_embeddings() -> None:
    """8192 image tokens of 9408 values (896 x 896 x 3 / 256) and 2560 embedded ones, bf16."""
    blind = replace(GEMMA3_4B, image_values_per_token=0)
    seeing = activation(GEMMA3_4B, H100, facts("0.19.0"), 1, LARGE).kept
    assert seeing - activation(blind, H100, facts("0.19.0"), 1, LARGE).kept == 8192 * 11968 * 2


def test_an_unknown_mlp_is_taken_three_and_a_half_times_the_hidden_size() -> None:
    assert replace(LLAMA31_8B, intermediate_size=None).mlp_width == 14336
    assert replace(LLAMA33_70B, intermediate_size=None).mlp_width == 28672


def test_the_peak_is_what_is_kept_plus_the_larger_phase() -> None:
    assert Activation(sampler=3, layers=5, kept=7).peak == 12
