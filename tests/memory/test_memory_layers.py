"""Memory of latent attention, states of sequences and layers without a cache, as in vLLM.

Shapes are those of the published config.json; the arithmetic is written out by hand beside each,
from vLLM's mla_attention.py, deepseek_v2.py, mamba_utils.py and platforms/interface.py.
"""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

import pytest

from ira_manifests.memory import (
    GIB,
    AnyLayers,
    BatchLimits,
    EmptyLayers,
    Experts,
    GatedDeltaNetLayers,
    Geometry,
    GeometryError,
    KvLayout,
    LatentLayers,
    Layers,
    Limit,
    Mamba1Layers,
    Mamba2Layers,
    Serving,
    SplitError,
    StateLayers,
    Verdict,
    Weights,
    activation,
    budget,
    kv_layout,
    logged_tokens,
    unknown_layout,
)
from ira_manifests.vllm import Release
from ira_manifests.vllm.changes import facts_of
from tests.memory.models import H100, H200, LLAMA31_8B, full, sliding

LATENT = LatentLayers(
    61, kv_lora_rank=512, qk_rope_head_dim=64, qk_nope_head_dim=128, v_head_dim=128
)
DEEPSEEK_R1 = Geometry(
    num_attention_heads=128,
    hidden_size=7168,
    intermediate_size=18432,
    vocab_size=129280,
    max_position_embeddings=163840,
    layers=(replace(LATENT, q_lora_rank=1536),),
    experts=Experts(num_experts_per_tok=8, moe_intermediate_size=2048),
)
DEEPSEEK_V32 = replace(
    DEEPSEEK_R1, layers=(replace(LATENT, q_lora_rank=1536, index_head_dim=128, index_n_heads=64),)
)
QWEN35 = GatedDeltaNetLayers(
    48,
    linear_num_key_heads=16,
    linear_num_value_heads=48,
    linear_key_head_dim=128,
    linear_value_head_dim=128,
    linear_conv_kernel_dim=4,
    mamba_ssm_dtype="float32",
)
QWEN35_27B = Geometry(
    num_attention_heads=24,
    hidden_size=5120,
    intermediate_size=17408,
    vocab_size=248320,
    max_position_embeddings=262144,
    layers=(full(16, 4, 256), QWEN35),
)
NEMOTRON3_NANO = Mamba2Layers(
    23,
    mamba_num_heads=64,
    mamba_head_dim=64,
    ssm_state_size=128,
    n_groups=8,
    conv_kernel=4,
    mamba_ssm_dtype="float32",
)
NEMOTRON_H_56B = replace(NEMOTRON3_NANO, count=54, mamba_num_heads=256, ssm_state_size=256)
JAMBA = Mamba1Layers(28, mamba_intermediate_size=8192, mamba_d_state=16, mamba_d_conv=4)


def model(*layers: AnyLayers) -> Geometry:
    """Return a model of these layers; its heads divide by 64 GPUs."""
    return replace(LLAMA31_8B, num_attention_heads=64, layers=layers)


def layout(geometry: Geometry, size: int = 1, dtype: str = "auto") -> KvLayout:
    return kv_layout(geometry, facts_of(Release.parse("0.26.0")), size, dtype)


def block_tokens(result: KvLayout) -> set[int]:
    return {group.block_tokens for group in result.groups if not group.holds_state}


def group_sizes(result: KvLayout, *, states: bool) -> list[int]:
    return sorted(
        group.layers
        for group in result.groups
        if group.holds_state is states
        for _ in range(group.count)
    )


# Latent attention: (512 + 64) elements a token and layer.


@pytest.mark.parametrize("size", [1, 2, 8])
def test_a_latent_is_whole_on_every_gpu(size: int) -> None:
    assert layout(DEEPSEEK_R1, size).bytes_per_token == 61 * 576 * 2 == 70272


def test_fp8_halves_a_latent() -> None:
    assert layout(DEEPSEEK_R1, dtype="fp8").bytes_per_token == 61 * 576


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        pytest.param(61, 61 * (576 * 2 + 128 + 4), id="DeepSeek-V3.2"),
        pytest.param(78, 78 * (576 * 2 + 128 + 4), id="GLM-5"),
    ],
)
def test_a_sparse_indexer_keeps_a_key_in_fp8_and_its_scale(layers: int, expected: int) -> None:
    of_layers = replace(LATENT, count=layers, index_head_dim=128)
    assert layout(model(of_layers)).bytes_per_token == expected


def test_an_indexer_of_some_layers_counts_for_those() -> None:
    geometry = model(replace(LATENT, count=30), replace(LATENT, count=31, index_head_dim=128))
    result = layout(geometry)
    assert len(result.groups) == 1
    assert result.bytes_per_token == 70272 + 31 * 132


def test_deepseek_r1_fits_on_eight_h200() -> None:
    """Its checkpoint has 641.3 GiB; a request of the whole context takes 10.7 GiB, not 114."""
    estimate = budget(serving(DEEPSEEK_R1, "641.3", tensor_parallel=8))
    assert estimate.kv_request == 163840 * 70272
    assert round(estimate.kv_request / GIB, 2) == 10.72
    assert estimate.verdict is Verdict.FITS
    assert not estimate.is_measured
    assert "latent attention" in "; ".join(estimate.serving.unmeasured)


def test_the_down_projections_of_latents_are_on_every_gpu() -> None:
    """7168 x (1536 + 512 + 64) weights in each of 61 layers, less an eighth that is its share."""
    weights, rotary = Weights(Decimal(640)), 163840 * 64 * 2
    replicated = 61 * 7168 * (1536 + 512 + 64) * 2
    share = (640 * GIB - rotary) // 8 + rotary
    assert weights.per_gpu(DEEPSEEK_R1, 8) == share + replicated * 7 // 8


def test_the_indexer_s_projections_are_on_every_gpu() -> None:
    weights = Weights(Decimal(640))
    more = 61 * (1536 * 128 * 64 + 7168 * (128 + 64)) * 2
    difference = weights.per_gpu(DEEPSEEK_V32, 8) - weights.per_gpu(DEEPSEEK_R1, 8)
    assert difference == more * 7 // 8


def test_the_profile_expands_a_context_of_latents() -> None:
    """65,536 tokens x 128 heads / 8 x (128 + 128) elements, beside the batch's own."""
    facts = facts_of(Release.parse("0.26.0"))
    batch = BatchLimits(tokens=8192, requests=1)
    found = activation(DEEPSEEK_R1, H200, facts, 8, batch)
    expanded = 65536 * 16 * 256 * 2
    assert found.layers == expanded + 8192 * (16 * 192 + 2 * 7168) * 2


def test_an_indexer_gathers_keys_of_forty_contexts() -> None:
    """Where the experts' scratch memory, which it shares, is smaller: 40 x 163,840 x 132 bytes."""
    facts = facts_of(Release.parse("0.26.0"))
    batch = BatchLimits(tokens=16, requests=1)
    sparse, dense = (
        activation(replace(geometry, experts=None), H200, facts, 8, batch).kept
        for geometry in (DEEPSEEK_V32, DEEPSEEK_R1)
    )
    assert sparse - dense == 40 * 163840 * 132 == 865075200


# States of sequences.


@pytest.mark.parametrize(
    ("layers", "size", "expected"),
    [
        # (2 x 16 x 128 + 48 x 128) x 3 inputs in bf16, 48 matrices of 128 x 128 in fp32.
        pytest.param(QWEN35, 1, 10240 * 3 * 2 + 48 * 16384 * 4, id="Qwen3.5-27B"),
        pytest.param(QWEN35, 8, 1280 * 3 * 2 + 6 * 16384 * 4, id="Qwen3.5-27B on 8"),
        # Qwen3-Next's config.json names no dtype of states: the model's own.
        pytest.param(
            replace(QWEN35, linear_num_value_heads=32, mamba_ssm_dtype=None),
            1,
            8192 * 3 * 2 + 32 * 16384 * 2,
            id="Qwen3-Next",
        ),
        # (64 x 64 + 2 x 8 x 128) x 3 inputs, 64 x 64 x 128 in fp32.
        pytest.param(NEMOTRON3_NANO, 1, 6144 * 3 * 2 + 524288 * 4, id="Nemotron-3-Nano"),
        # A GPU has 32 heads and 1 of 8 groups: (2048 + 2 x 256) x 3 inputs.
        pytest.param(NEMOTRON_H_56B, 8, 2560 * 3 * 2 + 2048 * 256 * 4, id="Nemotron-H-56B on 8"),
        # A single group is on every GPU: (1024 + 2 x 128) x 3 inputs.
        pytest.param(
            replace(NEMOTRON3_NANO, n_groups=1), 4, 1280 * 3 * 2 + 1024 * 128 * 4, id="one group"
        ),
        pytest.param(JAMBA, 1, 8192 * 3 * 2 + 8192 * 16 * 2, id="Jamba"),
        pytest.param(JAMBA, 4, 2048 * 3 * 2 + 2048 * 16 * 2, id="Jamba on 4"),
        pytest.param(StateLayers(1, state_bytes=4096), 4, 1024, id="another state"),
    ],
)
def test_the_bytes_of_a_state(
    layers: GatedDeltaNetLayers | Mamba2Layers | Mamba1Layers | StateLayers,
    size: int,
    expected: int,
) -> None:
    assert layers.state_bytes_per_gpu(size) == expected


@pytest.mark.parametrize(
    ("attention", "state", "size", "expected"),
    [
        # 3,207,168 bytes of state; 16 tokens of 2 x 4 x 256 elements take 65,536: 49 times.
        pytest.param(full(16, 4, 256), QWEN35, 1, 784, id="Qwen3.5-27B"),
        # Both halve.
        pytest.param(full(16, 4, 256), QWEN35, 2, 784, id="Qwen3.5-27B on 2"),
        # 400,896 bytes; 4 KV heads are replicated to one on each GPU, 16,384 bytes: 25 times.
        pytest.param(full(16, 4, 256), QWEN35, 8, 400, id="Qwen3.5-27B on 8"),
        # 2,134,016 bytes; 16,384: 131 times.
        pytest.param(full(6, 2, 128), NEMOTRON3_NANO, 1, 2096, id="Nemotron-3-Nano"),
        # 2,112,512 bytes; 8,192: 258 times.
        pytest.param(full(10, 8, 128), NEMOTRON_H_56B, 8, 4128, id="Nemotron-H-56B on 8"),
        # 311,296 bytes; 65,536: 5 times.
        pytest.param(full(4, 8, 128), JAMBA, 1, 80, id="Jamba"),
        # Smaller than a page: the block stays.
        pytest.param(full(4, 8, 128), StateLayers(4, 1024), 1, 16, id="a small state"),
    ],
)
def test_the_attention_s_block_grows_to_the_state(
    attention: Layers, state: AnyLayers, size: int, expected: int
) -> None:
    result = layout(model(attention, state), size)
    assert block_tokens(result) == {expected}
    page = expected * attention.token_bytes(size, 2)
    assert result.block_bytes == attention.count * page
    assert result.state_bytes == state.count * page


def test_qwen35_9b_has_the_block_of_its_log() -> None:
    """528 tokens, 0.76 % of padding: https://github.com/vllm-project/vllm/pull/37467."""
    state = replace(QWEN35, count=24, linear_num_value_heads=32)
    result = layout(model(full(8, 4, 256), state))
    assert block_tokens(result) == {528}
    padding = Decimal(result.state_bytes // 24) / state.state_bytes_per_gpu(1) - 1
    assert round(100 * padding, 2) == Decimal("0.76")


def test_fp8_makes_the_block_twice_as_long_and_leaves_the_state() -> None:
    result = layout(QWEN35_27B, dtype="fp8")
    assert block_tokens(result) == {1568}
    assert result.state_bytes == layout(QWEN35_27B).state_bytes


def test_a_sequence_takes_one_block_of_each_group_of_states() -> None:
    """16 layers of attention, 48 of states: one group and three; 335 blocks of 784 tokens."""
    result = layout(QWEN35_27B)
    assert group_sizes(result, states=False) == [16]
    assert group_sizes(result, states=True) == [16, 16, 16]
    assert result.blocks_per_request(1) == 1 + 3
    assert result.blocks_per_request(262144) == 335 + 3
    assert result.bytes_per_token == 16 * 4096


def test_groups_of_states_are_padded_to_the_attention_layers() -> None:
    """6 of attention, 23 of Mamba-2 in 4 groups, 23 of experts, which keep nothing."""
    result = layout(model(full(6, 2, 128), NEMOTRON3_NANO, EmptyLayers(23)))
    assert group_sizes(result, states=True) == [5, 6, 6, 6]
    assert result.block_bytes == 6 * 2096 * 1024


def test_sliding_layers_beside_states_take_the_same_pages() -> None:
    result = layout(model(full(2, 2, 128), sliding(2, 2, 128, 1024), replace(JAMBA, count=2)))
    assert block_tokens(result) == {304}  # 311,296 / 16,384, rounded up
    assert [group.sliding_window for group in result.groups] == [None, 1024, None]


def test_a_model_of_states_alone_has_one_group() -> None:
    result = layout(model(replace(JAMBA, count=64)))
    assert result.block_bytes == 64 * 311296
    assert result.blocks_per_request(1) == result.blocks_per_request(100_000) == 1
    assert result.bytes_per_token == 0
    assert logged_tokens(result, facts_of(Release.parse("0.19.0")), 2 * 64 * 311296, 4096) == 8192


def test_the_states_of_the_largest_batch_must_fit() -> None:
    """From 0.20.0, as of Qwen3.6-27B-FP8 on one H100 at 0.95: 1024 requests, 856 blocks.

    Source: https://github.com/vllm-project/recipes/pull/551; its weights are some 29 GiB.
    """
    short = serving(QWEN35_27B, "29", accelerator="h100", max_model_len=8192)
    estimate = budget(short)
    assert estimate.verdict is Verdict.DOES_NOT_FIT
    assert estimate.decisive.limit is Limit.STATES
    assert 0.97 < estimate.blocks / 856 < 1.03
    fewer = replace(short, batch=BatchLimits(tokens=8192, requests=estimate.most_states))
    assert budget(fewer).verdict is Verdict.FITS
    before = budget(replace(short, engine=Release.parse("0.19.0")))
    assert Limit.STATES not in {check.limit for check in before.checks}


def test_dense_models_with_states_stay_on_the_first_runner() -> None:
    reasons = "; ".join(serving(QWEN35_27B, "29", accelerator="h100").unmeasured)
    assert "a model with states" in reasons
    assert "of dense models" not in reasons


# Layers that keep nothing, and shapes that differ.


def test_layers_without_attention_take_nothing() -> None:
    """Llama-3.3-Nemotron-Super-49B: 49 layers with 8 KV heads, 31 without attention."""
    result = layout(model(full(49, 8, 128), EmptyLayers(31)))
    assert result.bytes_per_token == 49 * 8 * 128 * 2 * 2
    assert model(full(49, 8, 128), EmptyLayers(31)).layer_count == 80


def test_layers_that_share_keep_nothing_and_leave_the_groups_of_the_others() -> None:
    """gemma-3n-E4B: of 35 layers the last 15 share; 16 sliding and 4 full keep their own."""
    result = layout(model(sliding(16, 2, 256, 512), full(4, 2, 256), EmptyLayers(15)))
    assert group_sizes(result, states=False) == [4, 4, 4, 4, 4]
    assert result.bytes_per_token == 20 * 2 * 256 * 2 * 2


def test_full_layers_of_different_heads_are_one_group() -> None:
    result = layout(model(full(10, 8, 128), full(20, 4, 128), full(5, 1, 64)))
    assert len(result.groups) == 1
    assert result.block_bytes == 16 * (10 * 8 * 256 + 20 * 4 * 256 + 5 * 1 * 128) * 2


def test_query_heads_of_their_own_make_no_group_and_must_divide() -> None:
    layers = Layers(8, 8, 128, num_attention_heads=24)
    geometry = model(full(8, 8, 128), layers)
    assert len(layout(geometry).groups) == 1
    with pytest.raises(SplitError, match="16 does not divide 24 heads"):
        geometry.check_tensor_parallel(16)


def test_values_of_another_width_than_keys() -> None:
    """MiMo-V2-Flash: 9 full layers of 4 KV heads, 39 sliding of 8, keys of 192, values of 128."""
    geometry = model(
        Layers(9, 4, 192, v_head_dim=128), Layers(39, 8, 192, sliding_window=128, v_head_dim=128)
    )
    result = layout(geometry)
    assert result.bytes_per_token == (9 * 4 + 39 * 8) * (192 + 128) * 2
    assert [(group.block_tokens, group.layers) for group in result.groups] == [
        (32, 9),
        (16, 8),
        (16, 7),
    ]


# What vLLM refuses, and what is not known.


@pytest.mark.parametrize(
    ("layers", "size", "message"),
    [
        (QWEN35, 32, "32 does not divide 16 linear key heads"),
        (replace(QWEN35, linear_num_value_heads=36), 8, "8 does not divide 36 linear value heads"),
        (NEMOTRON_H_56B, 16, "16 does not divide 8 Mamba groups"),
        (replace(NEMOTRON3_NANO, mamba_num_heads=24), 16, "16 does not divide 24 Mamba heads"),
        (replace(JAMBA, mamba_intermediate_size=24), 16, "16 does not divide 24 Mamba's inner"),
        (StateLayers(1, 24), 16, "16 does not divide 24 state bytes"),
    ],
)
def test_a_size_that_does_not_divide_a_state_is_refused(
    layers: AnyLayers, size: int, message: str
) -> None:
    with pytest.raises(SplitError, match=message):
        model(full(4, 64, 128), layers).check_tensor_parallel(size)


def test_a_model_that_keeps_nothing_is_refused() -> None:
    with pytest.raises(GeometryError, match="a layer with a cache"):
        model(EmptyLayers(80))


@pytest.mark.parametrize(
    "make",
    [
        lambda: replace(LATENT, kv_lora_rank=0),
        lambda: replace(LATENT, q_lora_rank=0),
        lambda: replace(LATENT, index_head_dim=132),
        lambda: replace(QWEN35, linear_conv_kernel_dim=0),
        lambda: replace(QWEN35, mamba_ssm_dtype="float8"),
        lambda: replace(NEMOTRON3_NANO, n_groups=0),
        lambda: replace(JAMBA, mamba_d_state=-1),
        lambda: StateLayers(1, 0),
        lambda: EmptyLayers(0),
        lambda: EmptyLayers(1, no_kv_cache=False),
        lambda: Layers(1, 8, 128, v_head_dim=0),
    ],
)
def test_numbers_that_no_layer_has_are_refused(make: Callable[[], AnyLayers]) -> None:
    with pytest.raises(GeometryError):
        make()


@pytest.mark.parametrize(
    ("geometry", "last", "next_one"),
    [
        (DEEPSEEK_R1, "0.33.0", "0.34.0"),
        (DEEPSEEK_V32, "0.27.1", "0.28.0"),
        (QWEN35_27B, "0.27.1", "0.28.0"),
    ],
)
def test_a_layout_is_known_of_the_releases_that_were_compared(
    geometry: Geometry, last: str, next_one: str
) -> None:
    for release in ("0.19.0", "0.26.0", last):
        assert not unknown_layout(geometry, Release.parse(release), "nvidia-h100-80gb")
    for release in ("0.18.1", "0.19.0rc1", f"{next_one}rc1", next_one):
        found = unknown_layout(geometry, Release.parse(release), "nvidia-h100-80gb")
        assert f"known for engines 0.19.0 to {last}, not for {release}" in found


@pytest.mark.parametrize(
    ("geometry", "accelerator", "dtype", "expected"),
    [
        (DEEPSEEK_V32, "nvidia-h200-141gb", "auto", ""),
        (DEEPSEEK_V32, "nvidia-b200", "auto", ""),
        (DEEPSEEK_V32, "nvidia-l4", "auto", "indexer on nvidia-l4"),
        (DEEPSEEK_V32, "nvidia-h200-141gb", "fp8", "fp8 latents with a sparse"),
        (DEEPSEEK_R1, "nvidia-l4", "fp8", ""),
        (model(LATENT, full(4, 8, 128)), "nvidia-b200", "auto", "latent attention beside others"),
        (
            model(LATENT, StateLayers(4, 1024)),
            "nvidia-b200",
            "auto",
            "latent attention beside others",
        ),
        (model(full(4, 8, 128), JAMBA, QWEN35), "nvidia-b200", "auto", "several shapes"),
        (model(full(4, 8, 128), full(4, 4, 128), JAMBA), "nvidia-b200", "auto", "several shapes"),
        (model(full(4, 8, 128), EmptyLayers(4)), "nvidia-l4", "fp8", ""),
    ],
)
def test_what_an_attention_backend_decides_is_not_known(
    geometry: Geometry, accelerator: str, dtype: str, expected: str
) -> None:
    found = unknown_layout(geometry, Release.parse("0.26.0"), accelerator, dtype)
    assert (expected in found) if expected else not found


def test_values_were_padded_to_keys_before_0_20_0() -> None:
    geometry = model(Layers(9, 4, 192, v_head_dim=128))
    assert "0.20.0 to" in unknown_layout(geometry, Release.parse("0.19.0"), "nvidia-h100-80gb")
    assert not unknown_layout(geometry, Release.parse("0.20.0"), "nvidia-h100-80gb")
    same = model(Layers(9, 4, 192, v_head_dim=192))
    assert not unknown_layout(same, Release.parse("0.19.0"), "nvidia-h100-80gb")


@pytest.mark.parametrize(
    "layers",
    [
        (full(4, 8, 128), JAMBA, QWEN35),
        (full(4, 8, 128), full(4, 4, 128), JAMBA),
        (LATENT, full(4, 8, 128)),
        (LATENT, StateLayers(4, 1024)),
    ],
)
def test_an_unknown_layout_has_no_numbers(layers: tuple[AnyLayers, ...]) -> None:
    with pytest.raises(GeometryError, match=r"not known|depends on the attention backend"):
        layout(model(*layers))


def serving(
    geometry: Geometry,
    weights: str,
    *,
    accelerator: str = "h200",
    tensor_parallel: int = 1,
    max_model_len: int | None = None,
) -> Serving:
    return Serving(
        geometry=geometry,
        weights=Weights(Decimal(weights)),
        accelerator={"h100": H100, "h200": H200}[accelerator],
        engine=Release.parse("0.26.0"),
        max_model_len=max_model_len or geometry.max_position_embeddings,
        tensor_parallel=tensor_parallel,
        utilization=Decimal("0.95"),
    )
