"""The budget adds up, and its verdict is the weakest of vLLM's start-up checks."""

from dataclasses import replace
from decimal import Decimal

import pytest

from ira_manifests.memory import (
    GIB,
    BatchLimits,
    GeometryError,
    Limit,
    Overheads,
    SettingsError,
    Verdict,
    budget,
    round_context,
    safe_context,
    with_max_model_len,
)
from ira_manifests.memory.checks import Check
from ira_manifests.vllm import Release, UnknownReleaseError
from tests.memory.models import CELLS, H100, L4, serving


@pytest.mark.parametrize("utilization", ["0", "-0.1", "1.01"])
def test_utilization_outside_its_range_is_refused(utilization: str) -> None:
    with pytest.raises(SettingsError, match="more than 0 and at most 1"):
        serving("llama3", tensor_parallel=4, utilization=utilization)


def test_a_context_of_nothing_is_refused() -> None:
    with pytest.raises(SettingsError, match="at least 1, got 0"):
        serving("llama3", tensor_parallel=4, max_model_len=0)


def test_a_tensor_parallel_size_that_does_not_divide_is_refused() -> None:
    with pytest.raises(GeometryError, match="does not divide 64 heads"):
        serving("llama3", tensor_parallel=3)


def test_an_unknown_cache_dtype_is_refused_at_once() -> None:
    with pytest.raises(SettingsError, match="none of"):
        replace(serving("llama3", tensor_parallel=4), kv_cache_dtype="int3")


def test_the_parts_add_up_to_the_requested_share() -> None:
    estimate = budget(serving("llama3", tensor_parallel=4, engine="0.19.0"))
    parts = estimate.weights + estimate.activation + estimate.other + estimate.kv_pool
    assert parts == estimate.requested


def test_cuda_graphs_are_inside_the_share_only_where_the_engine_budgets_them() -> None:
    before, after = (
        budget(serving("llama4-scout", tensor_parallel=8, engine=engine))
        for engine in ("0.19.1", "0.20.0")
    )
    assert before.budgeted_graphs == 0
    assert 0 < before.kv_pool - after.kv_pool == after.budgeted_graphs < after.graphs
    assert before.warm_up - after.warm_up == after.budgeted_graphs


def test_the_requested_share_is_rounded_up_to_a_byte_as_vllm_does() -> None:
    estimate = budget(serving("gemma3-27b", utilization="0.95"))
    assert estimate.requested == -(-estimate.total * 95 // 100)


def test_flags_that_set_the_batch_replace_the_default() -> None:
    cell = serving("gemma3-27b")
    smaller = budget(replace(cell, batch=BatchLimits(tokens=2048, requests=256)))
    assert smaller.activation < budget(cell).activation / 2
    assert smaller.kv_request < budget(cell).kv_request


def test_several_gpus_need_memory_for_communication() -> None:
    """2.06 to 2.21 GiB at tensor parallel 2 and 4, 0.24 to 0.26 on one GPU (measured rows)."""
    overheads = Overheads()
    assert overheads.other_bytes(40, 1) / GIB == pytest.approx(0.25, abs=0.01)
    assert overheads.other_bytes(32, 2) / GIB == pytest.approx(2.07, abs=0.01)
    assert overheads.other_bytes(80, 2) / GIB == pytest.approx(2.095, abs=0.01)
    assert overheads.other_bytes(28, 4) / GIB == pytest.approx(2.13, abs=0.02)


def test_llama_of_70b_needs_more_than_one_l4_of_eight() -> None:
    """16.4 GiB of weights in a share of 17.6 GiB."""
    estimate = budget(serving("llama3", L4, tensor_parallel=8, utilization="0.80"))
    assert estimate.weights / GIB == pytest.approx(131.42 / 8, abs=0.1)
    assert estimate.requested / GIB == pytest.approx(17.62, abs=0.01)
    assert estimate.verdict is Verdict.DOES_NOT_FIT
    assert estimate.decisive.limit is Limit.WEIGHTS
    assert estimate.longest_max_model_len == 0
    assert estimate.safe_max_model_len == 0


def test_weights_larger_than_the_gpu_do_not_fit() -> None:
    estimate = budget(serving("llama3", tensor_parallel=1))
    assert estimate.decisive.limit is Limit.WEIGHTS
    assert estimate.concurrency == 0


def test_a_context_too_long_for_the_pool_does_not_fit_for_the_cache() -> None:
    """One GPU: 75.23 GiB requested, 51.45 of weights; before 0.9.1 62 full layers want 62 GiB."""
    estimate = budget(serving("gemma3-27b", engine="0.8.4"))
    assert estimate.kv_request == 62 * GIB
    assert estimate.verdict is Verdict.DOES_NOT_FIT
    assert estimate.decisive.limit is Limit.KV_CACHE


def test_a_share_larger_than_what_is_free_at_start_does_not_fit() -> None:
    """0.53 GiB of an H100 are used before vLLM starts: a share of 0.995 is not free."""
    estimate = budget(serving("llama3", tensor_parallel=4, utilization="0.995", engine="0.19.0"))
    assert estimate.decisive.limit is Limit.START


def test_the_sampler_and_the_graphs_must_fit_beside_the_share() -> None:
    """0.98 leaves 1.58 GiB of an H100; context, CUDA graphs and logits need more."""
    estimate = budget(serving("gpt-oss-20b", utilization="0.98", engine="0.19.0"))
    assert estimate.decisive.limit is Limit.WARM_UP
    assert estimate.verdict is Verdict.DOES_NOT_FIT


def test_measured_cuda_graphs_can_replace_the_estimate() -> None:
    cell = serving("gpt-oss-20b", engine="0.19.0")
    heavy = Overheads(graph_gib=Decimal(3), graph_per_layer_gib=Decimal(0))
    assert budget(cell).decisive.verdict is not Verdict.DOES_NOT_FIT
    assert budget(cell, heavy).decisive.limit is Limit.WARM_UP


def test_a_start_up_that_is_known_to_have_failed_is_not_said_to_fit() -> None:
    """gpt-oss-20b, one H100, 0.19.0, 0.95: out of memory in the sampler's warm-up.

    https://github.com/llm-d-incubation/llm-d-planner/issues/194
    """
    estimate = budget(serving("gpt-oss-20b", engine="0.19.0"))
    assert estimate.verdict is Verdict.TIGHT
    assert estimate.decisive.limit is Limit.WARM_UP
    assert "gpt-oss-20b failed" in estimate.decisive.reason


def test_the_sampler_needs_a_wider_margin_where_nothing_was_measured() -> None:
    """0.945 leaves 2.83 GiB beside share and context: 1.70 for CUDA graphs, 0.49 for logits."""
    measured, newer = (
        budget(serving("llama3", tensor_parallel=4, utilization="0.945", engine=engine)).checks[3]
        for engine in ("0.19.0", "0.19.1")
    )
    assert measured.spare == newer.spare
    assert measured.spare / GIB == pytest.approx(0.64, abs=0.01)
    assert (measured.verdict, newer.verdict) == (Verdict.FITS, Verdict.TIGHT)


def test_a_check_with_less_to_spare_than_its_margin_is_tight() -> None:
    assert Check(Limit.KV_CACHE, spare=4, margin=5).verdict is Verdict.TIGHT
    assert Check(Limit.KV_CACHE, spare=5, margin=5).verdict is Verdict.FITS
    assert Check(Limit.KV_CACHE, spare=-1, margin=5).verdict is Verdict.DOES_NOT_FIT


def test_what_was_measured_needs_a_smaller_margin() -> None:
    measured = budget(serving("llama3", tensor_parallel=4, engine="0.19.0"))
    newer = budget(serving("llama3", tensor_parallel=4, engine="0.26.0"))
    assert measured.is_measured
    assert not newer.is_measured
    assert newer.margin > measured.margin


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("l4-gemma3-27b", "on nvidia-l4"),
        ("h200-llama3", "on nvidia-h200-141gb"),
        ("h100-llama3", "with engine 0.26.0"),
        ("h100-llama4-scout", "at tensor parallel 8"),
        ("h100-gemma3-27b", "KV cache of dense models too large"),
    ],
)
def test_a_figure_that_rests_on_no_measurement_says_why(name: str, reason: str) -> None:
    assert any(reason in text for text in CELLS[name].unmeasured)


def test_a_mixture_of_experts_is_profiled_in_full_by_every_engine() -> None:
    assert not any("of dense models" in text for text in CELLS["h100-llama4-scout"].unmeasured)


@pytest.mark.parametrize(
    ("tokens", "rounded"),
    [(131072, 131072), (131071, 130048), (8191, 7936), (1023, 1008), (15, 0), (0, 0)],
)
def test_a_context_is_rounded_down_to_a_step_a_person_would_choose(
    tokens: int, rounded: int
) -> None:
    assert round_context(tokens) == rounded


def test_the_context_for_auto_is_not_tight() -> None:
    tight = serving("gemma3-27b")
    longest = budget(tight).safe_max_model_len
    assert budget(with_max_model_len(tight, longest)).verdict is Verdict.FITS


def test_the_longest_context_is_at_most_the_models_own() -> None:
    assert budget(CELLS["h200-llama3"]).longest_max_model_len == 131072


def test_kv_bytes_per_token_are_those_of_all_layers() -> None:
    """Llama 3.3 70B on 4 GPUs: 80 layers x 2 x 2 heads x 128 values x 2 bytes."""
    assert budget(CELLS["h100-llama3"]).kv_bytes_per_token == 81920


def test_blocks_and_tokens_follow_the_pool() -> None:
    estimate = budget(serving("llama3", tensor_parallel=4, engine="0.19.0"))
    assert estimate.blocks == estimate.kv_pool // estimate.layout.block_bytes
    assert estimate.tokens == estimate.blocks * 16
    assert estimate.blocks_per_request == 8192


def test_an_a100_of_80_gb_keeps_small_batches() -> None:
    large = replace(serving("gemma3-27b"), accelerator=replace(H100, is_a100=True))
    assert budget(large).activation < budget(serving("gemma3-27b")).activation / 2


RANKS = [Verdict.DOES_NOT_FIT, Verdict.TIGHT, Verdict.FITS]


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize(
    ("before", "release"),
    [("0.9.0.1", "0.9.1"), ("0.13.0", "0.14.0"), ("0.16.0", "0.17.0"), ("0.19.1", "0.20.0"),
     ("0.24.0", "0.25.0"), ("0.25.1", "0.26.0"), ("0.27.1", "0.28.0"), ("0.28.0", "0.29.0")],
)  # fmt: skip
def test_a_candidate_fits_only_where_the_releases_before_and_after_it_do(
    name: str, before: str, release: str
) -> None:
    either = [budget(replace(CELLS[name], engine=Release.parse(e))) for e in (before, release)]
    candidate = budget(replace(CELLS[name], engine=Release.parse(f"{release}rc1")))

    verdicts = [answer.verdict for answer in either]
    assert candidate.verdict is min(verdicts, key=RANKS.index)
    spare = {answer.kv_pool - answer.kv_request for answer in either}
    assert candidate.kv_pool - candidate.kv_request in spare


def test_a_candidate_is_taken_for_whichever_needs_more() -> None:
    """Windows keep their own blocks from 0.9.1; CUDA graphs leave the cache less from 0.20."""
    old = budget(serving("gemma3-27b", engine="0.9.1rc1"))
    assert old.kv_request == 62 * GIB
    assert old.verdict is Verdict.DOES_NOT_FIT

    new = budget(serving("gemma3-27b", engine="0.20.0rc1", utilization="0.90"))
    assert new.budgeted_graphs > 0
    assert new.kv_pool == budget(serving("gemma3-27b", engine="0.20.0", utilization="0.90")).kv_pool


@pytest.mark.parametrize("release", ["0.9.1", "0.20.0", "0.26.0"])
def test_auto_takes_a_context_that_is_safe_before_and_after_a_candidate(release: str) -> None:
    before = {"0.9.1": "0.9.0.1", "0.20.0": "0.19.1", "0.26.0": "0.25.1"}[release]
    either = [safe_context(serving("gemma3-27b", engine=engine)) for engine in (before, release)]

    assert safe_context(serving("gemma3-27b", engine=f"{release}rc1")) == min(either)
    assert len(set(either)) == 2 or max(either) == 131072


def test_a_candidate_is_named_as_a_reason_for_more_margin() -> None:
    answer = budget(serving("gemma3-27b", engine="0.26.0rc1"))
    reason = "engine 0.26.0rc1 may have the changes of 0.26.0 or not"
    assert reason in answer.serving.unmeasured


def test_an_engine_older_than_the_oldest_known_one_is_refused() -> None:
    with pytest.raises(UnknownReleaseError, match=r"0\.8\.3 is too old"):
        serving("gemma3-27b", engine="0.8.3")


def test_an_engine_may_be_compared_with_another() -> None:
    assert serving("gemma3-27b").engine == Release.parse("0.26.0")
