"""Options that change which weights are loaded, and how they are held.

Bytes are worked out by hand from the models' configurations and vLLM 0.26.0's source.
"""

from __future__ import annotations

import csv
from dataclasses import replace
from decimal import Decimal

import pytest

from ira_manifests.memory import (
    GIB,
    EngineOptions,
    Experts,
    Geometry,
    Serving,
    Weights,
    budget,
    linear_bytes,
)
from ira_manifests.profiles.memory_options import Flags, read
from ira_manifests.profiles.memory_readers import Asked
from ira_manifests.profiles.weight_readers import contradiction
from ira_manifests.vllm import Release
from testing.project import ROOT
from tests.memory.models import (
    GEMMA3_27B,
    GPT_OSS_20B,
    H100,
    LLAMA31_8B,
    LLAMA33_70B,
    full,
    serving,
)

MIXTRAL = Geometry(
    num_attention_heads=32,
    hidden_size=4096,
    vocab_size=32000,
    max_position_embeddings=32768,
    layers=(full(32, 8, 128),),
    experts=Experts(num_experts_per_tok=2, moe_intermediate_size=14336),
)
QWEN25_7B = Geometry(
    num_attention_heads=28,
    hidden_size=3584,
    vocab_size=152064,
    max_position_embeddings=32768,
    intermediate_size=18944,
    layers=(full(28, 4, 128),),
)

LLAMA_8B = Weights(Decimal("14.99"))
LLAMA_70B = Weights(Decimal("131.42"))
GEMMA = Weights(Decimal("51.45"), vision_gib=Decimal("0.78"))
ENGINE = "0.26.0"


def flags(*given: str, of: Geometry, held: Weights, gpus: int = 1, engine: str = ENGINE) -> Flags:
    return read(given, engine, Asked(of, held.per_gpu(of, gpus), gpus, held=held))


def logged() -> dict[str, str]:
    """Return the start-up of Llama-3.1-8B with --quantization=fp8 (llm-d-planner, 0.19.0)."""
    with (ROOT / "tests/data/vllm-memory-measured.csv").open(newline="") as file:
        (row,) = [row for row in csv.DictReader(file) if row["quantization"] == "fp8"]
    return row


def test_a_measured_start_up_has_the_weights_and_the_pool_of_fp8() -> None:
    """The log: 8.49 GiB of weights, 64.61 of KV cache, instead of 14.99 and 58.11."""
    found = flags("--quantization=fp8", of=LLAMA31_8B, held=LLAMA_8B, engine="0.19.0")
    engine = Release.parse("0.19.0")
    cell = Serving(LLAMA31_8B, LLAMA_8B, H100, engine, 8192, utilization=Decimal("0.95"))
    answer = budget(replace(cell, options=found.options))

    assert answer.weights / GIB == pytest.approx(float(logged()["weights_gib"]), abs=0.006)
    assert answer.kv_pool / GIB == pytest.approx(float(logged()["kv_pool_gib"]), rel=0.003)
    assert float(answer.concurrency) == pytest.approx(float(logged()["max_concurrency"]), rel=0.003)


# Llama 3.1 8B: 4096 x (2 x 4096 + 2 x 1024) of attention and 3 x 4096 x 14336 of MLP, 32 layers.
LLAMA_8B_LINEAR = 32 * (4096 * 10240 + 3 * 4096 * 14336)


@pytest.mark.parametrize(
    ("method", "saved"),
    [
        ("fp8", 1),
        ("fp8_per_tensor", 1),
        ("fp8_per_block", 1 - 4 / 128**2),
        ("fp8_per_channel", 1 - 4 / 512),
        ("bitsandbytes", 1.4375),  # two bytes less a half and a float32 for 64
    ],
)
def test_linear_layers_alone_are_quantised(method: str, saved: float) -> None:
    found = flags(f"--quantization={method}", of=LLAMA31_8B, held=LLAMA_8B).options
    assert found.quantised_bytes == pytest.approx(LLAMA_8B_LINEAR * saved, abs=1)
    assert found.dequantises is (method == "bitsandbytes")


def test_a_gpu_holds_its_part_and_replicated_heads_whole() -> None:
    """Qwen2.5-7B has 4 KV heads: of 28 query heads and 4 at TP 4, each has 7 and 1."""
    held = Weights(Decimal("14.25"))
    each = 28 * (3584 * (2 * 7 + 2 * 1) * 128 + 3 * 3584 * 18944 // 4)
    assert linear_bytes(QWEN25_7B, held, 4) == 2 * each


@pytest.mark.parametrize(
    ("geometry", "held"),
    [
        (LLAMA33_70B, Weights(Decimal("67.70"))),  # the checkpoint is fp8 already
        (LLAMA33_70B, Weights(Decimal("131.42"), quantization="fp8")),
        (LLAMA33_70B, Weights(Decimal(200))),  # more than layers and embeddings are
        (replace(LLAMA33_70B, intermediate_size=None), LLAMA_70B),
        (replace(LLAMA33_70B, intermediate_size=2 * 28672), LLAMA_70B),  # the widest of several
        (MIXTRAL, Weights(Decimal(87))),
        (GPT_OSS_20B, Weights(Decimal("13.64"))),
    ],
)
def test_where_it_does_not_show_that_weights_are_in_16_bit_nothing_is_computed(
    geometry: Geometry, held: Weights
) -> None:
    assert linear_bytes(geometry, held, 1) is None
    assert flags("--quantization=fp8_per_tensor", of=geometry, held=held).uncomputed


def test_of_experts_the_profile_has_to_say_it() -> None:
    held = Weights(Decimal(87), linear_gib=Decimal("86.50"))
    found = flags("--quantization=fp8", of=MIXTRAL, held=held, gpus=2)
    assert found == Flags(EngineOptions(quantised_bytes=int(Decimal("86.5") / 4 * GIB)))
    assert flags("--quantization=bitsandbytes", of=MIXTRAL, held=held).uncomputed


def test_the_tower_stays_in_16_bit() -> None:
    """Gemma 3 27B: 62 layers of 5376 x 96 heads x 128, and 3 x 5376 x 21504 values."""
    linear = 62 * (5376 * 96 * 128 + 3 * 5376 * 21504)
    assert linear_bytes(GEMMA3_27B, GEMMA, 1) == 2 * linear
    assert linear_bytes(GEMMA3_27B, replace(GEMMA, vision_gib=None), 1) == 2 * linear


@pytest.mark.parametrize(
    ("method", "value"),
    [("fp8", "fp8"), ("gptq", "gptq_marlin"), ("awq", "awq_marlin"), ("mxfp4", "mxfp4")],
)
def test_the_method_of_the_checkpoint_changes_nothing(method: str, value: str) -> None:
    held = Weights(Decimal("67.70"), quantization=method)
    assert flags(f"--quantization={value}", of=LLAMA33_70B, held=held) == Flags()
    assert not contradiction(value, method, is_16_bit=False)


@pytest.mark.parametrize(
    ("value", "method", "is_16_bit", "wrong"),
    [
        ("fp8_per_tensor", "fp8", False, True),
        ("awq", "gptq", False, True),
        ("bitsandbytes", "awq", False, True),
        ("gptq", "", True, True),
        ("modelopt", "", True, True),
        ("fp8", "", True, False),
        ("bitsandbytes", "", True, False),
        ("awq", "", False, False),  # what the checkpoint is, the profile does not say
        ("torchao", "fp8", False, False),  # not a value that is known here
    ],
)
def test_a_value_contradicts_the_checkpoint(
    value: str,
    method: str,
    is_16_bit: bool,
    wrong: bool,
) -> None:
    """config/model.py (_verify_quantization): only the checkpoint's own method is taken."""
    assert bool(contradiction(value, method, is_16_bit=is_16_bit)) is wrong


@pytest.mark.parametrize(
    ("value", "engine", "known"),
    [
        ("fp8", "0.19.0", True),
        ("fp8_per_tensor", "0.19.1", False),
        ("fp8_per_tensor", "0.20.0", True),
        ("fp8_per_channel", "0.23.0", False),
        ("fp8_per_channel", "0.24.0", True),
        ("fp8", "0.28.0", False),
    ],
)
def test_a_value_is_computed_of_releases_that_take_it(
    value: str,
    engine: str,
    known: bool,
) -> None:
    """QUANTIZATION_METHODS of layers/quantization/__init__.py in each release."""
    found = flags(f"--quantization={value}", of=LLAMA31_8B, held=LLAMA_8B, engine=engine)
    assert bool(found.uncomputed) is not known


def test_offloading_of_quantised_weights_is_not_judged() -> None:
    given = ("--quantization=fp8", "--cpu-offload-gb=2")
    assert flags(*given, of=LLAMA31_8B, held=LLAMA_8B).uncomputed == ("--cpu-offload-gb",)


def test_bitsandbytes_restores_one_matrix_at_a_time() -> None:
    """Llama 3.3 70B at TP 1: 8192 x 28672 values, and 28672 for each of 8192 tokens."""
    cell = serving("llama3", tensor_parallel=1)
    # A batch for which the layers, not the logits, are the peak.
    usual = budget(cell)
    found = budget(replace(cell, options=EngineOptions(dequantises=True)))
    restored = 2 * (8192 * 28672 + 8192 * 28672)
    layers = 8192 * (8192 + 2 * 8192 + 3 * 28672) * 2 + GIB // 32
    assert found.activation == max(usual.activation, layers + restored)
    assert found.activation > usual.activation


def test_without_media_there_is_no_tower_and_no_image() -> None:
    """0.78 GiB of tower; 8192 tokens of 9408 values and 5376 of their embeddings."""
    found = flags("--language-model-only", of=GEMMA3_27B, held=GEMMA)
    tower = int(Decimal("0.78") * GIB)
    assert found == Flags(EngineOptions(vision_bytes=tower, takes_media=False))

    usual = budget(serving("gemma3-27b"))
    answer = budget(replace(serving("gemma3-27b"), options=found.options))
    assert answer.weights == usual.weights - tower
    assert answer.activation == usual.activation - 8192 * (9408 + 5376) * 2


@pytest.mark.parametrize(
    ("limits", "changes"),
    [
        ('{"image":2}', {}),
        ('{"image":{"count":0},"video":0}', {"vision_bytes": int(Decimal("0.39") * GIB)}),
        (
            '{"image":0,"video":0,"audio":0}',
            {"vision_bytes": int(Decimal("0.39") * GIB), "takes_media": False},
        ),
    ],
)
def test_limits_of_media(limits: str, changes: dict[str, object]) -> None:
    found = flags(f"--limit-mm-per-prompt={limits}", of=GEMMA3_27B, held=GEMMA, gpus=2)
    assert found == Flags(EngineOptions(**changes))  # type: ignore[arg-type]


def test_of_a_tower_of_unknown_size_nothing_is_said() -> None:
    held = replace(GEMMA, vision_gib=None)
    assert flags("--language-model-only", of=GEMMA3_27B, held=held).uncomputed
    assert flags('--limit-mm-per-prompt={"image":0,"video":0}', of=GEMMA3_27B, held=held).uncomputed
    assert flags("--language-model-only", of=LLAMA33_70B, held=LLAMA_70B) == Flags()


def test_whole_experts_have_a_wider_workspace() -> None:
    """gpt-oss-20b at TP 2: 8192 tokens x 4 rows of 2880 and 2 x 2880, instead of 2880 and 2880."""
    geometry = replace(GPT_OSS_20B, experts=Experts(4, 2880, 32))
    held = Weights(Decimal("13.64"))
    found = flags("--enable-expert-parallel", of=geometry, held=held, gpus=2)
    assert found == Flags(EngineOptions(whole_experts=True))

    cell = replace(serving("llama3"), geometry=geometry, weights=held, tensor_parallel=2)
    usual = budget(cell)
    answer = budget(replace(cell, options=found.options))
    assert answer.weights == usual.weights
    more = 8192 * 4 * ((2880 + 2 * 2880) - (2880 + 2880)) * 2
    assert answer.activation == usual.activation + more


@pytest.mark.parametrize(
    ("number", "gpus", "known"),
    [(32, 2, True), (32, 1, True), (160, 8, True), (60, 8, False), (None, 2, False)],
)
def test_experts_that_the_gpus_do_not_share_evenly_are_not_judged(
    number: int | None,
    gpus: int,
    known: bool,
) -> None:
    geometry = replace(GPT_OSS_20B, experts=Experts(4, 2880, number))
    held = Weights(Decimal("13.64"))
    found = flags("--enable-expert-parallel", of=geometry, held=held, gpus=gpus)
    assert bool(found.uncomputed) is not known


def test_float32_takes_twice_as_much() -> None:
    """A measured start-up holds 21.40 requests of 8192: vllm-points.csv, which names no model.

    Llama 3.1 8B's weights in float32 and activation in 16 bit leave the 43.12 GiB, of a request
    each, that the file has beside it. Logits have 4 instead of 2 bytes.
    """
    found = flags("--dtype=float32", of=LLAMA31_8B, held=LLAMA_8B, engine="0.19.0")
    assert found == Flags(EngineOptions(element_bytes=4))
    engine = Release.parse("0.19.0")
    cell = Serving(LLAMA31_8B, LLAMA_8B, H100, engine, 8192, utilization=Decimal("0.95"))
    answer = budget(replace(cell, options=found.options))
    usual = budget(cell)

    assert answer.weights == 2 * usual.weights
    assert answer.layout.block_bytes == 32 * 2 * 16 * 8 * 128 * 4
    assert answer.activation - usual.activation == 1024 * 128256 * 2 + (8192 + 2048) * 4096 * 2
    assert float(answer.concurrency) == pytest.approx(21.40, rel=0.003)
    fp8 = replace(answer.serving, kv_cache_dtype="fp8")
    assert budget(fp8).layout.block_bytes == 32 * 2 * 16 * 8 * 128


@pytest.mark.parametrize(
    ("geometry", "held", "given"),
    [
        (MIXTRAL, Weights(Decimal(87), linear_gib=Decimal("86.50")), ()),
        (LLAMA33_70B, Weights(Decimal("67.70")), ()),
        (LLAMA31_8B, LLAMA_8B, ("--quantization=fp8",)),
        (LLAMA31_8B, LLAMA_8B, ("--cpu-offload-gb=1",)),
    ],
)
def test_float32_of_other_weights_is_not_judged(
    geometry: Geometry, held: Weights, given: tuple[str, ...]
) -> None:
    found = flags("--dtype=float32", *given, of=geometry, held=held)
    assert found.uncomputed == ("--dtype",)
