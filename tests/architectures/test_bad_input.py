"""Malformed model files get one clear message each, without long work."""

import contextlib
import json
import struct
from collections.abc import Iterator
from typing import Any

import pytest

from ira_manifests.architectures import (
    ConfigError,
    RefusedError,
    files_of,
    header_length,
    parse,
    read,
    tensors,
    total_of,
)
from tests.architectures.configs import config, hf_quant

LLAMA = config("meta-llama--Meta-Llama-3.1-8B")
NAN = float("nan")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b'{"architectures": ["Llama', "config.json is not JSON"),
        (b"[1, 2]", "holds no JSON object"),
        (b"\xff\xfe", "is not JSON"),
        (b"[" * 200_000, "nested too deeply"),
        (b'{"n": ' + b"9" * 5000 + b"}", "is not JSON"),
    ],
)
def test_a_file_that_is_no_json_object_is_named(text: bytes, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        parse(text)


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("num_hidden_layers", 10**9, "num_hidden_layers is 1000000000; it must be"),
        ("num_hidden_layers", None, "has no num_hidden_layers"),
        ("num_hidden_layers", NAN, "num_hidden_layers is nan"),
        ("num_hidden_layers", True, "num_hidden_layers is True"),
        ("num_attention_heads", -32, "num_attention_heads is -32"),
        ("num_attention_heads", "32", "num_attention_heads is '32'"),
        ("num_attention_heads", 8192, "hidden_size is less than num_attention_heads"),
        ("hidden_size", None, "has no hidden_size"),
        ("vocab_size", float("inf"), "vocab_size is inf"),
        ("max_position_embeddings", 0, "has no max_position_embeddings"),
        ("rope_scaling", [], r"rope_scaling is \[\]; it must be an object"),
        ("rope_scaling", {"type": "linear", "factor": -1}, "factor is -1"),
        ("architectures", "LlamaForCausalLM", "architectures is 'LlamaForCausalLM'"),
        ("architectures", [7], r"architectures is \[7\]"),
        ("architectures", [], "names no architectures"),
        ("layer_types", ["full_attention"], "layer_types has 1 items, and the model has 32 layers"),
        ("tie_word_embeddings", "no", "tie_word_embeddings is 'no'; it must be true or false"),
        ("quantization_config", "fp8", "quantization_config is 'fp8'; it must be an object"),
    ],
)
def test_a_value_that_can_not_be_is_named(key: str, value: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        _ = read({**LLAMA, key: value}).computed_bytes


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"architectures": ["BertModel"]}, "run for pooling: it embeds, classifies or scores"),
        ({"architectures": ["NewForCausalLM"]}, "no release of vLLM up to the newest known"),
        ({"architectures": ["EagleLlamaForCausalLM"]}, "proposes tokens to another model"),
        ({"architectures": ["InternLMForCausalLM"]}, "served by vLLM up to 0.23.0 only"),
        ({"architectures": ["BloomForCausalLM"]}, "the layers of BloomForCausalLM are not known"),
        ({"is_encoder_decoder": True}, "has an encoder and a decoder"),
        ({"layer_types": ["mamba"] * 32}, "not judged yet: .* layers of the kind 'mamba'"),
        ({"quantization_config": {"quant_method": "bitsandbytes"}}, "'bitsandbytes' is not judged"),
        (
            {"architectures": ["NewForCausalLM"], "auto_map": {"AutoConfig": "x.Y"}},
            r"brings code of its own \(auto_map\)",
        ),
        (
            {"model_type": "mine", "auto_map": {"AutoConfig": "x.Y"}},
            r"runs Python code of its repository \(auto_map\)",
        ),
    ],
)
def test_a_model_that_is_not_served_or_judged_is_refused(
    changes: dict[str, Any], says: str
) -> None:
    with pytest.raises(RefusedError, match=says):
        read({**LLAMA, **changes})


# Values that a key may have by accident or on purpose.
ANYTHING: list[Any] = [
    None, 0, -1, 7, 10**9, 10**30, NAN, float("inf"), 1.5, "", "x", True,
    [], [1], [None], [[]] * 40, ["a"] * 40, {}, {"a": 1}, {"a": {}}, [{}],
]  # fmt: skip
RICH = [
    "Qwen--Qwen3.5-35B-A3B",
    "XiaomiMiMo--MiMo-V2-Flash",
    "google--gemma-4-26B-A4B",
    "nvidia--Llama-3.1-70B-Instruct-FP8",
    "nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16",
]


def _with(values: dict[str, Any], wrong: Any) -> Iterator[dict[str, Any]]:
    """Yield the values with each of them replaced, inside objects as well."""
    for key, value in values.items():
        yield {**values, key: wrong}
        if isinstance(value, dict):
            yield from ({**values, key: inner} for inner in _with(value, wrong))


@pytest.mark.parametrize("name", RICH)
def test_any_value_of_any_key_is_read_or_reported(name: str) -> None:
    values, quant = config(name), hf_quant(name)
    tried = [(each, quant) for wrong in ANYTHING for each in _with(values, wrong)]
    tried += [(values, each) for wrong in ANYTHING for each in _with(quant or {}, wrong)]

    read_or_told = 0
    for changed, of_quant in tried:
        with contextlib.suppress(ConfigError, RefusedError):
            model = read(changed, of_quant)
            assert model.computed_bytes > 0
            assert model.geometry["layers"]
            assert model.split_problem(4) is not None
        read_or_told += 1

    assert read_or_told == len(tried)


def test_code_of_a_repository_does_not_matter_where_vllm_reads_the_configuration_itself() -> None:
    assert read(config("deepseek-ai--DeepSeek-R1")).min_engine == "0.8.4"


def _file(entries: dict[str, Any], data: int) -> tuple[bytes, int]:
    header = json.dumps(entries).encode()
    return header, 8 + len(header) + data


WEIGHT = {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12]}


def test_a_header_tells_the_bytes_of_its_tensors() -> None:
    header, size = _file({"__metadata__": {"format": "pt"}, "a": WEIGHT}, 12)

    assert header_length(struct.pack("<Q", len(header)), size, "a.safetensors") == len(header)
    (found,) = tensors(header, size, "a.safetensors")
    assert (found.name, found.dtype, found.size) == ("a", "BF16", 12)


@pytest.mark.parametrize("length", [0, 1 << 40, (1 << 64) - 1])
def test_a_header_that_lies_about_its_length_is_reported(length: int) -> None:
    with pytest.raises(ConfigError, match=f"header has {length} bytes, and the file has 1000"):
        header_length(struct.pack("<Q", length), 1000, "a.safetensors")


def test_a_file_that_is_cut_off_in_its_length_is_reported() -> None:
    with pytest.raises(ConfigError, match="and the file has 3"):
        header_length(b"\x01\x00\x00", 3, "a.safetensors")


def test_a_header_of_more_than_the_format_allows_is_reported() -> None:
    with pytest.raises(ConfigError, match="100000000 is the most"):
        header_length(struct.pack("<Q", 200_000_000), 1 << 40, "a.safetensors")


@pytest.mark.parametrize(
    ("entry", "says"),
    [
        ({**WEIGHT, "data_offsets": [0, 1 << 40]}, "not as large as its shape, or not inside"),
        ({**WEIGHT, "shape": [2, 4]}, "not as large as its shape"),
        ({**WEIGHT, "shape": [2, -3]}, "has no shape or no place"),
        ({**WEIGHT, "data_offsets": [0]}, "has no shape or no place"),
        ({**WEIGHT, "dtype": "F128"}, "unknown type 'F128'"),
        (7, "is not an object"),
    ],
)
def test_a_tensor_that_can_not_be_is_named(entry: Any, says: str) -> None:
    header, size = _file({"a": entry}, 12)

    with pytest.raises(ConfigError, match=says):
        tensors(header, size, "a.safetensors")


def test_overlapping_tensors_are_reported() -> None:
    header, size = _file({"a": WEIGHT, "b": WEIGHT}, 12)

    with pytest.raises(ConfigError, match="more tensors than bytes"):
        tensors(header, size, "a.safetensors")


def test_an_index_tells_its_files_and_its_total() -> None:
    index = json.dumps(
        {"metadata": {"total_size": 24}, "weight_map": {"b": "2.safetensors", "a": "1.safetensors"}}
    ).encode()

    assert files_of(index) == ("1.safetensors", "2.safetensors")
    assert total_of(index) == 24


@pytest.mark.parametrize(
    "index",
    [
        {},
        {"weight_map": {}},
        {"weight_map": {"a": "../../etc/passwd"}},
        {"weight_map": {"a": "..\\secret"}},
        {"weight_map": {"a": "b", "c": "/dev/zero"}},
        {"weight_map": {"a": ["b"]}},
    ],
)
def test_an_index_without_plain_file_names_is_refused(index: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="no weight_map from tensors to files"):
        files_of(json.dumps(index).encode())


@pytest.mark.parametrize("total", [None, 0, -5, "12", NAN, 10**30])
def test_an_index_without_a_total_is_refused(total: Any) -> None:
    with pytest.raises(ConfigError, match="total_size"):
        total_of(json.dumps({"metadata": {"total_size": total, "more": 1}}).encode())
