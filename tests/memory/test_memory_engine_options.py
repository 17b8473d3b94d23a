"""What options change of the estimate; bytes are worked out by hand from vLLM 0.26.0's source."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ira_manifests.memory import (
    GIB,
    BatchLimits,
    EngineOptions,
    Limit,
    SettingsError,
    SplitError,
    Verdict,
    budget,
    layers_of_stages,
)
from tests.memory.models import LLAMA33_70B, serving

MIB = 1 << 20
GEMMA = serving("gemma3-27b")
LLAMA = serving("llama3", tensor_parallel=4)


def with_options(**options: object):  # type: ignore[no-untyped-def]  # noqa: ANN201
    return budget(replace(GEMMA, options=EngineOptions(**options)))  # type: ignore[arg-type]


def test_without_the_hybrid_manager_all_layers_keep_all_tokens() -> None:
    """62 layers of pages of 2 x 16 tokens x 16 heads x 128 x 2 bytes = 128 KiB."""
    found = with_options(hybrid_cache=False)
    assert found.layout.block_bytes == 62 * 128 * 1024
    assert found.kv_request == 8192 * 62 * 128 * 1024
    assert found.verdict is Verdict.DOES_NOT_FIT
    # Of 10 full layers, and 52 of 1024 tokens and two batches of 8192, in 6 groups of 10.
    kept = -(-(1023 + 2 * 8192) // 16) + 1
    assert budget(GEMMA).kv_request == (8192 + 6 * kept) * 10 * 128 * 1024


def test_without_async_scheduling_a_window_holds_one_batch() -> None:
    """v1/kv_cache_interface.py: ceil((1024 - 1 + 8192) / 16) + 1 = 577 blocks in each group."""
    assert with_options(async_scheduling=False).blocks_per_request == 8192 + 6 * 577


def test_larger_blocks_are_larger_pages() -> None:
    found = budget(replace(LLAMA, options=EngineOptions(block_tokens=64)))
    assert found.layout.block_bytes == 80 * 2 * 64 * 2 * 128 * 2
    assert found.layout.blocks_per_request(65) == 2
    assert found.layout.bytes_per_token == budget(LLAMA).layout.bytes_per_token


def test_eager_mode_has_no_cuda_graphs() -> None:
    found, usual = with_options(capture_sizes=()), budget(GEMMA)
    assert found.graphs == found.budgeted_graphs == 0
    assert found.kv_pool == usual.kv_pool + usual.budgeted_graphs
    assert found.warm_up == 1024 * 262208 * 4


@pytest.mark.parametrize(
    ("options", "batch", "sizes"),
    [
        (EngineOptions(capture_sizes=(1, 2, 4, 8, 8)), BatchLimits(8192, 1024), 4),
        (EngineOptions(capture_sizes=(1, 2, 512)), BatchLimits(256, 256), 2),
        (EngineOptions(largest_capture=64), BatchLimits(8192, 1024), 11),
        (EngineOptions(largest_capture=256), BatchLimits(8192, 1024), 35),
        (EngineOptions(), BatchLimits(8192, 1024), 51),
        (EngineOptions(), BatchLimits(8192, 4), 4),
    ],
)
def test_cuda_graphs_are_of_the_sizes_that_the_engine_captures(
    options: EngineOptions, batch: BatchLimits, sizes: int
) -> None:
    """config/vllm.py: 1, 2, 4, then every 8 below 256, then every 16 to the largest."""
    assert options.captured_sizes(batch) == sizes


def test_fewer_graphs_take_less_memory() -> None:
    assert 0 < with_options(capture_sizes=(1, 2)).graphs < budget(GEMMA).graphs


def test_fewer_kinds_of_graphs_count_as_both_and_were_not_measured() -> None:
    found, usual = with_options(both_graphs=False), budget(GEMMA)
    assert (found.graphs, found.kv_pool) == (usual.graphs, usual.kv_pool)
    measured = serving("gemma3-27b", engine="0.19.0")
    fewer = replace(measured, options=EngineOptions(both_graphs=False))
    assert budget(fewer).margin > budget(measured).margin


def test_gpus_that_divide_the_tokens_hold_a_part_of_each_block() -> None:
    """v1/kv_cache_interface.py: ceil(ceil(131072 / 2) / 16) pages; 80 layers of one KV head."""
    cell = serving("llama3", tensor_parallel=16)
    found = budget(replace(cell, options=EngineOptions(context_shards=2)))
    usual = budget(cell)
    assert found.layout.block_bytes == usual.layout.block_bytes == 80 * 2 * 16 * 128 * 2
    assert found.blocks_per_request == 4096
    assert found.layout.blocks_per_request(33) == 2
    assert usual.blocks_per_request == 8192
    assert found.concurrency == 2 * usual.concurrency
    assert found.weights == usual.weights


def test_a_kv_cache_of_given_bytes_has_them_whatever_the_share() -> None:
    found = with_options(kv_cache_bytes=8 * GIB)
    assert found.kv_pool == 8 * GIB
    assert found.blocks == 8 * GIB // (10 * 128 * 1024) == 6553
    assert found.budgeted_graphs == 0
    assert found.decisive.limit is Limit.KV_CACHE
    assert found.margin == 0
    low = replace(found.serving, utilization=GEMMA.utilization / 2)
    assert budget(low).kv_pool == 8 * GIB


def test_a_kv_cache_for_which_there_is_no_room_does_not_fit() -> None:
    """51.45 GiB of weights and 24 of cache leave 3.7 of 79.19 for what else there is."""
    found = with_options(kv_cache_bytes=24 * GIB)
    assert found.kv_pool > found.kv_request
    assert found.verdict is Verdict.DOES_NOT_FIT
    assert found.decisive.limit is Limit.WARM_UP


def test_a_given_kv_cache_does_not_spare_the_share_of_free_memory() -> None:
    """v1/worker/utils.py: request_memory looks at the utilization all the same."""
    cell = replace(GEMMA, utilization=GEMMA.utilization.__class__("0.999"))
    found = budget(replace(cell, options=EngineOptions(kv_cache_bytes=GIB)))
    assert found.decisive.limit is Limit.START


@pytest.mark.parametrize("cache", [None, 8 * GIB])
def test_given_blocks_win_over_bytes(cache: int | None) -> None:
    options = EngineOptions(kv_cache_blocks=100, kv_cache_bytes=cache)
    found = budget(replace(LLAMA, options=options))
    assert found.blocks == 100
    assert found.longest_max_model_len == 1600
    assert found.verdict is Verdict.DOES_NOT_FIT


def test_offloaded_weights_are_room_for_the_cache() -> None:
    found, usual = with_options(cpu_offload_bytes=2 * GIB), budget(GEMMA)
    assert found.weights == usual.weights - 2 * GIB
    assert found.kv_pool == usual.kv_pool + 2 * GIB


@pytest.mark.parametrize(
    "options",
    [
        {"block_tokens": 8},
        {"kv_cache_bytes": 0},
        {"kv_cache_blocks": -1},
        {"cpu_offload_bytes": -1},
    ],
)
def test_numbers_out_of_range_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(SettingsError):
        EngineOptions(**options)  # type: ignore[arg-type]


def test_options_were_not_measured() -> None:
    measured = serving("gemma3-27b", engine="0.19.0")
    assert budget(measured).is_measured
    assert not budget(replace(measured, options=EngineOptions(capture_sizes=()))).is_measured
    assert not budget(replace(LLAMA, pipeline_parallel=2)).is_measured


@pytest.mark.parametrize(
    ("layers", "stages", "expected"),
    [
        (80, 1, [80]),
        (80, 4, [20, 20, 20, 20]),
        (61, 2, [31, 30]),
        (62, 4, [15, 16, 16, 15]),
        (10, 3, [3, 4, 3]),
        (11, 3, [4, 4, 3]),
    ],
)
def test_layers_are_dealt_out_as_the_engine_does(
    layers: int, stages: int, expected: list[int]
) -> None:
    """distributed/utils.py (get_pp_indices)."""
    assert layers_of_stages(layers, stages) == expected


def test_a_stage_has_its_layers_and_the_ends() -> None:
    """131.42 GiB at TP 2: tables of 128256 x 8192 x 2 bytes / 2, positions of 32 MiB whole.

    Llama has the embeddings on the first stage alone, other models on each.
    """
    cell = serving("llama3", tensor_parallel=2)
    whole = cell.weights.per_gpu(LLAMA33_70B, 2)
    ends, positions = 1002 * MIB, 32 * MIB
    found = budget(replace(cell, pipeline_parallel=2))
    layers = (whole - 2 * ends - positions) / 80
    assert found.weights == pytest.approx(40 * layers + 2 * ends + positions, abs=80)
    # Half of the layers: 40 pages of 2 x 16 tokens x 4 heads x 128 x 2 bytes.
    assert found.layout.block_bytes == 40 * 32 * 1024
    assert found.serving == replace(cell, pipeline_parallel=2)
    # The last stage has the logits, and hidden states and a residual of 8192 tokens beside.
    assert found.activation == budget(cell).activation + 2 * 8192 * 8192 * 2
    assert budget(cell).verdict is Verdict.DOES_NOT_FIT
    assert found.verdict is Verdict.FITS


def test_the_stage_with_most_layers_decides_where_the_ends_do_not() -> None:
    """80 layers in 3 stages: 26, 27 and 27; none is short of its layers' cache."""
    cell = serving("llama3", tensor_parallel=1, max_model_len=8192)
    found = budget(replace(cell, pipeline_parallel=3))
    assert found.layout.block_bytes == 27 * 64 * 1024


def test_more_stages_than_layers_are_refused() -> None:
    with pytest.raises(SplitError, match="pipeline parallel 81 is more than 80 layers"):
        budget(replace(LLAMA, pipeline_parallel=81))
