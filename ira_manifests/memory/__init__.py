"""Estimates GPU memory (weights, activation, CUDA graphs, KV cache) and whether a model fits.

Pure arithmetic over frozen dataclasses: no files, no YAML, no Node.

    >>> from decimal import Decimal
    >>> from ira_manifests.vllm import Release
    >>> serving = Serving(
    ...     geometry=Geometry(
    ...         num_attention_heads=32,
    ...         hidden_size=4096,
    ...         intermediate_size=14336,
    ...         vocab_size=128256,
    ...         max_position_embeddings=131072,
    ...         layers=(Layers(32, num_key_value_heads=8, head_dim=128),),
    ...     ),
    ...     weights=Weights(Decimal("14.99")),
    ...     accelerator=Accelerator("nvidia-h100-80gb", Decimal("79.19")),
    ...     engine=Release.parse("0.19.0"),
    ...     max_model_len=8192,
    ...     utilization=Decimal("0.95"),
    ... )
    >>> budget(serving).verdict
    <Verdict.FITS: 'fits'>
"""

from ira_manifests.memory.accelerator import GIB, Accelerator, BatchLimits, gib
from ira_manifests.memory.activation import Activation, activation, logits_bytes
from ira_manifests.memory.adapters import Adapters
from ira_manifests.memory.blocks import (
    BLOCK_TOKENS,
    KvGroup,
    KvLayout,
    kv_element_bytes,
    logged_tokens,
)
from ira_manifests.memory.budget import (
    Budget,
    budget,
    round_context,
    safe_context,
    with_max_model_len,
)
from ira_manifests.memory.checks import Check, Limit, Verdict
from ira_manifests.memory.engine_options import EngineOptions
from ira_manifests.memory.errors import (
    GeometryError,
    MemoryInputError,
    SettingsError,
    SplitError,
)
from ira_manifests.memory.geometry import Experts, Geometry
from ira_manifests.memory.layers import (
    LAYER_KINDS,
    AnyLayers,
    EmptyLayers,
    LatentLayers,
    Layers,
)
from ira_manifests.memory.layout import kv_layout, unknown_layout
from ira_manifests.memory.overhead import Overheads
from ira_manifests.memory.quantised import linear_bytes
from ira_manifests.memory.recurrent import (
    GatedDeltaNetLayers,
    Mamba1Layers,
    Mamba2Layers,
    StateLayers,
)
from ira_manifests.memory.serving import Serving
from ira_manifests.memory.stages import layers_of_stages, why_not_staged
from ira_manifests.memory.weights import Weights

__all__ = [
    "BLOCK_TOKENS",
    "GIB",
    "LAYER_KINDS",
    "Accelerator",
    "Activation",
    "Adapters",
    "AnyLayers",
    "BatchLimits",
    "Budget",
    "Check",
    "EmptyLayers",
    "EngineOptions",
    "Experts",
    "GatedDeltaNetLayers",
    "Geometry",
    "GeometryError",
    "KvGroup",
    "KvLayout",
    "LatentLayers",
    "Layers",
    "Limit",
    "Mamba1Layers",
    "Mamba2Layers",
    "MemoryInputError",
    "Overheads",
    "Serving",
    "SettingsError",
    "SplitError",
    "StateLayers",
    "Verdict",
    "Weights",
    "activation",
    "budget",
    "gib",
    "kv_element_bytes",
    "kv_layout",
    "layers_of_stages",
    "linear_bytes",
    "logged_tokens",
    "logits_bytes",
    "round_context",
    "safe_context",
    "unknown_layout",
    "why_not_staged",
    "with_max_model_len",
]
