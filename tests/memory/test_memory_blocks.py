"""Groups, blocks, logged tokens and concurrency, as vLLM's own arithmetic has them."""

from dataclasses import replace
from fractions import Fraction

import pytest

from ira_manifests.memory import (
    Geometry,
    GeometryError,
    KvLayout,
    Layers,
    SettingsError,
    gib,
    kv_element_bytes,
    kv_layout,
    logged_tokens,
)
from ira_manifests.vllm import Release
from ira_manifests.vllm.changes import ReleaseFacts, facts_of
from tests.memory.models import (
    GEMMA3_4B,
    GEMMA3_12B,
    GEMMA3_27B,
    GEMMA4_31B,
    GPT_OSS_20B,
    LLAMA4_SCOUT,
    LLAMA31_8B,
    LLAMA33_70B,
    chunked,
    full,
    sliding,
)


def facts(text: str) -> ReleaseFacts:
    return facts_of(Release.parse(text))


def layout(geometry: Geometry, engine: str = "0.19.0", size: int = 1) -> KvLayout:
    return kv_layout(geometry, facts(engine), size)


def model(*layers: Layers) -> Geometry:
    return replace(LLAMA31_8B, layers=layers)


def group_sizes(result: KvLayout) -> list[int]:
    return [group.layers for group in result.groups for _ in range(group.count)]


def test_gemma3_12b_reproduces_its_log() -> None:
    """47.72 GiB gave 130,304 tokens and 15.88x at 8192 (measured rows)."""
    result = layout(GEMMA3_12B)
    pool = gib("47.72")
    assert logged_tokens(result, facts("0.19.0"), pool, 8192) == 130304
    assert round(float(result.concurrency(pool, 8192)), 2) == 15.88


def test_gemma3_4b_reproduces_its_log() -> None:
    """62.51 GiB gave 57.06x at 8192."""
    assert round(float(layout(GEMMA3_4B).concurrency(gib("62.51"), 8192)), 2) == 57.06


def test_llama_in_fp8_on_two_gpus_reproduces_its_log() -> None:
    """37.28 GiB gave 244,304 tokens."""
    result = layout(LLAMA33_70B, size=2)
    assert logged_tokens(result, facts("0.19.0"), gib("37.28"), 8192) == 244304


def test_ten_full_and_twenty_sliding_layers_make_three_groups_of_ten() -> None:
    """The example of vLLM's v1/core/kv_cache_utils.py."""
    result = layout(model(sliding(20, 8, 128, 1024), full(10, 8, 128)))
    assert group_sizes(result) == [10, 10, 10]


def test_the_last_group_is_padded_and_the_padding_paid_for() -> None:
    """52 sliding and 10 full layers: 6 groups of at most 10 and 1 of 10; a block spans 10 pages."""
    result = layout(GEMMA3_27B)
    assert group_sizes(result) == [9, 9, 9, 9, 8, 8, 10]
    assert result.block_bytes == 10 * 2 * 16 * 16 * 128 * 2


@pytest.mark.parametrize(
    ("engine", "slots"), [("0.11.0", 12), ("0.12.0", 13), ("0.17.1", 13), ("0.26.0", 13)]
)
def test_twelve_and_thirteen_layers_are_padded_to_thirteen_from_0_12(
    engine: str, slots: int
) -> None:
    """The example of vLLM's kv_cache_utils.py: gpt-oss-20b with a drafter."""
    result = layout(model(sliding(12, 8, 64, 128), full(13, 8, 64)), engine)
    assert result.block_bytes == slots * 2 * 16 * 8 * 64 * 2


@pytest.mark.parametrize(
    ("engine", "groups"), [("0.11.0", 3), ("0.13.0", 3), ("0.17.1", 3), ("0.18.0", 2)]
)
def test_ten_and_fourteen_layers_are_padded_only_from_0_18(engine: str, groups: int) -> None:
    """14 is 1.4 times 10: above 1.25 (0.12 to 0.17), below 1.5 (from 0.18)."""
    result = layout(model(sliding(14, 8, 64, 128), full(10, 8, 64)), engine)
    assert result.group_count == groups


def test_one_and_a_half_times_as_many_layers_are_not_padded() -> None:
    result = layout(model(sliding(15, 8, 64, 128), full(10, 8, 64)))
    assert group_sizes(result) == [8, 7, 10]


def test_groups_are_counted_and_not_built() -> None:
    """A hundred million groups of one layer are two objects."""
    many = replace(LLAMA31_8B, layers=(full(99_999_999, 8, 128), sliding(1, 8, 128, 1024)))
    result = layout(many)
    assert len(result.groups) == 2
    assert result.group_count == 100_000_000


def test_equally_many_layers_make_one_group_each() -> None:
    assert group_sizes(layout(GPT_OSS_20B)) == [12, 12]


def test_one_layer_of_a_kind_makes_groups_of_one() -> None:
    result = layout(model(sliding(3, 8, 128, 128), full(1, 8, 128)))
    assert group_sizes(result) == [1, 1, 1, 1]


def test_layers_listed_twice_are_one_kind() -> None:
    apart = model(full(16, 8, 128), full(16, 8, 128))
    assert layout(apart) == layout(LLAMA31_8B)


@pytest.mark.parametrize("engine", ["0.8.4", "0.9.0"])
def test_before_the_hybrid_manager_every_layer_counts_as_full(engine: str) -> None:
    plain = model(full(62, 16, 128))
    assert layout(GEMMA3_27B, engine) == layout(plain, engine)


def test_a_model_of_sliding_layers_only_keeps_its_window_on_every_engine() -> None:
    """vLLM converts windows to full attention only where both are present."""
    result = layout(model(sliding(32, 8, 128, 4096)), "0.8.4")
    assert result.groups[0].sliding_window == 4096


@pytest.mark.parametrize("engine", ["0.8.4", "0.11.0", "0.13.0"])
def test_scouts_chunks_count_in_full_up_to_0_13(engine: str) -> None:
    result = layout(LLAMA4_SCOUT, engine, 8)
    assert group_sizes(result) == [48]
    assert result.blocks_per_request(1000000) == 62500


def test_scouts_chunks_count_as_chunks_from_0_19_1() -> None:
    """3 groups of ceil((8192 + 8192) / 16) blocks and one of 62,500."""
    result = layout(LLAMA4_SCOUT, "0.19.1", 8)
    assert group_sizes(result) == [12, 12, 12, 12]
    assert result.blocks_per_request(1000000) == 3 * 1024 + 62500


def test_0_26_doubles_the_tokens_in_flight_of_a_window() -> None:
    """ceil((1023 + 8192) / 16) + 1 = 577, and ceil((1023 + 16384) / 16) + 1 = 1089."""
    before, after = (layout(GEMMA3_27B, engine) for engine in ("0.25.1", "0.26.0"))
    assert before.blocks_per_request(131072) == 6 * 577 + 8192
    assert after.blocks_per_request(131072) == 6 * 1089 + 8192


def test_0_26_doubles_the_tokens_in_flight_of_a_chunk() -> None:
    """max_in_flight_tokens enters ChunkedLocalAttentionSpec too: ceil(24576 / 16) = 1536."""
    result = layout(LLAMA4_SCOUT, "0.26.0", 8)
    assert result.blocks_per_request(1000000) == 3 * 1536 + 62500


def test_a_window_needs_no_more_than_the_request_and_one_block() -> None:
    assert layout(GEMMA3_12B).blocks_per_request(8192) == 5 * (512 + 1) + 512


def test_a_request_of_one_token_needs_a_block_in_each_group_and_two_of_a_window() -> None:
    assert layout(GPT_OSS_20B).blocks_per_request(1) == 2 + 1


def test_kv_heads_are_replicated_when_there_are_more_gpus() -> None:
    assert layout(LLAMA33_70B, size=16) == layout(LLAMA33_70B, size=8)
    assert layout(LLAMA33_70B, size=8).bytes_per_token == 80 * 2 * 128 * 2


def test_an_fp8_cache_holds_twice_the_tokens() -> None:
    """Llama 3.1 8B with 58.11 GiB: 952,032 tokens in fp8, 476,016 in bf16 (measured rows)."""
    half = kv_layout(LLAMA31_8B, facts("0.19.0"), 1, "fp8")
    whole = layout(LLAMA31_8B)
    tokens = [logged_tokens(it, facts("0.19.0"), gib("58.11"), 8192) for it in (half, whole)]
    assert tokens == pytest.approx([952032, 476016], rel=1e-4)


@pytest.mark.parametrize(("dtype", "size"), [("auto", 2), ("bfloat16", 2), ("fp8_e4m3", 1)])
def test_a_cached_element_has_the_bytes_of_its_dtype(dtype: str, size: int) -> None:
    assert kv_element_bytes(dtype) == size


def test_an_unknown_cache_dtype_is_refused_with_the_known_ones() -> None:
    with pytest.raises(SettingsError, match="'int3' is none of: auto, bfloat16"):
        kv_element_bytes("int3")


def test_smaller_pages_get_longer_blocks_until_pages_are_equal() -> None:
    """Gemma 4 31B: 16 x 256 values a token slide, 4 x 512 are full: half a page, 32 tokens."""
    result = layout(GEMMA4_31B, "0.19.1")
    assert [(group.block_tokens, group.count) for group in result.groups] == [(16, 5), (32, 1)]
    assert result.blocks_per_request(8192) == 5 * 513 + 256


def test_replication_can_make_pages_equal_again() -> None:
    """Gemma 4 31B on 8 GPUs: 2 x 256 values slide, 1 x 512 is full."""
    result = layout(GEMMA4_31B, "0.19.1", 8)
    assert {group.block_tokens for group in result.groups} == {16}


def test_pages_that_cannot_be_made_equal_are_refused() -> None:
    odd = model(sliding(2, 8, 96, 1024), full(2, 8, 128))
    with pytest.raises(GeometryError, match="cannot be made equal"):
        layout(odd)


def test_full_layers_of_two_shapes_share_one_group_of_their_summed_pages() -> None:
    result = layout(model(full(2, 8, 128), full(4, 2, 64)))
    assert group_sizes(result) == [6]
    assert result.block_bytes == 16 * (2 * 2 * 8 * 128 * 2 + 4 * 2 * 2 * 64 * 2)


def test_tokens_are_logged_by_blocks_up_to_0_20_0_and_by_requests_after() -> None:
    """v1/core/kv_cache_utils.py: num_blocks // groups * block, then int(concurrency * length)."""
    result = layout(GEMMA3_12B)
    pool = result.block_bytes * 1000
    assert logged_tokens(result, facts("0.20.0"), pool, 8192) == 1000 // 6 * 16
    assert logged_tokens(result, facts("0.20.1"), pool, 8192) == 1000 * 8192 // 3077


def test_a_pool_below_zero_holds_nothing() -> None:
    result = layout(LLAMA31_8B)
    assert result.blocks(-1) == 0
    assert result.concurrency(-1, 8192) == 0
    assert result.longest(-1, 131072) == 0


def test_the_longest_request_is_found_exactly() -> None:
    result = layout(LLAMA31_8B)
    assert result.longest(result.block_bytes * 10 + 1, 131072) == 160


def test_the_longest_request_is_at_most_the_limit() -> None:
    result = layout(LLAMA31_8B)
    assert result.longest(result.block_bytes * 10, 100) == 100


def test_concurrency_is_exact() -> None:
    result = layout(LLAMA31_8B)
    assert result.concurrency(result.block_bytes * 10, 48) == Fraction(10, 3)


def test_a_chunk_of_a_short_request_needs_only_the_request() -> None:
    result = layout(model(chunked(3, 8, 128, 8192), full(1, 8, 128)), "0.19.1")
    assert result.blocks_per_request(160) == 4 * 10
