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
