"""Single start-ups that their owners published: tests/data/vllm-points.csv."""

import csv
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

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
from tests.memory.models import (
    CELLS,
    GPT_OSS_20B,
    H100,
    H200,
    L4,
    LLAMA31_8B,
    LLAMA33_70B,
    full,
    serving,
)

with (Path(__file__).parents[1] / "data" / "vllm-points.csv").open(newline="") as file:
    POINTS = list(csv.DictReader(file))

MIXTRAL = Geometry(
    num_attention_heads=32,
    hidden_size=4096,
    vocab_size=32000,
    max_position_embeddings=32768,
    layers=(full(32, 8, 128),),
    experts=Experts(num_experts_per_tok=2, moe_intermediate_size=14336),
)
LARGE = BatchLimits(8192, 1024)


def point(model: str, what: str, size: int = 1) -> Decimal:
    """Return the value of a published start-up."""
    values = {
        row["value"]
        for row in POINTS
        if model in row["model"] and what in row["what"] and row["tensor_parallel"] == f"{size}"
    }
    (value,) = values
    return Decimal(value)


@pytest.mark.parametrize(
    ("model", "geometry", "size"),
    [
        ("any model", LLAMA31_8B, 1),
        ("any dense model", LLAMA33_70B, 2),
        ("openai/gpt-oss-20b", GPT_OSS_20B, 2),
    ],
)
def test_the_memory_that_is_used_before_the_start_is_the_published_one(
    model: str, geometry: Geometry, size: int
) -> None:
    used = Overheads().context_bytes(geometry, size, is_h100=True) / GIB
    assert used == pytest.approx(float(point(model, "used before start", size)), abs=0.021)


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


@pytest.mark.parametrize(
    ("model", "geometry"),
    [
        ("gpt-oss-20b", GPT_OSS_20B),
        (
            "DeepSeek-V2-Lite",
            replace(MIXTRAL, layers=(full(27, 1, 576),), experts=Experts(6, 1408)),
        ),
    ],
)
def test_cuda_graphs_of_many_experts_are_not_under_estimated(
    model: str, geometry: Geometry
) -> None:
    overheads = Overheads()
    actual = overheads.graph_bytes(geometry, LARGE) / GIB
    estimated = overheads.estimated_graph_bytes(geometry, LARGE) / GIB
    assert actual >= float(point(model, "CUDA graphs actual")) - 0.01
    assert actual <= 1.95
    assert estimated == pytest.approx(
        float(point(model, "CUDA graphs as the engine estimates")), abs=0.03
    )


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


def test_gpt_oss_on_two_h100_at_0_90_starts_as_published() -> None:
    cell = replace(
        serving("gpt-oss-20b", tensor_parallel=2, max_model_len=8192, utilization="0.90"),
        engine=Release.parse("0.19.0"),
        weights=Weights(Decimal("13.64"), {2: Decimal("7.01")}),
    )
    estimate = budget(cell)
    assert estimate.verdict is Verdict.FITS
    assert estimate.kv_pool / GIB == pytest.approx(
        float(point("gpt-oss-20b", "starts; KV pool", 2)), rel=0.01
    )


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
