"""The KV cache as vLLM lays it out: pages of one layer, made equal, and groups of layers.

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
from ira_manifests.vllm.changes import ReleaseFacts
from ira_manifests.vllm.release import Release

LATENT_BLOCK_TOKENS = 64
"""Tokens of one page of latents: FlashMLA's; the other backends take 16 to 64."""

# The first and the last of the releases in whose sources these were found to be laid out as here.
_LATENTS = (Release.parse("0.19.0"), Release.parse("0.33.0"))
_INDEXERS = (Release.parse("0.19.0"), Release.parse("0.27.1"))
# 0.28.0 caches prefixes of models with states by default, with more states of each sequence
# (vllm/config/model.py, is_prefix_caching_supported).
_STATES = (Release.parse("0.19.0"), Release.parse("0.27.1"))
# Before, values were padded to the width of keys: vllm/model_executor/models/mimo_v2_flash.py.
_OWN_VALUES = (Release.parse("0.20.0"), Release.parse("0.27.1"))

_SPARSE = ("h100", "h200", "b200")
"""GPUs whose backend of sparse attention caches plain 16-bit latents: vllm/platforms/cuda.py.

Others have a backend with a packed format, or none.
"""


@dataclass(frozen=True)
class _Kind:
    """Layers that vLLM counts as one kind: how far they reach, and what a page of one takes."""

    group: KvGroup
    page: int

    @property
    def count(self) -> int:
        return self.group.layers

    @property
    def reach(self) -> tuple[int | None, int | None, bool]:
        """Return what layers of one group have in common."""
        return self.group.sliding_window, self.group.attention_chunk_size, self.group.holds_state


def unknown_layout(
    geometry: Geometry, release: Release, accelerator: str, kv_cache_dtype: str = "auto"
) -> str:
    """Return why it is not known how an engine lays the KV cache out; empty where it is.

    Latents and states were followed in the sources of some releases only, and what an attention
    backend decides for itself in part. `accelerator` is GKE's label.
    """
    for what, (first, last) in _compared(geometry):
        if not (first <= release and release.final <= last):
            known = f"is known for engines {first} to {last}, not for {release}"
            return f"the cache layout of {what} {known}"
    return _unknown_mixture(geometry) or _unknown_indexer(geometry, accelerator, kv_cache_dtype)


def _compared(geometry: Geometry) -> Iterator[tuple[str, tuple[Release, Release]]]:
    """Yield what a model caches that not every release caches alike, and which are known to."""
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
    """Return why no numbers follow from layers that are in one model; empty where they do."""
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
) -> KvLayout:
    """Divide the KV cache of one GPU into groups and blocks.

    Ask `unknown_layout` before, for latents and states.

    Raises GeometryError when the layers' pages have no common multiple among themselves (vLLM
    refuses such a model) or layers are mixed in a way that is not known, and SettingsError for an
    unknown KV cache dtype.
    """
    unknown = _unknown_mixture(geometry)
    if unknown:
        raise GeometryError(unknown)
    element = kv_element_bytes(kv_cache_dtype)
    tokens = [
        *_attention_kinds(geometry, facts, tensor_parallel, element),
        *_latent_kinds(geometry.latent, element),
    ]
    states = _state_kinds(geometry, tensor_parallel)
    kinds = _with_states(tokens, states) if states else tokens
    if len({kind.reach for kind in kinds}) == 1:
        groups, block_bytes = _one_group(kinds)
    else:
        groups, block_bytes = _hybrid_groups(kinds, facts)
    return KvLayout(
        groups=groups,
        block_bytes=block_bytes,
        bytes_per_token=sum(kind.count * kind.page // kind.group.block_tokens for kind in tokens),
        tokens_in_flight=facts.batches_in_flight * max_num_batched_tokens,
        state_bytes=sum(kind.count * kind.page for kind in kinds if kind.group.holds_state),
    )


def _attention_kinds(
    geometry: Geometry, facts: ReleaseFacts, tensor_parallel: int, element: int
) -> list[_Kind]:
    kinds = _counted_kinds(geometry.attention, facts)
    return [
        _Kind(
            KvGroup(layers.sliding_window, layers.attention_chunk_size, layers.count),
            BLOCK_TOKENS * layers.token_bytes(tensor_parallel, element),
        )
        for layers in kinds
    ]


def _latent_kinds(latent: tuple[LatentLayers, ...], element: int) -> list[_Kind]:
    """Return latents with their indexers' keys: one kind in vLLM, whatever their pages."""
    return [
        _Kind(
            KvGroup(None, None, layers.count, LATENT_BLOCK_TOKENS),
            LATENT_BLOCK_TOKENS * layers.token_bytes(element),
        )
        for layers in latent
    ]


def _state_kinds(geometry: Geometry, tensor_parallel: int) -> list[_Kind]:
    """Return the states, which are of one size, as one kind."""
    if not geometry.recurrent:
        return []
    count = sum(layers.count for layers in geometry.recurrent)
    size = geometry.recurrent[0].state_bytes_per_gpu(tensor_parallel)
    return [_Kind(KvGroup(None, None, count, holds_state=True), size)]


def _with_states(tokens: list[_Kind], states: list[_Kind]) -> list[_Kind]:
    """Make pages of tokens at least as large as a state, and then the states' as large as those.

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


def _counted_kinds(layers: tuple[Layers, ...], facts: ReleaseFacts) -> tuple[Layers, ...]:
    """Return the layers as the engine counts them: without support, as full attention."""
    has_chunks = any(item.attention_chunk_size is not None for item in layers)
    mixed = len({(item.sliding_window, item.attention_chunk_size) for item in layers}) > 1
    if (mixed and not facts.hybrid_cache) or (has_chunks and not facts.chunked_cache):
        layers = tuple(
            replace(item, sliding_window=None, attention_chunk_size=None) for item in layers
        )
    return _merged(layers)


def _merged(layers: tuple[Layers, ...]) -> tuple[Layers, ...]:
    counts: dict[Layers, int] = {}
    for item in layers:
        # Query heads take no part in the cache.
        shape = replace(item, count=1, num_attention_heads=None)
        counts[shape] = counts.get(shape, 0) + item.count
    return tuple(replace(shape, count=count) for shape, count in counts.items())


def _one_group(kinds: list[_Kind]) -> tuple[tuple[KvGroup, ...], int]:
    count = sum(kind.count for kind in kinds)
    block_bytes = sum(kind.count * kind.page for kind in kinds)
    return (replace(kinds[0].group, layers=count),), block_bytes


def _hybrid_groups(kinds: list[_Kind], facts: ReleaseFacts) -> tuple[tuple[KvGroup, ...], int]:
    largest = max(kind.page for kind in kinds)
    slots = _slots([kind.count for kind in kinds], facts.pad_below)
    groups: list[KvGroup] = []
    for kind in kinds:
        if largest % kind.page:
            raise GeometryError(
                f"KV pages of {kind.page} and {largest} bytes cannot be made equal: vLLM refuses "
                "to mix these layers"
            )
        block_tokens = kind.group.block_tokens * (largest // kind.page)
        groups += _split(replace(kind.group, block_tokens=block_tokens), slots)
    return tuple(groups), largest * slots


def _slots(counts: list[int], pad_below: Fraction | None) -> int:
    """Return the layers of one group: the smallest count, or the largest if it is near."""
    smallest, largest = min(counts), max(counts)
    if pad_below is not None and largest < smallest * pad_below:
        return largest
    return smallest


def _split(kind: KvGroup, slots: int) -> list[KvGroup]:
    """Deal the layers of one kind out to as few groups as hold them, as evenly as can be."""
    number = ceil_div(kind.layers, slots)
    each, more = divmod(kind.layers, number)
    sizes = {each + 1: more, each: number - more}
    return [replace(kind, layers=size, count=count) for size, count in sizes.items() if count]
