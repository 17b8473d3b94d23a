"""The configurations in tests/data/model-configs, and those of other measured models.

The latter are the relevant keys of each owner's config.json on the Hub, typed by hand.
"""

import json
from typing import Any

from testing.project import ROOT

FOLDER = ROOT / "tests/data/model-configs"
NAMES = sorted(
    path.name.removesuffix(".json")
    for path in FOLDER.glob("*.json")
    if not path.name.endswith(".hf_quant.json")
)


def config(name: str) -> dict[str, Any]:
    """Return a config.json of the folder."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


def hf_quant(name: str) -> dict[str, Any] | None:
    """Return the hf_quant_config.json beside it, if there is one."""
    path = FOLDER / f"{name}.hf_quant.json"
    return json.loads(path.read_text("utf-8")) if path.exists() else None


def _qwen25(layers: int, hidden: int, inner: int, heads: int, kv_heads: int) -> dict[str, Any]:
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "hidden_size": hidden,
        "intermediate_size": inner,
        "max_position_embeddings": 32768,
        "max_window_layers": layers,
        "model_type": "qwen2",
        "num_attention_heads": heads,
        "num_hidden_layers": layers,
        "num_key_value_heads": kv_heads,
        "sliding_window": 131072,
        "tie_word_embeddings": False,
        "use_sliding_window": False,
        "vocab_size": 152064,
    }


def _gemma2(layers: int, hidden: int, inner: int, heads: tuple[int, int, int]) -> dict[str, Any]:
    return {
        "architectures": ["Gemma2ForCausalLM"],
        "head_dim": heads[2],
        "hidden_size": hidden,
        "intermediate_size": inner,
        "max_position_embeddings": 8192,
        "model_type": "gemma2",
        "num_attention_heads": heads[0],
        "num_hidden_layers": layers,
        "num_key_value_heads": heads[1],
        "sliding_window": 4096,
        "vocab_size": 256000,
    }


def _gemma3(text: dict[str, Any]) -> dict[str, Any]:
    """Gemma 3 leaves out what its Transformers class takes by default."""
    return {
        "architectures": ["Gemma3ForConditionalGeneration"],
        "model_type": "gemma3",
        "text_config": {
            "model_type": "gemma3_text",
            "rope_scaling": {"factor": 8.0, "rope_type": "linear"},
            "sliding_window": 1024,
            **text,
        },
        "vision_config": {
            "hidden_size": 1152,
            "image_size": 896,
            "intermediate_size": 4304,
            "num_attention_heads": 16,
            "num_hidden_layers": 27,
            "patch_size": 14,
        },
    }


_FP8_DYNAMIC = {
    "config_groups": {
        "group_0": {
            "input_activations": {"dynamic": True, "num_bits": 8, "type": "float"},
            "targets": ["Linear"],
            "weights": {"num_bits": 8, "strategy": "channel", "type": "float"},
        }
    },
    "format": "float-quantized",
    "ignore": ["lm_head"],
    "quant_method": "compressed-tensors",
}
_QWEN25_7B = _qwen25(28, 3584, 18944, 28, 4)
GEMMA3_27B = _gemma3(
    {
        "head_dim": 128,
        "hidden_size": 5376,
        "intermediate_size": 21504,
        "num_attention_heads": 32,
        "num_hidden_layers": 62,
        "num_key_value_heads": 16,
    }
)

MEASURED: dict[str, dict[str, Any]] = {
    "RedHatAI/Llama-3.3-70B-Instruct-fp8-dynamic": {
        **config("meta-llama--Meta-Llama-3.1-70B"),
        "quantization_config": _FP8_DYNAMIC,
    },
    "RedHatAI/Qwen2.5-7B-Instruct-fp8-dynamic": {
        **_QWEN25_7B,
        "quantization_config": _FP8_DYNAMIC,
    },
    "Qwen/Qwen2.5-7B-Instruct": _QWEN25_7B,
    "google/gemma-2-27b-it": _gemma2(46, 4608, 36864, (32, 16, 128)),
    "google/gemma-2-2b-it": _gemma2(26, 2304, 9216, (8, 4, 256)),
    "google/gemma-2-9b-it": _gemma2(42, 3584, 14336, (16, 8, 256)),
    "google/gemma-3-12b-it": _gemma3(
        {
            "hidden_size": 3840,
            "intermediate_size": 15360,
            "num_attention_heads": 16,
            "num_hidden_layers": 48,
            "num_key_value_heads": 8,
        }
    ),
    "google/gemma-3-4b-it": _gemma3(
        {"hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34}
    ),
    "ibm-granite/granite-3.1-8b-instruct": {
        "architectures": ["GraniteForCausalLM"],
        "hidden_size": 4096,
        "intermediate_size": 12800,
        "max_position_embeddings": 131072,
        "model_type": "granite",
        "num_attention_heads": 32,
        "num_hidden_layers": 40,
        "num_key_value_heads": 8,
        "tie_word_embeddings": True,
        "vocab_size": 49155,
    },
    "meta-llama/Llama-3.1-8B-Instruct": config("meta-llama--Meta-Llama-3.1-8B"),
    "microsoft/phi-4": {
        "architectures": ["Phi3ForCausalLM"],
        "hidden_size": 5120,
        "intermediate_size": 17920,
        "max_position_embeddings": 16384,
        "model_type": "phi3",
        "num_attention_heads": 40,
        "num_hidden_layers": 40,
        "num_key_value_heads": 10,
        "sliding_window": None,
        "tie_word_embeddings": False,
        "vocab_size": 100352,
    },
    "mistralai/Mixtral-8x7B-Instruct-v0.1": config("mistralai--Mixtral-8x7B-v0.1"),
    "moonshotai/Kimi-Dev-72B": _qwen25(80, 8192, 29568, 64, 8),
}
"""Model of tests/data/vllm-memory-measured.csv -> its config.json."""
