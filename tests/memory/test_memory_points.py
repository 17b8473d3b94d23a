"""Single start-ups that their owners published: tests/data/vllm-points.csv."""

from dataclasses import replace
from decimal import Decimal

import pytest

from ira_manifests.memory import (
    GIB,
    Accelerator,
    BatchLimits,
    EngineOptions,
    Experts,
    Geometry,
    Limit,
    Overheads,
    Serving,
    Verdict,
    Weights,
    budget,
)
from ira_manifests.vllm import Release
from testing.points import GEMMA3_27B, QWEN3_32B, Point, points
from tests.memory.models import CELLS, H100, H200, L4, LLAMA31_8B, full, serving

MIXTRAL = Geometry(
    num_attention_heads=32,
    hidden_size=4096,
    vocab_size=32000,
    max_position_embeddings=32768,
    layers=(full(32, 8, 128),),
    experts=Experts(num_experts_per_tok=2, moe_intermediate_size=14336),
)
LARGE = BatchLimits(8192, 1024)


@pytest.mark.parametrize(
    "point",
    [point for point in points() if point.judgement.holds is not None],
    ids=lambda point: f"{point.row['model'].split('/')[-1]}-{point.row['engine']}",
)
def test_the_estimate_is_within_3_per_cent_or_on_the_right_side(point: Point) -> None:
    assert point.judgement.holds, (point.row, point.judgement)


def test_a_point_that_is_not_judged_says_why() -> None:
    unjudged = [point for point in points() if point.judgement.holds is None]
    assert all(point.judgement.note for point in unjudged)


def test_a_new_row_of_the_file_must_be_covered(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"model": "new", "engine": "0.33.0", "tensor_parallel": "1", "what": "KV pool"}
    monkeypatch.setattr("testing.points.read_rows", lambda _: [row])
    with pytest.raises(KeyError, match="new"):
        points()


def mixtral(utilization: str) -> Serving:
    return Serving(
        geometry=MIXTRAL,
        weights=Weights(Decimal("87.0"), {2: Decimal("43.51")}),
        accelerator=H100,
        engine=Release.parse("0.19.0"),
        max_model_len=8192,
        tensor_parallel=2,
        utilization=Decimal(utilization),
    )


def test_mixtral_on_two_gpus_starts_at_0_95_and_not_at_0_98() -> None:
    """77.18 GiB of 79.19 are free at start, and 0.98 asks for 77.61."""
    assert budget(mixtral("0.95")).verdict is Verdict.FITS
    estimate = budget(mixtral("0.98"))
    assert estimate.verdict is Verdict.DOES_NOT_FIT
    assert estimate.decisive.limit is Limit.START


def test_an_l4_beside_another_one_does_not_start_at_0_9() -> None:
    """19.77 GiB of 22.05 were free, and 0.9 asks for 19.84."""
    reported = Accelerator("nvidia-l4", Decimal("22.05"), multiprocessors=58)
    cell = replace(CELLS["l4-gemma3-27b"], accelerator=reported, utilization=Decimal("0.9"))
    estimate = budget(cell)
    assert estimate.decisive.limit is Limit.START
    assert estimate.verdict is Verdict.DOES_NOT_FIT
    assert estimate.outside / GIB == pytest.approx(19.77 - 0.9 * 22.05, abs=0.01)


@pytest.mark.parametrize("utilization", ["0.80", "0.88"])
def test_eight_l4_start_where_that_memory_is_free(utilization: str) -> None:
    cell = replace(CELLS["l4-gemma3-27b"], utilization=Decimal(utilization))
    assert budget(cell).outside > 0


@pytest.mark.parametrize("accelerator", [L4, H200])
def test_gpus_that_were_not_measured_keep_what_the_worst_report_says(
    accelerator: Accelerator,
) -> None:
    estimate = budget(serving("gemma3-27b", accelerator, tensor_parallel=2, utilization="0.5"))
    assert (estimate.total - estimate.requested - estimate.outside) / GIB == pytest.approx(2.28)


def test_cuda_graphs_shrink_with_the_sequences() -> None:
    """0.19 GiB were logged with --max-num-seqs=10, which captures 1, 2, 4, 8 and 16."""
    ten = BatchLimits(8192, 10)
    assert EngineOptions().captured_sizes(ten) == 5
    small = BatchLimits(2048, 256)
    assert {EngineOptions().captured_sizes(each) for each in (LARGE, small)} == {51}
    assert Overheads().graph_bytes(LLAMA31_8B, ten) / GIB == pytest.approx(0.19, abs=0.01)


@pytest.mark.parametrize("engine", ["0.19.0", "0.19.1", "0.20.0", "0.21.0", "0.26.0", "0.33.0"])
def test_gpt_oss_on_one_h100_at_0_95_is_not_said_to_fit(engine: str) -> None:
    """Its sampler's warm-up ran out of memory on 0.19.0; later releases are not measured."""
    estimate = budget(serving("gpt-oss-20b", engine=engine, max_model_len=8192))
    assert estimate.verdict is Verdict.TIGHT
    assert estimate.decisive.limit is Limit.WARM_UP
    assert estimate.decisive.reason


@pytest.mark.parametrize(
    ("engine", "gpu", "backed"),
    [
        ("0.19.0", H100, True),
        ("0.17.0", H100, False),
        ("0.19.1", H100, False),
        ("0.20.0", H100, False),
        ("0.19.0", H200, False),
    ],
)
def test_only_0_19_0_on_h100_is_measured(engine: str, gpu: Accelerator, backed: bool) -> None:
    assert budget(serving("gemma3-27b", gpu, engine=engine)).is_measured is backed


def gemma3(engine: str, utilization: str = "0.92") -> Serving:
    """Return the reference architecture's H100 cell of gemma3-27b."""
    return Serving(
        geometry=GEMMA3_27B,
        weights=Weights(Decimal("51.45")),
        accelerator=H100,
        engine=Release.parse(engine),
        max_model_len=131072,
        utilization=Decimal(utilization),
    )


def test_the_reference_cell_of_gemma3_on_0_11_2_is_tight_and_no_error() -> None:
    """Its source sorts 1024 x 262208 logits at 38 bytes: 9.5 GiB, of which 6.0 are for the sort.

    With them 2.9 GiB are missing, without them 3 are left.
    """
    estimate = budget(gemma3("0.11.2"))
    assert (estimate.kv_pool - estimate.kv_request) / GIB == pytest.approx(-2.9, abs=0.1)
    assert estimate.doubt / GIB == pytest.approx(1024 * 262208 * 24 / GIB, abs=0.01)
    assert estimate.verdict is Verdict.TIGHT
    assert "sort" in estimate.decisive.reason


def test_a_shortfall_larger_than_the_doubt_is_an_error() -> None:
    assert budget(gemma3("0.11.2", "0.85")).verdict is Verdict.DOES_NOT_FIT


@pytest.mark.parametrize("engine", ["0.10.1.1", "0.11.0"])
def test_the_reference_cell_of_gemma3_fits_engines_whose_image_does_not_sort(engine: str) -> None:
    """The image of these releases samples with FlashInfer: vLLM's docker/Dockerfile."""
    assert budget(gemma3(engine, "0.95")).verdict is Verdict.FITS


def qwen3(utilization: str, gpu: Accelerator = H100) -> Serving:
    return Serving(
        geometry=QWEN3_32B,
        weights=Weights(Decimal("32.4")),
        accelerator=gpu,
        engine=Release.parse("0.26.0"),
        max_model_len=32768,
        utilization=Decimal(utilization),
    )


def test_what_a_lean_profile_leaves_out_must_stay_free_for_a_model_to_fit() -> None:
    """0.45 of an H100 starts by the engine's profile, and keeps nothing for the sampler."""
    assert budget(qwen3("0.90")).left_out > 0
    assert budget(qwen3("0.90")).verdict is Verdict.FITS
    estimate = budget(replace(qwen3("0.90"), utilization=Decimal("0.575")))
    assert estimate.kv_pool > estimate.kv_request + estimate.margin - estimate.left_out
    assert estimate.verdict is Verdict.TIGHT


def test_the_lean_profile_is_taken_for_granted_on_h100_alone() -> None:
    """A log of an H100 agrees with the source; one of an L4 has 0.8 GiB less of KV cache."""
    h100, h200 = budget(qwen3("0.90")), budget(qwen3("0.90", H200))
    assert h100.doubt == h200.left_out == 0
    assert h200.doubt == pytest.approx(h100.left_out, rel=0.01)
