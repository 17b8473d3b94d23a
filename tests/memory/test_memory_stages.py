"""Stages of pipeline parallelism; expected values are by hand from get_pp_indices of vLLM 0.26.0.

Groups of the KV cache are those of the whole model, and each stage has its layers of each group:
v1/core/kv_cache_utils.py (_project_kv_cache_groups_to_worker).
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from ira_manifests.memory import (
    GIB,
    EngineOptions,
    Experts,
    Geometry,
    LatentLayers,
    Serving,
    Weights,
    budget,
    gib,
    kv_layout,
    why_not_staged,
)
from ira_manifests.memory.stages import Held, Stage, stages
from ira_manifests.vllm import Release
from ira_manifests.vllm.changes import facts_of
from tests.memory.models import GEMMA3_27B, GPT_OSS_20B, H200, LLAMA33_70B, full, serving

PAGE = 2 * 16 * 16 * 128 * 2
"""One layer of Gemma 3 27B: keys and values of 16 tokens, 16 heads of 128."""
GEMMA = replace(GEMMA3_27B, layer_order=(0, 0, 0, 0, 0, 1))
TOWER = Decimal("0.78")
GEMMA_WEIGHTS = Weights(Decimal("51.45"), vision_gib=TOWER)
FACTS = facts_of(Release.parse("0.26.0"))


def split(geometry: Geometry, count: int, weights: Held | None = None) -> list[Stage]:
    return list(stages(geometry, weights or Held(0, 0), 1, count, 8192))


def counts(stage: Stage) -> list[int]:
    return [layers.count for layers in stage.geometry.layers]


# Sliding and full layers; each sixth of 62 is full.
@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, [[52, 10]]),
        (2, [[26, 5], [26, 5]]),
        (4, [[13, 2], [13, 3], [14, 2], [12, 3]]),
    ],
)
def test_a_stage_has_its_layers_of_each_kind(count: int, expected: list[list[int]]) -> None:
    found = [counts(stage) for stage in split(GEMMA, count)]
    assert found == expected


@pytest.mark.parametrize(("count", "slots"), [(1, [10]), (2, [5, 5]), (4, [3, 3, 3, 3])])
def test_a_block_has_room_for_the_largest_group_of_the_stage(count: int, slots: list[int]) -> None:
    """One group of 10 full layers, and six of 8 or 9 sliding ones, dealt out in turn.

    26 sliding layers of a stage are 4 or 5 of each group; 13 and 14 are 2 or 3.
    """
    whole = kv_layout(GEMMA, FACTS, 1)
    found = [kv_layout(GEMMA, FACTS, 1, of_stage=stage.geometry) for stage in split(GEMMA, count)]
    assert [each.block_bytes for each in found] == [PAGE * each for each in slots]
    assert {each.groups for each in found} == {whole.groups}
    assert {each.blocks_per_request(131072) for each in found} == {whole.blocks_per_request(131072)}


def test_without_the_hybrid_manager_a_stage_of_windows_alone_keeps_all_tokens() -> None:
    """Of 8 stages the first has layers 0 to 7, one of them full; of 62, the first only windows."""
    facts = replace(FACTS, hybrid_cache=False)
    for count, layers in ((8, 7), (62, 1)):
        first = split(GEMMA, count)[0].geometry
        found = kv_layout(GEMMA, facts, 1, of_stage=first)
        assert found.block_bytes == layers * PAGE
        assert found.blocks_per_request(131072) == 8192


def test_the_tower_and_the_embeddings_are_on_every_stage() -> None:
    """gemma3_mm.py and gemma3.py look at no rank; 262208 x 5376 x 2 bytes, shared with the head."""
    table, positions = 262208 * 5376 * 2, 131072 * 128 * 2
    tower = gib(TOWER)
    cell = replace(serving("gemma3-27b"), geometry=GEMMA, weights=GEMMA_WEIGHTS)
    found = budget(replace(cell, pipeline_parallel=2))
    layers = (gib("51.45") - table - positions - tower) / 2
    assert found.weights == pytest.approx(layers + table + positions + tower, abs=100)
    assert found.layout.block_bytes == 5 * PAGE

    none = EngineOptions(vision_bytes=tower, takes_media=False)
    without = budget(replace(cell, pipeline_parallel=2, options=none))
    assert without.weights == found.weights - tower


def test_experts_of_every_layer_are_split_evenly() -> None:
    """gpt-oss-20b: 24 layers, every other one with a window; 12 on each of two GPUs."""
    geometry = replace(GPT_OSS_20B, layer_order=(0, 1))
    assert [counts(stage) for stage in split(geometry, 2)] == [[6, 6], [6, 6]]
    table = 201088 * 2880 * 2
    whole = gib("13.64")
    first, last = split(geometry, 2, Held(whole, table))
    positions = 131072 * 64 * 2
    layers = -(-(whole - table - positions) // 24)
    assert first.weights == 12 * layers + table + positions
    # Whether the output layer has a table of its own is not known.
    assert last.weights == first.weights + table


R1 = Geometry(
    num_attention_heads=128,
    hidden_size=7168,
    vocab_size=129280,
    max_position_embeddings=163840,
    intermediate_size=18432,
    layers=(LatentLayers(61, 512, 64, 128, 128, q_lora_rank=1536),),
    experts=Experts(8, 2048, num_experts=256, first_k_dense_replace=3),
)


def test_the_first_layers_of_deepseek_are_dense_and_the_others_weigh_more() -> None:
    """61 layers: 31 and 30. 3 of the first stage are dense, of 0.58 billion weights at most 0.9.

    The true size of the second stage is 30 of 58 layers with experts.
    """
    whole = gib("628.84")
    table, positions = 129280 * 7168 * 2, 163840 * 64 * 2
    first, last = split(R1, 2, Held(whole, table, tables=2))
    of_layers = whole - 2 * table - positions
    sparse = of_layers / 58
    dense = 7168 * (3 * 18432 + 4 * 128 * 192) * 2
    assert last.weights == pytest.approx(30 * sparse + 2 * table + positions, abs=100)
    assert first.weights == pytest.approx(28 * sparse + 3 * dense + table + positions, abs=100)
    # Together not less than the whole.
    assert first.weights + last.weights > whole


def test_deepseek_on_two_machines_worth_of_gpus_is_judged() -> None:
    """671 billion weights of a byte on 2 x 8 H200: 39 GiB each, of 139.80."""
    cell = Serving(
        R1,
        Weights(Decimal("628.84"), quantization="fp8"),
        H200,
        Release.parse("0.26.0"),
        163840,
        tensor_parallel=8,
        pipeline_parallel=2,
    )
    found = budget(cell)
    assert 36 * GIB < found.weights < 45 * GIB
    # The last stage, with 30 layers and the logits, has less to spare.
    assert found.layout.block_bytes == 30 * 64 * 576 * 2


@pytest.mark.parametrize(
    ("geometry", "weights", "asks"),
    [
        (LLAMA33_70B, Weights(Decimal("131.42")), ""),
        (GEMMA, GEMMA_WEIGHTS, ""),
        (GEMMA, replace(GEMMA_WEIGHTS, vision_gib=None), "give weights.vision_gib"),
        (GEMMA3_27B, GEMMA_WEIGHTS, "give geometry.layer_order"),
        (R1, Weights(Decimal("628.84")), ""),
        (
            replace(R1, experts=Experts(8, 2048, 256)),
            Weights(Decimal("628.84")),
            "give geometry.experts.first_k_dense_replace",
        ),
        (
            replace(R1, experts=Experts(8, 2048, 256), intermediate_size=None),
            Weights(Decimal("628.84")),
            "",
        ),
    ],
)
def test_what_has_to_be_known_of_a_model_is_asked_for(
    geometry: Geometry, weights: Weights, asks: str
) -> None:
    assert why_not_staged(geometry, weights).endswith(asks)
    assert bool(why_not_staged(geometry, weights)) is bool(asks)


def test_a_model_of_one_kind_needs_no_order() -> None:
    geometry = replace(LLAMA33_70B, layers=(full(10, 8, 128),))
    assert [counts(stage) for stage in split(geometry, 3)] == [[3], [4], [3]]
