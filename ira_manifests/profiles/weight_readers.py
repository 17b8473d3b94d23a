"""Read options that change which weights a server loads, and how it holds them.

Sources are files of https://github.com/vllm-project/vllm, as of release 0.26.0.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from ira_manifests.memory import gib, linear_bytes
from ira_manifests.profiles.memory_readers import NOTHING, Asked, Changes, keys_of

_SERVED = 2
"""Bytes of a weight in 16 bit."""

_BYTES = {
    "fp8": Fraction(1),
    "fp8_per_tensor": Fraction(1),
    "fp8_per_block": 1 + Fraction(4, 128**2),
    # One scale for each output; no matrix has fewer than 512 inputs.
    "fp8_per_channel": 1 + Fraction(4, 512),
    # Blocks of 64 share a scale, which is kept as float32: bitsandbytes_loader.py (_dequantize_dq).
    "bitsandbytes": Fraction(1, 2) + Fraction(4, 64),
}
"""Bytes of a weight that is quantised as it is loaded, with its scales: layers/quantization."""

_OF_CHECKPOINT = {
    "awq": {"auto_awq", "awq", "awq_marlin"},
    "bitsandbytes": {"bitsandbytes"},
    "compressed-tensors": {"compressed-tensors"},
    "fp8": {"fp8"},
    "gptq": {"auto_gptq", "gptq", "gptq_marlin"},
    "modelopt": {"modelopt", "modelopt_fp4"},
    "modelopt_fp4": {"modelopt", "modelopt_fp4"},
    "modelopt_fp8": {"modelopt"},
    "mxfp4": {"gpt_oss_mxfp4", "mxfp4"},
}
"""Values of the option that mean a checkpoint's own method: config/model.py
(_verify_quantization)."""

_QUANTISED = frozenset().union(*_OF_CHECKPOINT.values()) - {"fp8", "bitsandbytes"}
"""Values that need a checkpoint of their own."""


def contradiction(text: str, method: str, *, is_16_bit: bool) -> str:
    """Return why the engine refuses a value of `--quantization` for a checkpoint; else empty.

    `method`: the checkpoint's own, empty where it is not known to have one.

    Source: config/model.py (_verify_quantization), model_loader/weight_utils.py (get_quant_config).
    """
    if method and text in {*_QUANTISED, *_BYTES} - _OF_CHECKPOINT[method]:
        return f"the checkpoint is quantised as {method}"
    if is_16_bit and text in _QUANTISED - _OF_CHECKPOINT["mxfp4"]:
        return "the checkpoint is in 16 bit, and the method needs one that is quantised"
    return ""


def quantization(text: str, asked: Asked) -> Changes:
    """`--quantization`: how weights in 16 bit are quantised as they are loaded.

    Nothing where it names the method of the checkpoint. Not known for the experts of bitsandbytes,
    which restores all of a layer's at once.
    """
    method = asked.held.quantization if asked.held else ""
    if method:
        return NOTHING if text in _OF_CHECKPOINT[method] else None
    if text in _QUANTISED:  # then `total_gib` is of such a checkpoint
        is_16_bit = asked.held is not None and asked.held.linear_gib is not None
        return None if is_16_bit else NOTHING
    each, is_bnb = _BYTES.get(text), text == "bitsandbytes"
    if each is None or asked.held is None:
        return None
    linear = linear_bytes(asked.geometry, asked.held, asked.tensor_parallel)
    if linear is None or (is_bnb and not asked.geometry.is_dense_attention):
        return None
    saved = int(linear * (_SERVED - each) / _SERVED)
    return {"quantised_bytes": saved, **({"dequantises": True} if is_bnb else {})}


def dtype(text: str, asked: Asked) -> Changes:
    """`--dtype`: 16-bit types are what a checkpoint is loaded as; float32 takes twice as much.

    The engine takes float32 with the Triton attention backend, whose pages are the usual ones
    (platforms/cuda.py), and refuses it for quantised checkpoints. It is known of one stage, and of
    attention with a dense MLP in 16 bit.
    """
    if text in ("auto", "bfloat16", "float16", "half"):
        return NOTHING
    if text not in ("float", "float32") or asked.held is None or asked.pipeline_parallel > 1:
        return None
    is_16_bit = linear_bytes(asked.geometry, asked.held, asked.tensor_parallel) is not None
    return {"element_bytes": 4} if is_16_bit and asked.geometry.is_dense_attention else None


def media_limits(text: str, asked: Asked) -> Changes:
    """`--limit-mm-per-prompt`: what the start-up profile has, and whether there is a tower.

    With 1 or more of each, the profile has as many tokens of images as ever. The vision tower is
    not loaded where images and videos are 0, and no media are profiled where sounds are as well.
    """
    limits = {key: _count(value) for key, value in (keys_of(text) or {}).items()}
    if not limits or None in limits.values():
        return None
    none = {key for key, count in limits.items() if count == 0}
    if not none or not asked.geometry.image_values_per_token:
        return NOTHING
    if not none >= {"image", "video"}:
        return None
    return _without_tower(asked, takes_media="audio" not in none)


def _count(value: object) -> int | None:
    """Return the number of a limit; None for one with sizes, which change the profile."""
    if isinstance(value, dict) and set(value) == {"count"}:
        value = value["count"]
    return value if type(value) is int and value >= 0 else None


def language_model_only(text: str, asked: Asked) -> Changes:
    """`--language-model-only`: as a limit of 0 for all media (config/multimodal.py)."""
    if text == "false" or not asked.geometry.image_values_per_token:
        return NOTHING
    return _without_tower(asked, takes_media=False) if text == "true" else None


def _without_tower(asked: Asked, *, takes_media: bool) -> Changes:
    vision = asked.held.vision_gib if asked.held else None
    if vision is None:
        return None
    changes: dict[str, Any] = {"vision_bytes": gib(vision) // asked.tensor_parallel}
    return changes if takes_media else {**changes, "takes_media": False}


def expert_parallel(text: str, asked: Asked) -> Changes:
    """`--enable-expert-parallel`: whole experts on each GPU; nothing without any, or on one GPU.

    Not known where the GPUs would have different numbers of experts.
    """
    experts = asked.geometry.experts
    if experts is None or asked.tensor_parallel == 1 or text == "false":
        return NOTHING
    number = experts.num_experts
    if text != "true" or number is None or number % asked.tensor_parallel:
        return None
    return {"whole_experts": True}
