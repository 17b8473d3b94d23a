"""Vision towers: their weights, and the input values for one image token."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ira_manifests.architectures.config import Config

_CHANNELS = 3


@dataclass(frozen=True)
class Tower:
    """A vision tower with its projection into the language model.

    Attributes:
        parameters: number of weights, which are not quantised.
        values_per_token: input values (pixels times channels) for one image token.
    """

    parameters: int
    values_per_token: int


# Values of published models, for keys that config.json leaves out.
_SIGLIP = {
    "hidden_size": 1152,
    "image_size": 896,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "patch_size": 14,
}
_LLAMA4 = {
    "hidden_size": 1408,
    "image_size": 336,
    "intermediate_size": 5632,
    "num_hidden_layers": 34,
    "patch_size": 14,
    "projector_output_dim": 4096,
}
_CONFORMER = {"conf_conv_kernel_size": 5, "conf_num_hidden_layers": 12, "hidden_size": 1536}
_MOBILENET = 300_000_000
_INTERN_VIT = {
    "hidden_size": 1024,
    "image_size": 448,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "patch_size": 14,
}
_MOONVIT = {
    "hidden_size": 1152,
    "init_pos_emb_height": 64,
    "init_pos_emb_width": 64,
    "intermediate_size": 4304,
    "num_hidden_layers": 27,
    "patch_size": 14,
}
_MOONVIT_MERGE = 2
_PIXTRAL = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_hidden_layers": 24,
    "patch_size": 14,
}
_QWEN2_VL = {
    "depth": 32,
    "embed_dim": 1280,
    "hidden_size": 3584,
    "mlp_ratio": 4,
    "patch_size": 14,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
}
_QWEN2_5_VL = {
    "depth": 32,
    "hidden_size": 1280,
    "intermediate_size": 3420,
    "out_hidden_size": 3584,
    "patch_size": 14,
    "spatial_merge_size": 2,
    "temporal_patch_size": 2,
}


def gemma3(config: Config) -> Tower:
    """Read Gemma 3's SigLIP, which pools 4 times 4 patches into each of 256 tokens."""
    tower, hidden = _part(config, _SIGLIP), config.language_model.whole("hidden_size")
    width, patch = tower.whole("hidden_size"), tower.whole("patch_size")
    side = tower.whole("image_size") // patch
    pooled = max(1, side // 16)
    inputs = _CHANNELS * patch**2 * width + side**2 * width
    return Tower(
        _blocks(tower, "num_hidden_layers") + inputs + width * hidden,
        _CHANNELS * (patch * pooled) ** 2,
    )


def gemma4(config: Config) -> Tower:
    """Read Gemma 4's tower, which has gated MLPs and pools patches."""
    tower, hidden = _part(config, {}), config.language_model.whole("hidden_size")
    width, patch = tower.whole("hidden_size"), tower.whole("patch_size")
    inputs = _CHANNELS * patch**2 * width
    inputs += 2 * (tower.optional("position_embedding_size") or 0) * width
    pooling = tower.optional("pooling_kernel_size") or 1
    return Tower(
        _blocks(tower, "num_hidden_layers", matrices=3) + inputs + width * hidden,
        _CHANNELS * (patch * pooling) ** 2,
    )


def llama4(config: Config) -> Tower:
    """Read Llama 4's tower, which merges 2 times 2 patches into one token."""
    tower, hidden = _part(config, _LLAMA4), config.language_model.whole("hidden_size")
    width, patch = tower.whole("hidden_size"), tower.whole("patch_size")
    between = tower.whole("projector_output_dim")
    joined = tower.whole("intermediate_size") * between + between**2 + between * hidden
    inputs = _CHANNELS * patch**2 * width + (tower.whole("image_size") // patch) ** 2 * width
    return Tower(
        _blocks(tower, "num_hidden_layers") + inputs + joined, _CHANNELS * (2 * patch) ** 2
    )


def gemma3n(config: Config) -> Tower:
    """Read Gemma 3n's towers: 300 million weights of MobileNet-V5, and a conformer for audio.

    An image of 768 x 768 pixels is 256 tokens (vllm/model_executor/models/gemma3n_mm.py). The
    conformer's sizes are the defaults of Transformers' Gemma3nAudioConfig.
    """
    given = config.inner("audio_config")
    audio = Config(given.values if given else {}, f"{config.place}: audio_config",
                   Config(_CONFORMER, "the model's usual audio_config"))  # fmt: skip
    width = audio.whole("hidden_size")
    kernel, layers = audio.whole("conf_conv_kernel_size"), audio.whole("conf_num_hidden_layers",
                                                                       most=1000)  # fmt: skip
    # Two MLPs of four times the width; four projections, positions and output; convolution.
    block = 16 * width**2 + 6 * width**2 + 3 * width**2 + kernel * width
    return Tower(
        _MOBILENET + layers * block + width * config.language_model.whole("hidden_size"),
        _CHANNELS * 768**2 // 256,
    )


def internvl(config: Config) -> Tower:
    """Read InternVL's tower, which joins patches by pixel shuffling."""
    tower, hidden = _part(config, _INTERN_VIT), config.language_model.whole("hidden_size")
    width, patch = tower.pair("hidden_size"), tower.pair("patch_size")
    ratio = config.factor("downsample_ratio") if config.get("downsample_ratio") else 0.5
    merge = max(1, round(1 / ratio))
    side = tower.pair("image_size") // patch
    inputs = _CHANNELS * patch**2 * width + (side**2 + 1) * width
    joined = width * merge**2 * hidden + hidden**2
    return Tower(
        _blocks(tower, "num_hidden_layers") + inputs + joined, _CHANNELS * (patch * merge) ** 2
    )


def moonvit(config: Config) -> Tower:
    """Read the MoonViT of Kimi VL and Kimi K2.5, which merges patches into one token."""
    tower, hidden = _part(config, _MOONVIT), config.language_model.whole("hidden_size")
    width, patch = tower.whole("hidden_size"), tower.whole("patch_size")
    merged = width * _MOONVIT_MERGE**2
    positions = tower.whole("init_pos_emb_height") * tower.whole("init_pos_emb_width")
    inputs = (_CHANNELS * patch**2 + positions) * width
    return Tower(
        _blocks(tower, "num_hidden_layers") + inputs + merged**2 + merged * hidden,
        _CHANNELS * (patch * _MOONVIT_MERGE) ** 2,
    )


def pixtral(config: Config) -> Tower:
    """Read Pixtral's tower in Mistral 3, which has gated MLPs and merges patches."""
    tower, hidden = _part(config, _PIXTRAL), config.language_model.whole("hidden_size")
    width, patch = tower.whole("hidden_size"), tower.whole("patch_size")
    merge = config.optional("spatial_merge_size") or 2
    joined = width**2 * merge**2 + width * hidden + hidden**2
    inputs = _CHANNELS * patch**2 * width
    return Tower(
        _blocks(tower, "num_hidden_layers", matrices=3) + inputs + joined,
        _CHANNELS * (patch * merge) ** 2,
    )


def qwen2_vl(config: Config) -> Tower:
    """Read Qwen2-VL's tower, whose hidden_size is that of the language model."""
    tower = _part(config, _QWEN2_VL)
    width = tower.whole("embed_dim")
    inner = width * tower.whole("mlp_ratio")
    return _of_qwen(tower, width, inner, tower.whole("hidden_size"), matrices=2)


def qwen2_5_vl(config: Config) -> Tower:
    """Read Qwen2.5-VL's tower, which has gated MLPs."""
    tower = _part(config, _QWEN2_5_VL)
    width, inner = tower.whole("hidden_size"), tower.whole("intermediate_size")
    return _of_qwen(tower, width, inner, tower.whole("out_hidden_size"), matrices=3)


def _of_qwen(tower: Config, width: int, inner: int, out: int, *, matrices: int) -> Tower:
    patch, merge = tower.whole("patch_size"), tower.whole("spatial_merge_size")
    frames, merged = tower.whole("temporal_patch_size"), width * merge**2
    blocks = tower.whole("depth", most=1000) * (4 * width**2 + matrices * width * inner)
    inputs = _CHANNELS * frames * patch**2 * width
    return Tower(
        blocks + inputs + merged**2 + merged * out, _CHANNELS * frames * (patch * merge) ** 2
    )


def qwen_vl(config: Config) -> Tower:
    """Read Qwen's tower: images are two equal frames, and some layers are followed by a merger."""
    tower = _part(config, {})
    width, patch = tower.whole("hidden_size"), tower.whole("patch_size")
    merge = tower.optional("spatial_merge_size") or 1
    frames = tower.optional("temporal_patch_size") or 1
    merged = width * merge**2
    mergers = 1 + len(tower.items("deepstack_visual_indexes"))
    inputs = _CHANNELS * frames * patch**2 * width
    inputs += (tower.optional("num_position_embeddings") or 0) * width
    joined = mergers * (merged**2 + merged * tower.whole("out_hidden_size"))
    return Tower(
        _blocks(tower, "depth") + inputs + joined, _CHANNELS * frames * (patch * merge) ** 2
    )


def _part(config: Config, defaults: Mapping[str, Any]) -> Config:
    given = config.inner("vision_config")
    usual = Config(defaults, "the model's usual vision_config")
    return Config(given.values if given else {}, f"{config.place}: vision_config", usual)


def _blocks(tower: Config, layers: str, matrices: int = 2) -> int:
    width = tower.whole("hidden_size")
    inner = tower.whole("intermediate_size")
    return tower.whole(layers, most=1000) * (4 * width**2 + matrices * width * inner)
