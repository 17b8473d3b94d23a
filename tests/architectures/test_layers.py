"""Layers, heads, windows and experts of published models, against a table typed from their files.

Each row was counted by hand in config.json (`layer_types`, patterns, intervals), and in vLLM's
model class where that decides.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from ira_manifests.architectures import RefusedError, read
from ira_manifests.architectures.config import Config
from ira_manifests.architectures.families import FAMILIES
from ira_manifests.architectures.layers import grouped
from tests.architectures.configs import GEMMA3_27B, MEASURED, NAMES, config, hf_quant

Group = dict[str, Any]


def full(count: int, kv_heads: int, head_dim: int, **more: Any) -> Group:
    return {"count": count, "num_key_value_heads": kv_heads, "head_dim": head_dim, **more}


def latent(count: int, nope: int, value: int, **more: Any) -> Group:
    return {
        "count": count,
        "kv_lora_rank": 512,
        "qk_rope_head_dim": 64,
        "qk_nope_head_dim": nope,
        "v_head_dim": value,
        **more,
    }


def delta_net(count: int, value_heads: int) -> Group:
    return {
        "count": count,
        "linear_num_key_heads": 16,
        "linear_num_value_heads": value_heads,
        "linear_key_head_dim": 128,
        "linear_value_head_dim": 128,
        "linear_conv_kernel_dim": 4,
        "mamba_ssm_dtype": "float32",
    }


def mamba2(count: int, heads: int, state: int, **more: Any) -> Group:
    return {
        "count": count,
        "mamba_num_heads": heads,
        "mamba_head_dim": 64,
        "ssm_state_size": state,
        "n_groups": 8,
        "conv_kernel": 4,
        **more,
    }


def nothing(count: int) -> Group:
    return {"count": count, "no_kv_cache": True}


# Name: (query heads, context, experts a token and their width, groups of layers).
TABLE: dict[str, tuple[int, int, tuple[int, int] | None, list[Group]]] = {
    "MiniMaxAI--MiniMax-M2.5": (48, 196608, (8, 1536), [full(62, 8, 128)]),
    "Qwen--Qwen3-0.6B": (16, 40960, None, [full(28, 8, 128)]),
    "Qwen--Qwen3-235B-A22B": (64, 40960, (8, 1536), [full(94, 4, 128)]),
    "Qwen--Qwen3-30B-A3B": (32, 40960, (8, 768), [full(48, 4, 128)]),
    "Qwen--Qwen3-32B": (64, 40960, None, [full(64, 8, 128)]),
    "Qwen--Qwen3-32B-FP8": (64, 40960, None, [full(64, 8, 128)]),
    "Qwen--Qwen3-8B": (32, 40960, None, [full(36, 8, 128)]),
    "Qwen--Qwen3-Coder-480B-A35B-Instruct": (96, 262144, (8, 2560), [full(62, 8, 128)]),
    "Qwen--Qwen3-VL-8B-Instruct": (32, 262144, None, [full(36, 8, 128)]),
    "Qwen--Qwen3.5-27B": (24, 262144, None, [delta_net(48, 48), full(16, 4, 256)]),
    "Qwen--Qwen3.5-35B-A3B": (16, 262144, (8, 512), [delta_net(30, 32), full(10, 2, 256)]),
    "XiaomiMiMo--MiMo-V2-Flash": (
        64,
        262144,
        (8, 2048),
        [full(9, 4, 192, v_head_dim=128), full(39, 8, 192, v_head_dim=128, sliding_window=128)],
    ),
    "deepseek-ai--DeepSeek-R1": (128, 163840, (8, 2048), [latent(61, 128, 128)]),
    "deepseek-ai--DeepSeek-V3.2": (
        128,
        163840,
        (8, 2048),
        [latent(61, 128, 128, index_head_dim=128)],
    ),
    "google--gemma-4-26B-A4B": (
        16,
        262144,
        (8, 704),
        [full(25, 8, 256, sliding_window=1024), full(5, 2, 512)],
    ),
    "meta-llama--Llama-4-Maverick-17B-128E-Instruct": (
        40,
        1048576,
        (1, 8192),
        [full(36, 8, 128, attention_chunk_size=8192), full(12, 8, 128)],
    ),
    "meta-llama--Llama-4-Scout-17B-16E-Instruct": (
        40,
        10485760,
        (1, 8192),
        [full(36, 8, 128, attention_chunk_size=8192), full(12, 8, 128)],
    ),
    "meta-llama--Meta-Llama-3.1-405B": (128, 131072, None, [full(126, 8, 128)]),
    "meta-llama--Meta-Llama-3.1-70B": (64, 131072, None, [full(80, 8, 128)]),
    "meta-llama--Meta-Llama-3.1-8B": (32, 131072, None, [full(32, 8, 128)]),
    "mistralai--Mixtral-8x7B-v0.1": (32, 32768, (2, 14336), [full(32, 8, 128)]),
    "moonshotai--Kimi-K2-Instruct": (64, 131072, (8, 2048), [latent(61, 128, 128)]),
    "nvidia--Gemma-4-31B-IT-NVFP4": (
        32,
        262144,
        None,
        [full(50, 16, 256, sliding_window=1024), full(10, 4, 512)],
    ),
    "nvidia--Llama-3.1-70B-Instruct-FP8": (64, 131072, None, [full(80, 8, 128)]),
    "nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": (
        32,
        262144,
        (6, 1856),
        [mamba2(23, 64, 128, mamba_ssm_dtype="float32"), nothing(23), full(6, 2, 128)],
    ),
    "nvidia--Nemotron-H-56B-Base-8K": (
        64,
        8192,
        None,
        [mamba2(54, 256, 256), nothing(54), full(10, 8, 128)],
    ),
    "nvidia--Qwen3-235B-A22B-NVFP4": (64, 40960, (8, 1536), [full(94, 4, 128)]),
    "openai--gpt-oss-120b": (
        64,
        131072,
        (4, 2880),
        [full(18, 8, 64, sliding_window=128), full(18, 8, 64)],
    ),
    "openai--gpt-oss-20b": (
        64,
        131072,
        (4, 2880),
        [full(12, 8, 64, sliding_window=128), full(12, 8, 64)],
    ),
    "zai-org--GLM-5-FP8": (
        64,
        202752,
        (8, 2048),
        [latent(78, 192, 256, index_head_dim=128)],
    ),
}
# Experts of a layer, without shared ones.
EXPERTS = {
    "MiniMaxAI--MiniMax-M2.5": 256,
    "Qwen--Qwen3-235B-A22B": 128,
    "Qwen--Qwen3-30B-A3B": 128,
    "Qwen--Qwen3-Coder-480B-A35B-Instruct": 160,
    "Qwen--Qwen3.5-35B-A3B": 256,
    "XiaomiMiMo--MiMo-V2-Flash": 256,
    "deepseek-ai--DeepSeek-R1": 256,
    "deepseek-ai--DeepSeek-V3.2": 256,
    "google--gemma-4-26B-A4B": 128,
    "meta-llama--Llama-4-Maverick-17B-128E-Instruct": 128,
    "meta-llama--Llama-4-Scout-17B-16E-Instruct": 16,
    "mistralai--Mixtral-8x7B-v0.1": 8,
    "moonshotai--Kimi-K2-Instruct": 384,
    "nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": 128,
    "nvidia--Qwen3-235B-A22B-NVFP4": 128,
    "openai--gpt-oss-120b": 128,
    "openai--gpt-oss-20b": 32,
    "zai-org--GLM-5-FP8": 256,
}
# Layers before those with experts, for models that have a dense MLP or a shared expert as well.
DENSE_AT_FIRST = {
    "Qwen--Qwen3.5-35B-A3B": 0,
    "XiaomiMiMo--MiMo-V2-Flash": 1,
    "deepseek-ai--DeepSeek-R1": 3,
    "deepseek-ai--DeepSeek-V3.2": 3,
    "google--gemma-4-26B-A4B": 0,
    "meta-llama--Llama-4-Scout-17B-16E-Instruct": 0,
    "moonshotai--Kimi-K2-Instruct": 1,
    "zai-org--GLM-5-FP8": 3,
}
# The kinds of attention layers in turn, in the order of their first layers.
ORDERS = {
    # Full attention in the first, the sixth and every sixth from there, and in the last.
    "XiaomiMiMo--MiMo-V2-Flash": (0, *4 * (1,), *6 * (0, *5 * (1,)), 0, *5 * (1,)),
    "google--gemma-4-26B-A4B": (0, 0, 0, 0, 0, 1),
    "meta-llama--Llama-4-Maverick-17B-128E-Instruct": (0, 0, 0, 1),
    "meta-llama--Llama-4-Scout-17B-16E-Instruct": (0, 0, 0, 1),
    "nvidia--Gemma-4-31B-IT-NVFP4": (0, 0, 0, 0, 0, 1),
    "openai--gpt-oss-120b": (0, 1),
    "openai--gpt-oss-20b": (0, 1),
}
REFUSED = {
    "deepseek-ai--DeepSeek-V4-Flash": "has compressed or sparse attention",
    "nvidia--Llama-3_3-Nemotron-Super-49B-v1": r"runs Python code of its repository \(auto_map\)",
    "stepfun-ai--Step-3.7-Flash": "no release of vLLM .* serves; did you mean",
}


def test_every_configuration_is_in_one_of_the_tables() -> None:
    assert sorted([*TABLE, *REFUSED]) == NAMES


@pytest.mark.parametrize("name", TABLE)
def test_layers_and_experts_are_those_of_the_table(name: str) -> None:
    heads, context, experts, groups = TABLE[name]

    geometry = read(config(name), hf_quant(name)).geometry

    assert _in_order(geometry["layers"]) == _in_order(groups)
    assert geometry["num_attention_heads"] == heads
    assert geometry["max_position_embeddings"] == context
    chosen = geometry.get("experts", {})
    number = (EXPERTS[name],) if experts else ()
    assert tuple(chosen.values())[:3] == (*(experts or ()), *number)
    assert chosen.get("first_k_dense_replace") == DENSE_AT_FIRST.get(name)
    assert geometry.get("layer_order") == ORDERS.get(name)
    assert geometry["num_hidden_layers"] == sum(each["count"] for each in groups)


def _in_order(groups: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted(json.dumps(group, sort_keys=True) for group in groups)


@pytest.mark.parametrize("name", REFUSED)
def test_what_can_not_be_judged_is_refused_in_words(name: str) -> None:
    with pytest.raises(RefusedError, match=REFUSED[name]):
        read(config(name))


def test_blocks_of_nemotron_super_have_heads_or_nothing() -> None:
    # 49 of 80 blocks have attention, with 64 / 8 key/value heads: counted in block_configs.
    layers = FAMILIES["DeciLMForCausalLM"].layers(
        Config(config("nvidia--Llama-3_3-Nemotron-Super-49B-v1"))
    )

    assert list(grouped(layers)) == [full(49, 8, 128), nothing(31)]


def test_gemma_3_is_read_with_what_its_class_takes_by_default() -> None:
    geometry = read(GEMMA3_27B).geometry

    assert list(geometry["layers"]) == [
        {"count": 52, "sliding_window": 1024, "num_key_value_heads": 16, "head_dim": 128},
        {"count": 10, "num_key_value_heads": 16, "head_dim": 128},
    ]
    assert geometry["vocab_size"] == 262208
    assert geometry["max_position_embeddings"] == 131072
    assert geometry["image_values_per_token"] == 9408


def test_every_other_layer_of_gemma_2_has_the_window() -> None:
    groups = read(MEASURED["google/gemma-2-27b-it"]).geometry["layers"]

    assert [(each["count"], each.get("sliding_window")) for each in groups] == [
        (23, 4096),
        (23, None),
    ]
