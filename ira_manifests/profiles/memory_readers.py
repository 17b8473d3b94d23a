"""Read the value of an option as what it changes of the memory, where that can be computed.

A reader gets the option's text and the model, and returns the changes of `EngineOptions`, or None
where they can't be computed. Sources are files of https://github.com/vllm-project/vllm, as of
release 0.26.0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from ira_manifests.memory import GIB, Geometry, Weights
from ira_manifests.memory.engine_options import LARGEST_CAPTURE
from ira_manifests.vllm import human_readable_int
from ira_manifests.vllm.option_values import json_keys

Changes = Mapping[str, Any] | None
NOTHING: Mapping[str, Any] = {}
_NO_GRAPHS: Mapping[str, Any] = {"capture_sizes": ()}
_FEWER_GRAPHS: Mapping[str, Any] = {"both_graphs": False}
_ELEMENT_BYTES = 2

_BLOCKS = (16, 32, 64, 128)


@dataclass(frozen=True)
class Asked:
    """What options are read for.

    Attributes:
        geometry: the model's shape.
        weights: bytes of the weights on each GPU.
        tensor_parallel, pipeline_parallel: how the model is split.
        held: what is known of the parts of the weights.
    """

    geometry: Geometry
    weights: int
    tensor_parallel: int = 1
    pipeline_parallel: int = 1
    held: Weights | None = None


Reader = Callable[[str, Asked], Changes]
JointReader = Callable[[Mapping[str, str], Asked], Changes | tuple[str, ...]]
"""Reads options that only count together: their changes, or those that can't be computed."""


def never(_text: str, _asked: Asked) -> Changes:
    """Return that it can't be computed."""
    return None


def same(*values: str) -> Reader:
    """Return a reader for which these values change nothing, and others can't be computed."""
    return lambda text, _: NOTHING if text in values else None


def block_size(text: str, asked: Asked) -> Changes:
    """`--block-size`: pages of attention; latents and states have blocks of their own."""
    tokens = _whole(text)
    if asked.geometry.latent or asked.geometry.recurrent or tokens not in _BLOCKS:
        return None
    return {"block_tokens": tokens}


def no_hybrid_cache(text: str, asked: Asked) -> Changes:
    """`--disable-hybrid-kv-cache-manager`: v1/core/kv_cache_utils.py.

    Layers with a window count as full where there are full ones; the engine refuses states beside
    attention, and windows of several sizes alone.
    """
    if text == "false":
        return NOTHING
    geometry = asked.geometry
    reaches = {(item.sliding_window, item.attention_chunk_size) for item in geometry.attention}
    if text != "true" or geometry.recurrent or (len(reaches) > 1 and (None, None) not in reaches):
        return None
    return {"hybrid_cache": False}


def async_scheduling(text: str, _asked: Asked) -> Changes:
    """`--async-scheduling`: config/vllm.py (max_concurrent_batches)."""
    return {"true": NOTHING, "false": {"async_scheduling": False}}.get(text)


def enforce_eager(text: str, _asked: Asked) -> Changes:
    """`--enforce-eager`: no CUDA graphs."""
    return {"true": _NO_GRAPHS, "false": NOTHING}.get(text)


def optimization_level(text: str, _asked: Asked) -> Changes:
    """`-O`: 0 has no CUDA graphs, 1 fewer; 2, the default, and 3 have the same: config/vllm.py."""
    levels: dict[str, Changes] = {"0": _NO_GRAPHS, "1": _FEWER_GRAPHS, "2": NOTHING, "3": NOTHING}
    return levels.get(text)


def compilation_config(text: str, asked: Asked) -> Changes:
    """`--compilation-config`: which CUDA graphs are captured; other keys are not computed."""
    changes: dict[str, Any] = {}
    for key, value in (keys_of(text) or {"": None}).items():
        match key:
            case "cudagraph_mode":
                found = _cudagraph_mode(f"{value}")
            case "cudagraph_capture_sizes" if isinstance(value, list):
                found = capture_sizes(" ".join(map(str, value)), asked)
            case "max_cudagraph_capture_size":
                found = largest_capture(f"{value}", asked)
            case _:
                return None
        if found is None:
            return None
        changes |= found
    return changes


def _cudagraph_mode(text: str) -> Changes:
    names: dict[str, Changes] = {
        "NONE": _NO_GRAPHS,
        "PIECEWISE": _FEWER_GRAPHS,
        "FULL": _FEWER_GRAPHS,
        "FULL_DECODE_ONLY": _FEWER_GRAPHS,
        "FULL_AND_PIECEWISE": NOTHING,
    }
    return names.get(text.upper())


def capture_sizes(text: str, _asked: Asked) -> Changes:
    """`--cudagraph-capture-sizes`: the sizes themselves; large ones were never measured."""
    sizes = [_whole(size) for size in text.split()]
    known = [size for size in sizes if size is not None and 0 < size <= LARGEST_CAPTURE]
    return {"capture_sizes": tuple(known)} if sizes and len(known) == len(sizes) else None


def largest_capture(text: str, _asked: Asked) -> Changes:
    """`--max-cudagraph-capture-size`: the largest of the usual sizes."""
    size = _whole(text)
    return {"largest_capture": size} if size and size <= LARGEST_CAPTURE else None


def kv_cache_bytes(text: str, _asked: Asked) -> Changes:
    """`--kv-cache-memory-bytes`, as 8G; 0 is as if it were not there."""
    try:
        size = human_readable_int(text)
    except ValueError:
        return None
    return ({"kv_cache_bytes": size} if size else NOTHING) if size >= 0 else None


def kv_cache_blocks(text: str, _asked: Asked) -> Changes:
    """`--num-gpu-blocks-override`."""
    blocks = _whole(text)
    return {"kv_cache_blocks": blocks} if blocks else None


def cpu_offload(text: str, asked: Asked) -> Changes:
    """`--cpu-offload-gb`: GiB of the layers' weights on each GPU, parameter by parameter.

    Computed up to half of the layers, which leaves room for what is no layer: embeddings, head,
    vision tower.
    """
    try:
        size = int(Decimal(text) * GIB)
    except (InvalidOperation, OverflowError, ValueError):
        return None
    if size == 0:
        return NOTHING
    shape = asked.geometry
    ends = 2 * shape.vocab_size * shape.hidden_size * _ELEMENT_BYTES // asked.tensor_parallel
    if asked.pipeline_parallel > 1 or not 0 < size <= (asked.weights - ends) // 2:
        return None
    return {"cpu_offload_bytes": size}


def context_parallel(text: str, asked: Asked) -> Changes:
    """`--decode-context-parallel-size`: config/model.py and config/parallel.py have its limits.

    It divides the tokens of full attention, where the GPUs would hold copies of the same KV heads
    or latents.
    """
    shards, gpus, shape = _whole(text), asked.tensor_parallel, asked.geometry
    if shards == 1:
        return NOTHING
    if shards is None or gpus % shards or not _divides_tokens(shape):
        return None
    for layers in shape.attention:
        heads = layers.num_key_value_heads
        queries = (layers.num_attention_heads or shape.num_attention_heads) // heads
        if gpus <= heads or shards > gpus // heads or queries % shards:
            return None
    return {"context_shards": shards}


def _divides_tokens(shape: Geometry) -> bool:
    """Return whether all layers have full attention, or latents without an indexer."""
    if len(shape.attention) + len(shape.latent) < len(shape.layers):
        return False
    if any(layers.index_head_dim for layers in shape.latent):
        return False
    reaches = ((item.sliding_window, item.attention_chunk_size) for item in shape.attention)
    return all(reach == (None, None) for reach in reaches)


def prefix_caching(text: str, asked: Asked) -> Changes:
    """`--enable-prefix-caching`: more states of each sequence, and nothing without states."""
    return None if asked.geometry.recurrent and text != "false" else NOTHING


def _whole(text: str) -> int | None:
    """Return a whole number above 0, or None."""
    try:
        number = int(text)
    except ValueError:
        return None
    return number if number > 0 else None


def keys_of(text: str) -> dict[str, Any] | None:
    """Return the keys of a JSON option; None for other texts, and for numbers with a suffix."""
    return json_keys(text) or None
