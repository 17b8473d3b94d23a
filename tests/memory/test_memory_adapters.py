"""Buffers of LoRA adapters, worked out by hand from vLLM's lora/layers (create_lora_weights)."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ira_manifests.analysis.memory_breakdown import bar, parts
from ira_manifests.memory import (
    GIB,
    Accelerator,
    Adapters,
    BatchLimits,
    EngineOptions,
    Experts,
    Geometry,
    Layers,
    Limit,
    Serving,
    SettingsError,
    Weights,
    budget,
)
from ira_manifests.memory.adapters import (
    adapter_bytes,
    index_bytes,
    product_bytes,
    vocabulary_adapter_bytes,
)
from ira_manifests.profiles.memory_options import read
from ira_manifests.profiles.memory_readers import Asked
from ira_manifests.vllm import Release

LLAMA_8B = Geometry(
    num_attention_heads=32,
    hidden_size=4096,
    intermediate_size=14336,
    vocab_size=128256,
    max_position_embeddings=131072,
    layers=(Layers(32, num_key_value_heads=8, head_dim=128),),
)
LLAMA_WEIGHTS = Weights(Decimal("14.99"))
H100 = Accelerator("nvidia-h100-80gb", Decimal("79.19"))
LARGE = Adapters(max_loras=8, max_lora_rank=256)


@pytest.mark.parametrize(
    ("adapters", "gpus", "values"),
    [
        # A of q, k, v, gate, up: 5 x 16 x 4096. B of them: 16 x (4096 + 2 x 1024 + 2 x 14336).
        # A of o and down: 16 x (4096 + 14336). B of them: 2 x 4096 x 16.
        # The sum over 32 layers is that of a peft adapter of rank 16 for all linear layers.
        (Adapters(), 1, 41_943_040),
        # Split over two: B of the first five, and A of o and down.
        (Adapters(), 2, 32 * (327_680 + 278_528 + 147_456 + 131_072)),
        # All are split.
        (Adapters(fully_sharded=True), 2, 41_943_040 // 2),
        (Adapters(max_loras=4, max_lora_rank=64), 1, 41_943_040 * 16),
        # One of 8 KV heads on each of 16 GPUs: k and v are 128 wide instead of 64.
        (Adapters(), 16, 32 * (327_680 + 16 * (256 + 2 * 128 + 2 * 896 + 256 + 896) + 131_072)),
    ],
)
def test_every_linear_layer_has_a_pair_for_each_adapter(
    adapters: Adapters, gpus: int, values: int
) -> None:
    assert adapter_bytes(LLAMA_8B, adapters, gpus) == 2 * values


def test_small_buffers_are_those_of_the_kernels() -> None:
    """Expected: five int64 and four int32 a token, three int64 a request; punica_base.py."""
    batch = BatchLimits(8192, 256)
    assert index_bytes(Adapters(), batch) == 8192 * 56 + 256 * 24 + 2 * (2 + 2 + 3) * 4
    assert product_bytes(Adapters(), batch) == 3 * 8192 * 16 * 4
    assert vocabulary_adapter_bytes(LLAMA_8B, Adapters()) == 2 * 16 * (128256 + 4096) * 2


@pytest.mark.parametrize(
    ("loras", "counts"),
    # get_captured_lora_counts of lora/utils.py: powers of 2, and max_loras + 1.
    [(1, [1, 2]), (2, [1, 2, 3]), (3, [1, 2, 4]), (4, [1, 2, 4, 5]), (8, [1, 2, 4, 8, 9])],
)
def test_each_batch_size_has_a_graph_without_adapters_and_some_with(
    loras: int, counts: list[int]
) -> None:
    assert Adapters(loras).graph_sets == 2
    assert Adapters(loras, specialize_active=True).graph_sets == 1 + len(counts)


def serving(options: EngineOptions, utilization: str = "0.9") -> Serving:
    return Serving(
        LLAMA_8B, LLAMA_WEIGHTS, H100, Release.parse("0.26.0"), 8192,
        utilization=Decimal(utilization), options=options,
    )  # fmt: skip


def test_buffers_are_taken_from_the_pool_and_uncertain_ones_from_the_margins() -> None:
    plain = budget(serving(EngineOptions(capture_sizes=())))
    with_lora = budget(serving(EngineOptions(capture_sizes=(), adapters=LARGE)))
    batch = with_lora.serving.batch_limits
    held = 41_943_040 * 128 * 2 + index_bytes(LARGE, batch)
    assert plain.kv_pool - with_lora.kv_pool == held == with_lora.adapters
    more = 8 * 16 * vocabulary_adapter_bytes(LLAMA_8B, Adapters()) + product_bytes(LARGE, batch)
    assert with_lora.margin - plain.margin == more == with_lora.uncertain
    margins = [
        next(check.margin for check in found.checks if check.limit is Limit.WARM_UP)
        for found in (plain, with_lora)
    ]
    assert margins[1] - margins[0] == more


def test_graphs_with_adapters_count_as_often_as_there_are_and_widen_the_margin() -> None:
    """Expected: each size has two graphs; those with adapters may be twice as large."""
    plain, with_lora = (
        budget(serving(EngineOptions())),
        budget(serving(EngineOptions(adapters=Adapters()))),
    )
    assert plain.graphs < with_lora.graphs < 2 * plain.graphs
    certain = with_lora.uncertain - (with_lora.graphs - plain.graphs)
    batch = with_lora.serving.batch_limits
    assert certain == vocabulary_adapter_bytes(LLAMA_8B, Adapters()) + product_bytes(
        Adapters(), batch
    )


def test_a_cache_of_a_given_size_leaves_less_outside_it() -> None:
    size = 20 * GIB
    plain = budget(serving(EngineOptions(kv_cache_bytes=size)))
    with_lora = budget(serving(EngineOptions(kv_cache_bytes=size, adapters=LARGE)))
    assert with_lora.kv_pool == plain.kv_pool
    assert plain.outside - with_lora.outside == with_lora.adapters


def test_the_breakdown_shows_the_buffers_and_adds_up() -> None:
    found = budget(serving(EngineOptions(adapters=LARGE)))
    shown = parts(found)
    assert [part.size for part in shown if part.name == "LoRA adapters"] == [found.adapters]
    assert sum(part.size for part in shown) == found.total
    assert "L" in bar(found)


ASKED = Asked(LLAMA_8B, 15 * GIB, 2, 1, LLAMA_WEIGHTS)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (["--enable-lora"], Adapters()),
        (["--enable-lora", "--max-loras=4", "--max-lora-rank", "64"], Adapters(4, 64)),
        (["--enable-lora", "--max-lora-r=8", "--lora-dtype=float16"], Adapters(1, 8)),
        (["--enable-lora", "--fully-sharded-loras"], Adapters(fully_sharded=True)),
        (["--enable-lora", "--specialize-active-lora"], Adapters(specialize_active=True)),
        (["--enable-lora", "--max-cpu-loras=64"], Adapters()),
        (["--enable-lora", "--no-enable-lora"], None),
        (["--max-loras=4", "--max-lora-rank=7"], None),
    ],
)
def test_options_of_lora_are_read_together(flags: list[str], expected: Adapters | None) -> None:
    """Without --enable-lora there is no LoRAConfig: engine/arg_utils.py."""
    found = read(flags, "0.26.0", ASKED)
    assert (found.options.adapters, found.uncomputed) == (expected, ())


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (["--max-lora-rank=24"], "--max-lora-rank"),
        (["--max-lora-rank=many"], "--max-lora-rank"),
        (["--max-loras=0"], "--max-loras"),
        (["--max-loras=-1"], "--max-loras"),
        (["--max-loras=٣"], "--max-loras"),
        (["--max-loras=" + "9" * 5000], "--max-loras"),
        (["--max-loras=$(LORAS)"], "--max-loras"),
        (["--lora-dtype=float32"], "--lora-dtype"),
        (["--fully-sharded-loras", "--max-lora-rank=1"], "--fully-sharded-loras"),
        (["--cpu-offload-gb=2"], "--cpu-offload-gb"),
        (["--lora-target-modules", "q_proj"], "--lora-target-modules"),
        (["--enable-tower-connector-lora"], "--enable-tower-connector-lora"),
    ],
)
def test_values_that_are_not_computed_are_named(flags: list[str], named: str) -> None:
    assert read(["--enable-lora", *flags], "0.26.0", ASKED).uncomputed == (named,)


@pytest.mark.parametrize(
    "changes",
    [
        {"geometry": replace(LLAMA_8B, experts=Experts(2, 14336))},
        {"geometry": replace(LLAMA_8B, image_values_per_token=588)},
        {"geometry": replace(LLAMA_8B, intermediate_size=None)},
        {"geometry": replace(LLAMA_8B, vocab_size=262144)},
        # The weights show layers that the geometry does not have.
        {"held": Weights(Decimal("18.5"))},
        # A gate that the geometry supposes is missing in the weights.
        {"held": Weights(Decimal("11.5"))},
        {"held": None},
        {"pipeline_parallel": 2},
    ],
)
def test_models_whose_buffers_are_not_known_are_not_judged(changes: dict[str, Any]) -> None:
    asked = replace(ASKED, **changes)
    assert read(["--enable-lora"], "0.26.0", asked).uncomputed == ("--enable-lora",)


@pytest.mark.parametrize(("engine", "known"), [("0.18.1", 0), ("0.19.0", 1), ("0.28.0", 0)])
def test_other_releases_than_those_compared_are_not_judged(engine: str, known: int) -> None:
    found = read(["--enable-lora", "--max-loras=2"], engine, ASKED)
    assert bool(found.options.adapters) == bool(known)
    assert bool(found.uncomputed) != bool(known)


@pytest.mark.parametrize("number", [{"max_loras": 0}, {"max_lora_rank": 0}])
def test_numbers_below_one_are_refused(number: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="at least 1"):
        Adapters(**number)
