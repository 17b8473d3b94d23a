"""Properties of the estimate for every model, GPU and engine."""

from dataclasses import replace
from decimal import Decimal

from hypothesis import assume, given
from hypothesis import strategies as st

from ira_manifests.memory import (
    Accelerator,
    AnyLayers,
    EmptyLayers,
    Experts,
    GatedDeltaNetLayers,
    Geometry,
    LatentLayers,
    Layers,
    Limit,
    Mamba1Layers,
    Mamba2Layers,
    Serving,
    StateLayers,
    Verdict,
    Weights,
    budget,
    round_context,
    with_max_model_len,
)
from ira_manifests.vllm import Release
from tests.support import examples

SIZES = st.sampled_from([1, 2, 4, 8])
ENGINES = st.sampled_from(
    ["0.8.4", "0.9.1", "0.12.0", "0.14.0", "0.17.0", "0.19.1", "0.21.0", "0.26.0"]
)
UTILIZATIONS = st.decimals(Decimal("0.3"), Decimal("0.97"), places=3)
GPUS = st.sampled_from(
    [
        Accelerator("nvidia-l4", Decimal("22.03"), multiprocessors=58),
        Accelerator("nvidia-h100-80gb", Decimal("79.19")),
        Accelerator("nvidia-a100-80gb", Decimal("79.25"), is_a100=True, multiprocessors=108),
        Accelerator("nvidia-h200-141gb", Decimal("139.80")),
    ]
)


COUNTS = st.integers(1, 80)
DIMS = st.sampled_from([64, 128, 256])
EIGHTS = st.integers(1, 32).map(lambda number: 8 * number)
STATES = st.one_of(
    st.builds(GatedDeltaNetLayers, COUNTS, EIGHTS, EIGHTS, DIMS, DIMS, st.integers(1, 8)),
    st.builds(Mamba2Layers, COUNTS, EIGHTS, DIMS, DIMS, st.sampled_from([1, 8]), st.just(4)),
    st.builds(Mamba1Layers, COUNTS, EIGHTS, st.integers(1, 64), st.integers(1, 8)),
    st.builds(StateLayers, COUNTS, EIGHTS),
)
EMPTY = st.builds(EmptyLayers, COUNTS)


@st.composite
def any_layers(draw: st.DrawFn) -> tuple[AnyLayers, ...]:
    """Return layers with token caches, states or both, and maybe layers without a cache."""
    latents = st.builds(
        LatentLayers, COUNTS, DIMS, DIMS, DIMS, DIMS, index_head_dim=st.sampled_from([None, 128])
    )
    attention = st.builds(Layers, COUNTS, SIZES, DIMS)
    kinds = draw(
        st.one_of(layer_sets(), st.tuples(latents), st.tuples(attention, STATES), st.tuples(STATES))
    )
    return (*kinds, *draw(st.lists(EMPTY, max_size=1)))


@st.composite
def layer_sets(draw: st.DrawFn) -> tuple[Layers, ...]:
    kv_heads, head_dim = draw(SIZES), draw(st.sampled_from([64, 128, 256]))
    result = [Layers(draw(st.integers(1, 80)), kv_heads, head_dim)]
    for reach in draw(st.sets(st.sampled_from(["sliding_window", "attention_chunk_size"]))):
        tokens = draw(st.integers(1, 16384))
        result.append(Layers(draw(st.integers(1, 80)), kv_heads, head_dim, **{reach: tokens}))
    return tuple(result)


GEOMETRIES = st.builds(
    Geometry,
    num_attention_heads=st.sampled_from([8, 16, 32, 64]),
    hidden_size=st.integers(1024, 8192),
    vocab_size=st.integers(1000, 262208),
    max_position_embeddings=st.integers(1, 1 << 20),
    layers=any_layers(),
    intermediate_size=st.none() | st.integers(1, 36864),
    experts=st.none() | st.builds(Experts, st.integers(1, 8), st.integers(1, 16384)),
    image_values_per_token=st.sampled_from([0, 2352, 9408]),
)


@st.composite
def servings(draw: st.DrawFn) -> Serving:
    return Serving(
        geometry=draw(GEOMETRIES),
        weights=Weights(draw(st.decimals(Decimal("0.5"), Decimal(100), places=2))),
        accelerator=draw(GPUS),
        engine=Release.parse(draw(ENGINES)),
        tensor_parallel=draw(SIZES),
        max_model_len=draw(st.integers(1, 1 << 20)),
        utilization=draw(UTILIZATIONS),
        kv_cache_dtype=draw(st.sampled_from(["auto", "fp8"])),
    )


def spare(serving: Serving, length: int) -> int:
    estimate = budget(with_max_model_len(serving, length))
    return estimate.kv_pool - estimate.kv_request


@examples(100)
@given(servings())
def test_the_longest_context_fits_and_one_token_more_does_not(serving: Serving) -> None:
    longest = budget(serving).longest_max_model_len
    if longest:
        assert spare(serving, longest) >= 0
    if longest < serving.geometry.max_position_embeddings:
        assert spare(serving, longest + 1) < 0


@examples(100)
@given(servings())
def test_the_context_for_auto_keeps_its_margin(serving: Serving) -> None:
    safe = budget(serving).safe_max_model_len
    assume(safe)
    estimate = budget(with_max_model_len(serving, safe))
    cache = next(check for check in estimate.checks if check.limit is Limit.KV_CACHE)
    assert cache.verdict is Verdict.FITS
    assert safe <= estimate.longest_max_model_len


@examples(100)
@given(servings(), st.integers(1, 1 << 20))
def test_a_longer_context_never_needs_fewer_blocks(serving: Serving, more: int) -> None:
    layout, length = budget(serving).layout, serving.max_model_len
    assert layout.blocks_per_request(length + more) >= layout.blocks_per_request(length)


@examples(100)
@given(servings(), UTILIZATIONS)
def test_more_utilization_never_lowers_the_pool(serving: Serving, other: Decimal) -> None:
    low, high = sorted((serving.utilization, other))
    pools = [budget(replace(serving, utilization=value)).kv_pool for value in (low, high)]
    assert pools == sorted(pools)


@examples(100)
@given(servings())
def test_more_gpus_never_raise_the_weights_of_one(serving: Serving) -> None:
    sizes = [serving.weights.per_gpu(serving.geometry, size) for size in (1, 2, 4, 8)]
    whole = serving.geometry.max_position_embeddings * serving.geometry.head_dim * 2
    attention = serving.geometry.attention
    if sizes[0] > whole and attention and attention[0].num_key_value_heads == 8:
        assert sizes == sorted(sizes, reverse=True)


@examples(100)
@given(servings())
def test_groups_hold_every_layer_once_and_never_more_than_their_slots(serving: Serving) -> None:
    layout = budget(serving).layout
    cached = [item.count for item in serving.geometry.layers if not isinstance(item, EmptyLayers)]
    assert sum(group.count * group.layers for group in layout.groups) == sum(cached)
    page = layout.block_bytes // max(group.layers for group in layout.groups)
    assert page > 0


@examples(100)
@given(servings())
def test_an_fp8_cache_never_holds_fewer_requests(serving: Serving) -> None:
    wide, narrow = (
        budget(replace(serving, kv_cache_dtype=dtype)).concurrency for dtype in ("auto", "fp8")
    )
    assert narrow >= wide


@examples(100)
@given(servings())
def test_requests_that_fit_are_at_least_one(serving: Serving) -> None:
    estimate = budget(serving)
    assert (estimate.concurrency >= 1) == (estimate.kv_pool >= estimate.kv_request)


@examples(100)
@given(servings())
def test_a_cell_that_fits_has_no_failing_check(serving: Serving) -> None:
    estimate = budget(serving)
    worst = {check.verdict for check in estimate.checks}
    if estimate.verdict is Verdict.FITS:
        assert worst == {Verdict.FITS}
    else:
        assert estimate.verdict in worst


@examples(100)
@given(servings())
def test_a_smaller_vocabulary_never_costs_more(serving: Serving) -> None:
    smaller = replace(serving.geometry, vocab_size=max(1, serving.geometry.vocab_size // 2))
    assert budget(replace(serving, geometry=smaller)).activation <= budget(serving).activation


@examples(100)
@given(st.integers(0, 1 << 24))
def test_rounding_a_context_goes_down_by_less_than_a_step(tokens: int) -> None:
    rounded = round_context(tokens)
    assert tokens - 1024 < rounded <= tokens
    assert round_context(rounded) == rounded
