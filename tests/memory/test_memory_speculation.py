"""N-gram speculation, worked out by hand from vLLM's rejection sampler and CUDA graph sizes."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from ira_manifests.memory import (
    GIB,
    Accelerator,
    BatchLimits,
    EngineOptions,
    Geometry,
    LatentLayers,
    Layers,
    Limit,
    Serving,
    SettingsError,
    Weights,
    budget,
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
PLAIN = Serving(
    LLAMA_8B,
    Weights(Decimal("14.99")),
    Accelerator("nvidia-h100-80gb", Decimal("79.19")),
    Release.parse("0.26.0"),
    8192,
    options=EngineOptions(async_scheduling=False),
)
NGRAM = replace(PLAIN, options=EngineOptions(async_scheduling=False, draft_tokens=5))


@pytest.mark.parametrize("tokens", [1, 5, 128])
def test_the_rejection_sampler_holds_thirty_bytes_a_logit_however_many_tokens_are_proposed(
    tokens: int,
) -> None:
    """Expected: 1024 requests, 30 - 14 bytes for each of 128256 entries; hidden states alike.

    On 0.24.0, where both run on the first model runner.
    """
    plain = replace(PLAIN, engine=Release.parse("0.24.0"))
    ngram = replace(plain, options=replace(NGRAM.options, draft_tokens=tokens))
    assert budget(ngram).activation - budget(plain).activation == 16 * 1024 * 128256


def test_the_warm_up_has_the_logits_of_two_tokens() -> None:
    options = replace(PLAIN.options, capture_sizes=())
    plain = budget(replace(PLAIN, options=options))
    ngram = budget(replace(PLAIN, options=replace(options, draft_tokens=5)))
    assert ngram.warm_up - plain.warm_up == 4 * 1024 * 128256


@pytest.mark.parametrize(
    ("tokens", "requests", "bytes_per_entry"),
    [
        (0, 1024, 0),
        # 12 + 14 bytes: less than the 30 of the profile.
        (1, 1024, 0),
        (5, 1024, 1024 * (12 + 14 * 5 - 30)),
        # 8192 tokens are 910 requests of 9.
        (8, 1024, 910 * (12 + 14 * 8) - 1024 * 30),
        (5, 16, 16 * (12 + 14 * 5 - 30)),
    ],
)
def test_what_the_profile_leaves_out_of_a_full_batch_widens_the_margin_outside_the_share(
    tokens: int, requests: int, bytes_per_entry: int
) -> None:
    options = replace(PLAIN.options, draft_tokens=tokens)
    found = budget(replace(PLAIN, options=options, batch=BatchLimits(8192, requests)))
    assert found.unprofiled == bytes_per_entry * 128256
    (warm_up,) = [check for check in found.checks if check.limit is Limit.WARM_UP]
    assert warm_up.margin == GIB + found.unprofiled
    assert ("one proposed token" in warm_up.reason) == (tokens > 1)


@pytest.mark.parametrize(
    ("tokens", "options", "batch", "sizes"),
    [
        (0, {}, BatchLimits(8192, 1024), 51),
        # 1, 2 and 4 become 6, the 31 from 8 to 248 and the 16 from 256 to 496 stay apart, and 512
        # would be 516.
        (5, {}, BatchLimits(8192, 1024), 48),
        (0, {}, BatchLimits(8192, 10), 5),
        # 4, and 8 to 80 in steps of 8.
        (3, {}, BatchLimits(8192, 10), 11),
        (3, {"capture_sizes": (1, 2, 8, 10)}, BatchLimits(8192, 10), 2),
        (3, {"largest_capture": 16}, BatchLimits(8192, 1024), 3),
        (3, {"capture_sizes": ()}, BatchLimits(8192, 10), 0),
        (5, {}, BatchLimits(1, 1), 0),
    ],
)
def test_sizes_of_graphs_are_multiples_of_a_requests_tokens(
    tokens: int, options: dict[str, Any], batch: BatchLimits, sizes: int
) -> None:
    assert EngineOptions(draft_tokens=tokens, **options).captured_sizes(batch) == sizes


def test_windows_hold_one_batch_in_flight() -> None:
    """Expected: n-gram turns asynchronous scheduling off (config/vllm.py)."""
    (asynchronous,) = [replace(PLAIN, options=EngineOptions())]
    assert asynchronous.facts.batches_in_flight == 2
    assert NGRAM.facts.batches_in_flight == 1


def test_dense_models_stay_on_the_first_runner() -> None:
    """Expected: _get_v2_model_runner_unsupported_features of config/vllm.py."""
    assert any("start-up profile leaves out" in reason for reason in PLAIN.unmeasured)
    assert not any("start-up profile leaves out" in reason for reason in NGRAM.unmeasured)


ASKED = Asked(LLAMA_8B, 15 * GIB, 1, 1, PLAIN.weights)


def config(**keys: object) -> str:
    return f"--speculative-config={json.dumps(keys)}"


@pytest.mark.parametrize(
    ("flags", "tokens"),
    [
        ([config(method="ngram", num_speculative_tokens=5, prompt_lookup_max=4)], 5),
        ([config(model="[ngram]", num_speculative_tokens="3")], 3),
        (['--speculative-config={"method":"ngram","num-speculative-tokens":2}'], 2),
        (["--speculative-config.method=ngram", "--speculative-config.num_speculative_tokens=4"], 4),
        (["--spec-method=ngram", "--spec-tokens=4"], 4),
        (["--spec-tokens=4", config(method="ngram")], 4),
        ([config(method="ngram", num_speculative_tokens=128)], 128),
    ],
)
def test_ngram_is_read_from_every_form(flags: list[str], tokens: int) -> None:
    found = read(flags, "0.26.0", ASKED)
    assert found.uncomputed == ()
    assert found.options == EngineOptions(async_scheduling=False, draft_tokens=tokens)


@pytest.mark.parametrize(
    "keys",
    [
        {"method": "ngram"},
        {"method": "ngram", "num_speculative_tokens": 0},
        {"method": "ngram", "num_speculative_tokens": 129},
        {"method": "ngram", "num_speculative_tokens": True},
        {"method": "ngram", "num_speculative_tokens": 1.5},
        {"method": "ngram", "num_speculative_tokens": "9" * 5000},
        {"method": "ngram", "num_speculative_tokens": [1]},
        {"method": ["ngram"], "num_speculative_tokens": 1},
        {"method": "ngram", "model": "org/draft", "num_speculative_tokens": 1},
        {"method": "ngram_gpu", "num_speculative_tokens": 1},
        {"method": "suffix", "num_speculative_tokens": 1},
        {"method": "mtp", "num_speculative_tokens": 1},
        {"method": "eagle3", "model": "org/eagle", "num_speculative_tokens": 3},
        {"model": "org/draft", "num_speculative_tokens": 3},
        {"num_speculative_tokens": 3},
        {"method": "ngram", "num_speculative_tokens": 1, "quantization": "fp8"},
        {"method": "ngram", "num_speculative_tokens": 1, "prompt_lookup_max": 0},
        {
            "method": "ngram",
            "num_speculative_tokens": 1,
            "prompt_lookup_min": 5,
            "prompt_lookup_max": 2,
        },
        {},
    ],
)
def test_other_methods_and_settings_are_not_judged(keys: dict[str, object]) -> None:
    assert read([config(**keys)], "0.26.0", ASKED).uncomputed == ("--speculative-config",)


@pytest.mark.parametrize("text", ["null", "[]", "7", "ngram", "[" * 100_000, '{"method":', "NaN"])
def test_text_that_is_no_object_is_not_judged(text: str) -> None:
    found = read([f"--speculative-config={text}"], "0.26.0", ASKED)
    assert found.uncomputed == ("--speculative-config",)


@pytest.mark.parametrize(
    "flags",
    [
        ["--async-scheduling"],
        ["--enable-lora"],
        ["--max-cudagraph-capture-size=4"],
        ["--cudagraph-capture-sizes", "1", "4"],
        ["--max-num-batched-tokens=4"],
        ["--compilation-config.cudagraph_mode=PIECEWISE"],
    ],
)
def test_options_beside_which_the_engine_may_not_start_are_not_judged(flags: list[str]) -> None:
    ngram = config(method="ngram", num_speculative_tokens=4)
    assert read([ngram, *flags], "0.26.0", ASKED).uncomputed == ("--speculative-config",)


def test_keys_given_twice_are_not_judged() -> None:
    """The engine refuses them: create_speculative_config of engine/arg_utils.py."""
    found = read(
        ["--spec-tokens=4", config(method="ngram", num_speculative_tokens=4)], "0.26.0", ASKED
    )
    assert set(found.uncomputed) == {"--speculative-config", "--spec-tokens"}


@pytest.mark.parametrize(
    "changes",
    [
        {"geometry": replace(LLAMA_8B, layers=(LatentLayers(32, 512, 64, 128, 128),))},
        {"pipeline_parallel": 2},
    ],
)
def test_layers_and_stages_that_were_not_compared_are_not_judged(changes: dict[str, Any]) -> None:
    ngram = config(method="ngram", num_speculative_tokens=4)
    found = read([ngram], "0.26.0", replace(ASKED, **changes))
    assert found.uncomputed == ("--speculative-config",)


def test_a_negative_number_of_tokens_is_refused() -> None:
    with pytest.raises(SettingsError, match="must be positive"):
        EngineOptions(draft_tokens=-1)
