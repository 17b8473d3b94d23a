"""Layers that cache a state of each sequence, and their weights."""

from __future__ import annotations

from ira_manifests.architectures.config import Config
from ira_manifests.architectures.errors import ConfigError
from ira_manifests.architectures.layers import Part, Words

_ELEMENT_BYTES = 2
_MAMBA2 = ("mamba_num_heads", "mamba_head_dim", "ssm_state_size", "n_groups", "conv_kernel")
# The same values of Granite 4 and Falcon-H1.
_GRANITE = ("mamba_n_heads", "mamba_d_head", "mamba_d_state", "mamba_n_groups", "mamba_d_conv")


def gated_delta_net(config: Config) -> tuple[Words, Part]:
    """Return what a linear attention layer of Qwen3-Next and Qwen3.5 caches, and its weights."""
    words: dict[str, int | str | bool] = {
        name: config.whole(name)
        for name in (
            "linear_num_key_heads",
            "linear_num_value_heads",
            "linear_key_head_dim",
            "linear_value_head_dim",
            "linear_conv_kernel_dim",
        )
    }
    key_heads, value_heads, key_dim, value_dim, kernel = map(int, words.values())
    hidden = config.whole("hidden_size")
    keys, values = key_heads * key_dim, value_heads * value_dim
    # Queries, keys, values and gate; two values for each value head; output; convolution.
    parameters = hidden * (2 * keys + 2 * values + 2 * value_heads) + values * hidden
    parameters += (2 * keys + values) * kernel
    return {**words, **_state_dtype(config)}, Part("linear_attn", parameters)


def mamba2(config: Config) -> tuple[Words, Part]:
    """Return what a Mamba-2 layer of Nemotron-H caches, and its weights."""
    return _mamba2(config, [config.whole(name) for name in _MAMBA2], "mixer")


def mamba2_of_granite(config: Config, inner: int) -> tuple[Words, Part]:
    """Return what a Mamba-2 layer of Granite 4 and Falcon-H1 caches, and its weights.

    inner: its inner width, which is that of all heads together.

    Raises ConfigError if it is not.
    """
    heads = config.whole(_GRANITE[0])
    dim = inner // heads
    if config.get("mamba_d_head") not in (None, "auto"):
        dim = config.whole("mamba_d_head")
    if heads * dim != inner:
        raise ConfigError(f"{config.place}: {heads} heads of {dim} are not Mamba's width {inner}")
    values = [heads, dim, *(config.whole(name) for name in _GRANITE[2:])]
    return _mamba2(config, values, "mamba")


def _mamba2(config: Config, values: list[int], name: str) -> tuple[Words, Part]:
    words: dict[str, int | str | bool] = dict(zip(_MAMBA2, values, strict=True))
    heads, dim, state, groups, kernel = values
    hidden, inner = config.whole("hidden_size"), heads * dim
    convolved = inner + 2 * groups * state
    parameters = hidden * (inner + convolved + heads) + inner * hidden + convolved * kernel
    return {**words, **_state_dtype(config)}, Part(name, parameters)


def mamba1(config: Config) -> tuple[Words, Part]:
    """Return what a Mamba-1 layer of Jamba caches, and its weights.

    Source: vllm/model_executor/layers/mamba/mamba_mixer.py.
    """
    hidden = config.whole("hidden_size")
    inner = hidden * (config.optional("mamba_expand") or 2)
    state, kernel = config.whole("mamba_d_state"), config.whole("mamba_d_conv")
    rank = -(-hidden // 16)
    if config.get("mamba_dt_rank") not in (None, "auto"):
        rank = config.whole("mamba_dt_rank")
    words: dict[str, int | str | bool] = {
        "mamba_intermediate_size": inner,
        "mamba_d_state": state,
        "mamba_d_conv": kernel,
    }
    # In and out projections; steps, inputs and outputs of the state; its decay; convolution.
    parameters = 3 * hidden * inner + inner * (2 * rank + 3 * state + kernel)
    return {**words, **_state_dtype(config)}, Part("mamba", parameters)


def short_convolution(config: Config) -> tuple[Words, Part]:
    """Return what a convolution of LFM2 caches, and its weights.

    Source: vllm/model_executor/layers/mamba/short_conv.py, mamba_utils.py (short_conv_state_shape):
    the inputs of the last tokens, in 16 bit.
    """
    hidden, kernel = config.whole("hidden_size"), config.whole("conv_L_cache")
    width = config.optional("conv_dim") or hidden
    words: Words = {"state_bytes": width * max(1, kernel - 1) * _ELEMENT_BYTES}
    return words, Part("conv", 4 * hidden * width + width * kernel)


def _state_dtype(config: Config) -> Words:
    dtype = config.text("mamba_ssm_dtype") or config.text("mamba_ssm_cache_dtype")
    return {"mamba_ssm_dtype": dtype} if dtype else {}
