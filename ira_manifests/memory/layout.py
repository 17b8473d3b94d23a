"""The layout of vLLM's KV cache: pages of one layer, made equal in size, and groups of layers.

Source: vLLM's v1/core/kv_cache_utils.py (get_kv_cache_groups, unify_kv_cache_spec_page_size) and
platforms/interface.py (_align_hybrid_block_size).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from ira_manifests.memory.blocks import (
    BLOCK_TOKENS,
    KvGroup,
    KvLayout,
    ceil_div,
    kv_element_bytes,
)
from ira_manifests.memory.errors import GeometryError
from ira_manifests.memory.geometry import Geometry
from ira_manifests.memory.layers import LatentLayers, Layers
from ira_manifests.memory.recurrent import ELEMENT_BYTES
from ira_manifests.vllm.changes import ReleaseFacts
from ira_manifests.vllm.release import Release

LATENT_BLOCK_TOKENS = 64
"""Tokens of one page of latents: FlashMLA's; the other backends use 16 to 64."""

# The first and the last release whose sources were found to have the layout of this module.
_LATENTS = (Release.parse("0.19.0"), Release.parse("0.33.0"))
_INDEXERS = (Release.parse("0.19.0"), Release.parse("0.27.1"))
# From 0.28.0, prefix caching is on by default for models with states, and caches more states of
# each sequence (vllm/config/model.py, is_prefix_caching_supported).
_STATES = (Release.parse("0.19.0"), Release.parse("0.27.1"))
# Before 0.20.0, values were padded to the width of keys:
# vllm/model_executor/models/mimo_v2_flash.py.
_OWN_VALUES = (Release.parse("0.20.0"), Release.parse("0.27.1"))

_SPARSE = ("h100", "h200", "b200")
"""GPUs whose sparse attention backend caches plain 16-bit latents: vllm/platforms/cuda.py.

Other GPUs have a backend with a packed format, or none.
"""


@dataclass(frozen=True)
class _Kind:
    """Layers that vLLM counts as one kind, and the bytes of one page of a layer."""

    group: KvGroup
    page: int

    @property
    def count(self) -> int:
        return self.group.layers

    @property
    def reach(self) -> tuple[int | None, int | None, bool]:
        """Return the values that are equal for all layers of one group."""
        return self.group.sliding_window, self.group.attention_chunk_size, self.group.holds_state


def unknown_layout(
    geometry: Geometry, release: Release, accelerator: str, kv_cache_dtype: str = "auto"
) -> str:
    """Return why the KV cache layout is unknown for an engine; empty if it is known.

    The layouts of latents and states were read in the sources of some releases only, and those that
    depend on the attention backend for some backends only. `accelerator`: GKE's label.
    """
    for what, (first, last) in _compared(geometry):
        if not (first <= release and release.final <= last):
            known = f"is known for engines {first} to {last}, not for {release}"
            return f"the cache layout of {what} {known}"
    return _unknown_mixture(geometry) or _unknown_indexer(geometry, accelerator, kv_cache_dtype)


def _compared(geometry: Geometry) -> Iterator[tuple[str, tuple[Release, Release]]]:
    """Yield cached data whose layout depends on the release, with the known range of releases."""
    if _has_indexer(geometry):
        yield "latent attention with a sparse indexer", _INDEXERS
    elif geometry.latent:
        yield "latent attention (MLA)", _LATENTS
    if geometry.recurrent:
        yield "layers with a state", _STATES
    if geometry.has_own_values:
        yield "values of another width than keys", _OWN_VALUES


def _has_indexer(geometry: Geometry) -> bool:
    return any(layers.index_head_dim for layers in geometry.latent)


def _unknown_mixture(geometry: Geometry) -> str:
    """Return why the layout of a model's combination of layers is unknown; empty if it is known."""
    if geometry.latent and (geometry.attention or geometry.recurrent):
        return "the cache layout of latent attention beside others depends on the attention backend"
    if not geometry.recurrent:
        return ""
    states = {replace(layers, count=1) for layers in geometry.recurrent}
    attention = {
        (layers.num_key_value_heads, layers.head_dim, layers.v_head_dim)
        for layers in geometry.attention
    }
    if len(states) > 1 or len(attention) > 1:
        return "the page size of layers with a state beside layers of several shapes is not known"
    return ""


def _unknown_indexer(geometry: Geometry, accelerator: str, kv_cache_dtype: str) -> str:
    if not _has_indexer(geometry):
        return ""
    if kv_element_bytes(kv_cache_dtype) == 1:
        return "the size of fp8 latents with a sparse indexer depends on the attention backend"
    if not any(name in accelerator for name in _SPARSE):
        return f"the cache layout of latents with a sparse indexer on {accelerator} is not known"
    return ""


def kv_layout(
    geometry: Geometry,
    facts: ReleaseFacts,
    tensor_parallel: int,
    kv_cache_dtype: str = "auto",
    max_num_batched_tokens: int = 8192,
    block_tokens: int = BLOCK_TOKENS,
    of_stage: Geometry | None = None,
    context_shards: int = 1,
    element_bytes: int = ELEMENT_BYTES,
) -> KvLayout:
    """Divide the KV cache of one GPU into groups and blocks.

    `of_stage`: the layers of one stage of pipeline parallelism. The groups are those of the whole
    model, and a block has room for the stage's layers of the largest one. `context_shards`: GPUs
    that divide the tokens of a request, of models with full attention alone. `element_bytes`: of
    a value in the model's own dtype.

    For latents and states, whose blocks have other sizes, call `unknown_layout` first.

    Raises GeometryError when the largest page is not a multiple of every other (vLLM refuses such a
    model) or the layout of a combination of layers is unknown, and SettingsError for an unknown KV
    cache dtype.
    """
    unknown = _unknown_mixture(geometry)
    if unknown:
        raise GeometryError(unknown)
    as_full = _counts_as_full(geometry, facts)
    element = kv_element_bytes(kv_cache_dtype, element_bytes)
    kinds, own = (
        _sharded(
            _kinds(part, tensor_parallel, element, block_tokens, as_full=as_full), context_shards
        )
        for part in (geometry, of_stage or geometry)
    )
    if len({kind.reach for kind in kinds}) == 1:
        groups = _one_group(kinds)
        block_bytes = sum(kind.count * kind.page for kind in own)
    else:
        groups, block_bytes = _hybrid_groups(kinds, own, facts)
    tokens = [kind for kind in own if not kind.group.holds_state]
    return KvLayout(
        groups=groups,
        block_bytes=block_bytes,
        bytes_per_token=sum(kind.count * kind.page // kind.group.block_tokens for kind in tokens),
        tokens_in_flight=facts.batches_in_flight * max_num_batched_tokens,
        state_bytes=sum(kind.count * kind.page for kind in kinds if kind.group.holds_state),
    )


def _kinds(
    geometry: Geometry, tensor_parallel: int, element: int, block_tokens: int, *, as_full: bool
) -> list[_Kind]:
    counted = _counted_kinds(geometry.attention, as_full=as_full)
    tokens = [
        *_attention_kinds(counted, tensor_parallel, element, block_tokens),
        *_latent_kinds(geometry.latent, element),
    ]
    states = _state_kinds(geometry, tensor_parallel)
    return _with_states(tokens, states) if states else tokens


def _attention_kinds(
    kinds: tuple[Layers, ...], tensor_parallel: int, element: int, block_tokens: int
) -> list[_Kind]:
    return [
        _Kind(
            KvGroup(layers.sliding_window, layers.attention_chunk_size, layers.count, block_tokens),
            block_tokens * layers.token_bytes(tensor_parallel, element),
        )
        for layers in kinds
    ]


def _latent_kinds(latent: tuple[LatentLayers, ...], element: int) -> list[_Kind]:
    """Return latents with their indexers' keys, which vLLM counts as one kind."""
    return [
        _Kind(
            KvGroup(None, None, layers.count, LATENT_BLOCK_TOKENS),
            LATENT_BLOCK_TOKENS * layers.token_bytes(element),
        )
        for layers in latent
    ]


def _state_kinds(geometry: Geometry, tensor_parallel: int) -> list[_Kind]:
    """Return the states as one kind; all have the same size."""
    if not geometry.recurrent:
        return []
    count = sum(layers.count for layers in geometry.recurrent)
    size = geometry.recurrent[0].state_bytes_per_gpu(tensor_parallel)
    return [_Kind(KvGroup(None, None, count, holds_state=True), size)]


def _with_states(tokens: list[_Kind], states: list[_Kind]) -> list[_Kind]:
    """Enlarge pages of tokens to at least the size of a state, then pad states to that size.

    The block grows in steps of the attention kernel's 16 tokens.
    """
    if not tokens:
        return states
    page = tokens[0].page
    times = ceil_div(states[0].page, page)
    grown = [
        _Kind(replace(kind.group, block_tokens=BLOCK_TOKENS * times), page * times)
        for kind in tokens
    ]
    return [*grown, *(replace(kind, page=page * times) for kind in states)]


def _sharded(kinds: list[_Kind], shards: int) -> list[_Kind]:
    """Return kinds of which a page holds the tokens of one GPU, out of a block of all."""
    return [
        replace(kind, group=replace(kind.group, block_tokens=kind.group.block_tokens * shards))
        for kind in kinds
    ]


def _counts_as_full(geometry: Geometry, facts: ReleaseFacts) -> bool:
    """Return whether the engine counts all layers as full attention: it supports no other."""
    layers = geometry.attention
    has_chunks = any(item.attention_chunk_size is not None for item in layers)
    mixed = len({(item.sliding_window, item.attention_chunk_size) for item in layers}) > 1
    return (mixed and not facts.hybrid_cache) or (has_chunks and not facts.chunked_cache)


def _counted_kinds(layers: tuple[Layers, ...], *, as_full: bool) -> tuple[Layers, ...]:
    if as_full:
        layers = tuple(
            replace(item, sliding_window=None, attention_chunk_size=None) for item in layers
        )
    return _merged(layers)


def _merged(layers: tuple[Layers, ...]) -> tuple[Layers, ...]:
    counts: dict[Layers, int] = {}
    for item in layers:
        # The cache does not depend on query heads.
        shape = replace(item, count=1, num_attention_heads=None)
        counts[shape] = counts.get(shape, 0) + item.count
    return tuple(replace(shape, count=count) for shape, count in counts.items())


def _one_group(kinds: list[_Kind]) -> tuple[KvGroup, ...]:
    return (replace(kinds[0].group, layers=sum(kind.count for kind in kinds)),)


def _hybrid_groups(
    kinds: list[_Kind], own: list[_Kind], facts: ReleaseFacts
) -> tuple[tuple[KvGroup, ...], int]:
    """Return the groups of a model, and the bytes of a block on a GPU with its `own` layers.

    A kind's layers are dealt out to its groups in turn, so that each stage has as many of each.
    """
    largest = max(kind.page for kind in kinds)
    slots = _slots([kind.count for kind in kinds], facts.pad_below)
    held = {(kind.reach, kind.page): kind.count for kind in own}
    groups: list[KvGroup] = []
    room = 0
    for kind in kinds:
        if largest % kind.page:
            raise GeometryError(
                f"KV pages of {kind.page} and {largest} bytes cannot be made equal: vLLM refuses "
                "to mix these layers"
            )
        block_tokens = kind.group.block_tokens * (largest // kind.page)
        groups += _split(replace(kind.group, block_tokens=block_tokens), slots)
        room = max(
            room, ceil_div(held.get((kind.reach, kind.page), 0), ceil_div(kind.count, slots))
        )
    return tuple(groups), largest * room


def _slots(counts: list[int], pad_below: Fraction | None) -> int:
    """Return the layers of one group: the smallest count, or the largest if padding is small."""
    smallest, largest = min(counts), max(counts)
    if pad_below is not None and largest < smallest * pad_below:
        return largest
    return smallest


def _split(kind: KvGroup, slots: int) -> list[KvGroup]:
    """Split the layers of one kind evenly over as few groups as possible."""
    number = ceil_div(kind.layers, slots)
    each, more = divmod(kind.layers, number)
    sizes = {each + 1: more, each: number - more}
    return [replace(kind, layers=size, count=count) for size, count in sizes.items() if count]
