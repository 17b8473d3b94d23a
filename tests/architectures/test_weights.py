"""Weights computed from architectures and headers, against logs and published counts."""

import csv
from typing import Any

import pytest

from ira_manifests.architectures import Tensor, read
from testing.project import ROOT
from tests.architectures.configs import MEASURED, config, hf_quant

GIB = 1 << 30
DATA = ROOT / "tests/data"


def rows() -> list[dict[str, str]]:
    with (DATA / "vllm-memory-measured.csv").open(newline="") as file:
        found = list(csv.DictReader(file))
    # Quantised by an option when they were loaded, unlike the checkpoint.
    return [row for row in found if row["quantization"] != "fp8"]


def test_every_measured_model_has_a_configuration() -> None:
    assert {row["model"] for row in rows()} == set(MEASURED)


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row['model']}-{row['tensor_parallel']}")
def test_weights_of_an_architecture_are_within_2_percent_of_the_log(row: dict[str, str]) -> None:
    model = read(MEASURED[row["model"]])
    size, logged = int(row["tensor_parallel"]), float(row["weights_gib"])
    # The table of rotary positions is whole on every GPU.
    whole = model.geometry["max_position_embeddings"] * int(row["head_dim"]) * 2
    each = (model.computed_bytes - whole) / size + whole

    assert each / GIB == pytest.approx(logged, rel=0.02)


# GiB as loaded: rows of tests/data/vllm-points.csv, and logs of start-ups at one GPU.
LOGGED = {
    "google--gemma-4-26B-A4B": 48.5,
    "openai--gpt-oss-120b": 65.97,
    "openai--gpt-oss-20b": 13.64,
    "Qwen--Qwen3-32B": 61.03,
    "Qwen--Qwen3-32B-FP8": 32.4,
}


@pytest.mark.parametrize("name", LOGGED)
def test_weights_are_within_2_percent_of_a_single_log(name: str) -> None:
    assert read(config(name)).computed_bytes / GIB == pytest.approx(LOGGED[name], rel=0.02)


# Billions of parameters, as the model cards have them.
PUBLISHED = {
    "Qwen--Qwen3-235B-A22B": 235,
    "Qwen--Qwen3-30B-A3B": 30.5,
    "Qwen--Qwen3-8B": 8.2,
    "Qwen--Qwen3-Coder-480B-A35B-Instruct": 480,
    "meta-llama--Llama-4-Maverick-17B-128E-Instruct": 400,
    "meta-llama--Llama-4-Scout-17B-16E-Instruct": 109,
    "meta-llama--Meta-Llama-3.1-405B": 405.9,
    "meta-llama--Meta-Llama-3.1-70B": 70.6,
    "mistralai--Mixtral-8x7B-v0.1": 46.7,
    "nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16": 31.6,
    "nvidia--Nemotron-H-56B-Base-8K": 56.4,
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_weights_are_within_2_percent_of_the_published_parameters(name: str) -> None:
    model = read(config(name))
    rotary = model.geometry["max_position_embeddings"] * 128 * 2

    parameters = (model.computed_bytes - rotary) / 2 / 1e9

    assert parameters == pytest.approx(PUBLISHED[name], rel=0.02)


# Bytes in GiB of the checkpoints' files on the Hub, without layers of multi-token prediction.
QUANTISED = {
    "deepseek-ai--DeepSeek-R1": (671e9, 1.0),
    "moonshotai--Kimi-K2-Instruct": (1026e9, 1.0),
    "XiaomiMiMo--MiMo-V2-Flash": (309e9, 1.0),
    "MiniMaxAI--MiniMax-M2.5": (229e9, 1.0),
    "nvidia--Llama-3.1-70B-Instruct-FP8": (70.6e9, 1.0),
    "nvidia--Qwen3-235B-A22B-NVFP4": (235e9, 0.5625),
}


@pytest.mark.parametrize("name", QUANTISED)
def test_quantised_weights_take_about_their_bits(name: str) -> None:
    parameters, each = QUANTISED[name]
    model = read(config(name), hf_quant(name))
    geometry = model.geometry
    # Embedding and output layer stay in 16 bit, and the copies of MLA are beside.
    kept = 2 * geometry["vocab_size"] * geometry["hidden_size"]

    least = ((parameters - kept) * each + kept * 2) / GIB

    assert least * 0.98 < model.computed_bytes / GIB < least * 1.02


def test_layers_left_out_of_quantisation_keep_16_bit() -> None:
    # All attention of the 31B is in exclude_modules: 60 layers of 2 bytes a weight.
    name = "nvidia--Gemma-4-31B-IT-NVFP4"
    given = hf_quant(name)
    assert given is not None
    nothing_excluded = {"quantization": {**given["quantization"], "exclude_modules": []}}
    base = {**config(name), "quantization_config": None}
    attention = 50 * 5376 * 256 * (32 + 16 + 16 + 32) + 10 * 5376 * 512 * (32 + 4 + 4 + 32)

    more = read(base, given).computed_bytes - read(base, nothing_excluded).computed_bytes

    assert more == pytest.approx(attention * (2 - 0.5625), rel=1e-6)


def llama_tensors(layers: int, hidden: int, inner: int, kv: int, vocab: int) -> list[Tensor]:
    """The tensors of a Llama checkpoint in bf16, as its header lists them."""
    shapes = {
        "model.embed_tokens": vocab * hidden,
        "lm_head": vocab * hidden,
        "model.norm": hidden,
    }
    for index in range(layers):
        layer = {
            "self_attn.q_proj": hidden * hidden,
            "self_attn.k_proj": hidden * kv,
            "self_attn.v_proj": hidden * kv,
            "self_attn.o_proj": hidden * hidden,
            "mlp.gate_proj": hidden * inner,
            "mlp.up_proj": hidden * inner,
            "mlp.down_proj": hidden * inner,
            "input_layernorm": hidden,
            "post_attention_layernorm": hidden,
        }
        shapes |= {f"model.layers.{index}.{name}": size for name, size in layer.items()}
    return [Tensor(f"{name}.weight", "BF16", 2 * size) for name, size in shapes.items()]


@pytest.mark.parametrize(
    ("name", "shape", "logged"),
    [
        ("meta-llama--Meta-Llama-3.1-8B", (32, 4096, 14336, 1024, 128256), 14.99),
        ("meta-llama--Meta-Llama-3.1-70B", (80, 8192, 28672, 1024, 128256), 131.42),
    ],
)
def test_weights_of_headers_are_within_1_percent_of_the_log(
    name: str, shape: tuple[int, int, int, int, int], logged: float
) -> None:
    model, found = read(config(name)), llama_tensors(*shape)

    assert model.stored_bytes(found) / GIB == pytest.approx(logged, rel=0.01)
    total = sum(tensor.size for tensor in found)
    assert model.indexed_bytes(total) == model.stored_bytes(found)


def test_a_checkpoint_of_32_bit_is_served_in_16() -> None:
    model = read(config("meta-llama--Meta-Llama-3.1-8B"))
    found = llama_tensors(32, 4096, 14336, 1024, 128256)
    wide = [Tensor(each.name, "F32", each.size * 2) for each in found]

    assert model.stored_bytes(wide) == model.stored_bytes(found)


def test_layers_of_multi_token_prediction_are_not_loaded() -> None:
    model = read(config("deepseek-ai--DeepSeek-R1"))
    loaded = Tensor("model.layers.60.mlp.gate.weight", "BF16", 100)
    left_out = Tensor("model.layers.61.mlp.gate.weight", "BF16", 1 << 40)

    assert model.stored_bytes([loaded, left_out]) == model.stored_bytes([loaded])


def test_mxfp4_experts_are_padded_as_they_are_loaded() -> None:
    # The checkpoint of gpt-oss-20b has 12.82 GiB (13,761,264,768 bytes); the log says 13.64.
    model = read(config("openai--gpt-oss-20b"))

    assert model.indexed_bytes(13_761_264_768) / GIB == pytest.approx(13.64, rel=0.01)


@pytest.mark.parametrize("size", [1, 2, 4])
def test_block_quantised_weights_split_at_their_blocks(size: int) -> None:
    assert read(config("Qwen--Qwen3-32B-FP8")).split_problem(size) == ""


def test_shares_that_are_no_multiple_of_a_block_are_reported() -> None:
    values: dict[str, Any] = {
        **config("Qwen--Qwen3-235B-A22B"),
        "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
    }
    model = read(values)

    assert model.split_problem(4) == ""
    assert "does not divide 1536 into multiples of 128" in model.split_problem(8)


def test_the_quantised_weights_of_the_guide_are_those_of_their_bits() -> None:
    """AWQ has a scale of 16 bit and a zero point of 4 for 128 weights of 4; arXiv 2306.00978."""
    given = config("Qwen--Qwen3-32B")
    hidden, head = given["hidden_size"], given["head_dim"]
    queries, keys = given["num_attention_heads"] * head, given["num_key_value_heads"] * head
    layer = hidden * (2 * queries + 2 * keys + 3 * given["intermediate_size"])
    linear = given["num_hidden_layers"] * layer * (4 + (16 + 4) / 128) / 8
    embeddings = 2 * given["vocab_size"] * hidden * 2

    guide = (ROOT / "docs/adding-a-model.md").read_text()
    wanted = f"total_gib: {(linear + embeddings) / GIB:.1f} "
    assert wanted in guide
    assert f"{linear / GIB:.1f} GiB in 4 bit" in guide
    assert f"{embeddings / GIB:.1f} GiB of embeddings" in guide
