"""Suggestions for unknown keys of profiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from ira_manifests.errors import did_you_mean
from ira_manifests.profiles.geometry import ExpertsProfile, GeometryProfile, LayersProfile
from ira_manifests.profiles.platform import ModelDownload
from ira_manifests.profiles.schema import CellProfile

# Names that are not similar enough to be found by spelling: former keys, and keys of some models'
# config.json (experts_per_token: gpt-oss, top_k_experts and global_head_dim: Gemma 4,
# mamba_n_heads: Bamba and Falcon-H1).
_OTHER_NAMES: Mapping[type[BaseModel], Mapping[str, str]] = {
    CellProfile: {"flags": "args"},
    ModelDownload: {"token_secret": "token: {secret: …}"},
    GeometryProfile: {
        "heads": "num_attention_heads",
        "hidden": "hidden_size",
        "intermediate": "intermediate_size",
        "vocab": "vocab_size",
        "max_position": "max_position_embeddings",
        # Fields of the whole model in config.json, but of a part of it in a profile.
        **{name: f"layers[0].{name}" for name in LayersProfile.model_fields},
        **{name: f"experts.{name}" for name in ExpertsProfile.model_fields},
    },
    LayersProfile: {
        "kv_heads": "num_key_value_heads",
        "attention_head_dim": "head_dim",
        "global_head_dim": "head_dim",
        "num_global_key_value_heads": "num_key_value_heads",
        "num_kv_shared_layers": "no_kv_cache",
        "mamba_expand": "mamba_intermediate_size",
        "mamba_n_heads": "mamba_num_heads",
        "mamba_d_head": "mamba_head_dim",
        "mamba_n_groups": "n_groups",
        "mamba_ssm_cache_dtype": "mamba_ssm_dtype",
        "state_size": "ssm_state_size",
    },
    ExpertsProfile: {
        "per_token": "num_experts_per_tok",
        "experts_per_token": "num_experts_per_tok",
        "top_k_experts": "num_experts_per_tok",
        "intermediate": "moe_intermediate_size",
        "num_local_experts": "num_experts",
        "n_routed_experts": "num_experts",
    },
}


def suggestion(model: type[BaseModel], values: Mapping[Any, Any], key: str) -> str:
    """Return "; did you mean 'x'?" for an unknown key of a mapping, or an empty string.

    `model`: the model of the mapping. `values`: its values.
    """
    if model is LayersProfile and key in ("kind", "span"):
        return _of_attention(values.get("kind"))
    other = _OTHER_NAMES.get(model, {}).get(key)
    return f"; did you mean {other!r}?" if other else did_you_mean(key, model.model_fields)


def _of_attention(kind: object) -> str:
    """Return what replaces the former keys `kind` and `span` of layers."""
    if kind == "full":
        return "; leave it out: layers without a window and a chunk have full attention"
    if kind == "sliding":
        return "; did you mean 'sliding_window'?"
    if kind == "chunked":
        return "; did you mean 'attention_chunk_size'?"
    return "; did you mean 'sliding_window' or 'attention_chunk_size'?"
