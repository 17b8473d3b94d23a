"""Derives a profile's geometry, weights and first release from a model's files on the Hub.

Pure functions over the contents of `config.json`, `hf_quant_config.json` and safetensors headers:
no files, no network. An unsupported model raises an error that says why.

    model = read({"architectures": ["LlamaForCausalLM"], ...})
    model.geometry             the `geometry` of a profile, as plain values
    model.computed_bytes       the weights, computed from the architecture
    model.stored_bytes(tensors(header, size, file))     the weights, from the checkpoint
    model.min_engine           the first release of vLLM that serves it
"""

from ira_manifests.architectures.config import CONFIG_FILE, parse
from ira_manifests.architectures.errors import ConfigError, RefusedError
from ira_manifests.architectures.model import Model, read
from ira_manifests.architectures.quantization import HF_QUANT_FILE
from ira_manifests.architectures.safetensors import (
    INDEX_FILE,
    LENGTH_BYTES,
    Tensor,
    files_of,
    header_length,
    tensors,
    total_of,
)

__all__ = [
    "CONFIG_FILE",
    "HF_QUANT_FILE",
    "INDEX_FILE",
    "LENGTH_BYTES",
    "ConfigError",
    "Model",
    "RefusedError",
    "Tensor",
    "files_of",
    "header_length",
    "parse",
    "read",
    "tensors",
    "total_of",
]
