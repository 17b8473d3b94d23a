"""Rotary position embeddings: the longest context, and the tables that every GPU holds."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.architectures.config import Config

_ELEMENT_BYTES = 2
_UNSCALED = ("longrope", "llama3", "su")
_POSITIONS = ("max_position_embeddings", "n_positions", "seq_length", "model_max_length")


def context(config: Config) -> int:
    """Return the longest context, in tokens, that vLLM accepts without an override.

    Source: vllm/config/model.py (_get_and_verify_max_len).
    """
    longest, factor = config.whole(*_POSITIONS), 1.0
    if "gemma3" in config.text("model_type"):
        return longest  # already includes the scaling
    for rope in _ropes(config):
        if _kind(rope) not in _UNSCALED:
            factor = rope.factor("factor")
            if _kind(rope) == "yarn":
                longest = rope.optional("original_max_position_embeddings") or longest
    return int(longest * factor)


def table_bytes(config: Config, widths: tuple[int, ...]) -> int:
    """Return the bytes of the tables of sines and cosines.

    widths: rotary elements per head, for each kind of head.

    Source: vllm/model_executor/layers/rotary_embedding: a row of 16-bit values for each position;
    with linear scaling, for each scaled position. Gemma 3 has a second table for sliding layers.
    """
    longest = config.whole(*_POSITIONS)
    factor = max([rope.factor("factor") for rope in _ropes(config) if _kind(rope) == "linear"],
                 default=1.0)  # fmt: skip
    rows = int(longest * factor) * sum(sorted(set(widths)))
    if config.get("rope_local_base_freq") is not None:
        rows += longest * max(widths, default=0)
    return rows * _ELEMENT_BYTES


def _ropes(config: Config) -> Iterator[Config]:
    for name in ("rope_parameters", "rope_scaling"):
        given = config.inner(name)
        if given is not None:
            nested = [key for key, value in given.values.items() if isinstance(value, dict)]
            inner = [each for key in nested if (each := given.inner(key)) is not None]
            yield from inner or [given]
            return


def _kind(rope: Config) -> str:
    return rope.text("rope_type") or rope.text("type")
