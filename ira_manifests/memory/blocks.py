"""The KV cache as vLLM lays it out: pages, groups of layers, blocks; all in exact integers.

A block holds 16 tokens of every layer of one group. A model of one layer kind is one group. A
hybrid model is cut into groups of equally many layers that share one pool of blocks, and a
request needs blocks in each group: of all its tokens where attention is full, of the window and
the tokens in flight where it is not. Source: vLLM's v1/core/kv_cache_utils.py and
v1/kv_cache_interface.py.
"""

from dataclasses import dataclass, replace
from fractions import Fraction

from ira_manifests.memory.errors import GeometryError, SettingsError
from ira_manifests.memory.geometry import ELEMENT_BYTES, Geometry, Layers
from ira_manifests.vllm.changes import ReleaseFacts

BLOCK_TOKENS = 16
"""Tokens of one page; vLLM's default block size on CUDA."""

_KV_ELEMENT_BYTES = {
    "auto": ELEMENT_BYTES,
    "bfloat16": ELEMENT_BYTES,
    "float16": ELEMENT_BYTES,
    "fp8": 1,
    "fp8_e4m3": 1,
    "fp8_e5m2": 1,
}


def kv_element_bytes(kv_cache_dtype: str) -> int:
    """Return the bytes of one cached element: 2, or 1 for fp8.

    Raises SettingsError for a dtype that this package does not know, and names those it does.
    """
    try:
        return _KV_ELEMENT_BYTES[kv_cache_dtype]
    except KeyError:
        known = ", ".join(_KV_ELEMENT_BYTES)
        raise SettingsError(f"KV cache dtype {kv_cache_dtype!r} is none of: {known}") from None


@dataclass(frozen=True)
class KvGroup:
    """Layers that share a block table; groups that are alike are one object with a count.

    Attributes:
        sliding_window, attention_chunk_size: how far its layers attend, as in `Layers`.
        layers: how many of its slots hold a layer; the rest is padding.
        block_tokens: tokens of one block, a multiple of 16 where pages were made equal.
        count: how many such groups there are.
    """

    sliding_window: int | None
    attention_chunk_size: int | None
    layers: int
    block_tokens: int = BLOCK_TOKENS
    count: int = 1

    def blocks_per_request(self, length: int, tokens_in_flight: int) -> int:
        """Return the blocks a request of ``length`` tokens holds at most in one such group."""
        if self.attention_chunk_size is not None:
            kept = min(self.attention_chunk_size + tokens_in_flight, length)
            return _ceil(kept, self.block_tokens)
        if self.sliding_window is not None:
            kept = min(self.sliding_window - 1 + tokens_in_flight, length)
            # One more: a window rarely starts where a block does.
            return _ceil(kept, self.block_tokens) + 1
        return _ceil(length, self.block_tokens)


@dataclass(frozen=True)
class KvLayout:
    """How one GPU's KV pool is divided.

    Attributes:
        groups: the groups of layers by kind; one for a model of a single kind.
        block_bytes: bytes of one block over all layer slots of a group.
        bytes_per_token: bytes that one token takes over all layers while every layer keeps it.
        tokens_in_flight: tokens that a window must hold beyond itself.
    """

    groups: tuple[KvGroup, ...]
    block_bytes: int
    bytes_per_token: int
    tokens_in_flight: int

    @property
    def group_count(self) -> int:
        """Return the number of groups."""
        return sum(group.count for group in self.groups)

    def blocks(self, pool_bytes: int) -> int:
        """Return the whole blocks of a pool; 0 for a pool that is negative."""
        return max(0, pool_bytes) // self.block_bytes

    def blocks_per_request(self, length: int) -> int:
        """Return the blocks that one request of ``length`` tokens may hold, over all groups."""
        return sum(
            group.count * group.blocks_per_request(length, self.tokens_in_flight)
            for group in self.groups
        )

    def request_bytes(self, length: int) -> int:
        """Return the bytes of the pool that one request of ``length`` tokens may hold."""
        return self.blocks_per_request(length) * self.block_bytes

    def concurrency(self, pool_bytes: int, length: int) -> Fraction:
        """Return how many requests of ``length`` tokens the pool holds; vLLM logs 2 decimals."""
        return Fraction(self.blocks(pool_bytes), self.blocks_per_request(length))

    def longest(self, pool_bytes: int, limit: int) -> int:
        """Return the longest request, at most ``limit`` tokens, that the pool holds; else 0.

        Exact: bisection over the blocks, which never fall as the length grows.
        """
        blocks = self.blocks(pool_bytes)
        fits, too_long = 0, limit + 1
        while too_long - fits > 1:
            middle = (fits + too_long) // 2
            if self.blocks_per_request(middle) <= blocks:
                fits = middle
            else:
                too_long = middle
        return fits


def logged_tokens(layout: KvLayout, facts: ReleaseFacts, pool_bytes: int, length: int) -> int:
    """Return the "GPU KV cache size" in tokens, as this engine logs it."""
    blocks = layout.blocks(pool_bytes)
    if facts.tokens_from_concurrency:
        return blocks * length // layout.blocks_per_request(length)
    block_tokens = min(group.block_tokens for group in layout.groups)
    return blocks // layout.group_count * block_tokens


def kv_layout(
    geometry: Geometry,
    facts: ReleaseFacts,
    tensor_parallel: int,
    kv_cache_dtype: str = "auto",
    max_num_batched_tokens: int = 8192,
) -> KvLayout:
    """Divide the KV cache of one GPU into groups and blocks.

    Raises GeometryError when the layers' pages have no common multiple among themselves (vLLM
    refuses such a model), and SettingsError for an unknown KV cache dtype.
    """
    element = kv_element_bytes(kv_cache_dtype)
    kinds = _counted_kinds(geometry.layers, facts)
    pages = {layers: _page_bytes(layers, tensor_parallel, element) for layers in kinds}
    if len({_reach(layers) for layers in kinds}) == 1:
        groups, block_bytes = _one_group(pages)
    else:
        groups, block_bytes = _hybrid_groups(pages, facts)
    return KvLayout(
        groups=groups,
        block_bytes=block_bytes,
        bytes_per_token=sum(n.count * page for n, page in pages.items()) // BLOCK_TOKENS,
        tokens_in_flight=facts.batches_in_flight * max_num_batched_tokens,
    )


def _counted_kinds(layers: tuple[Layers, ...], facts: ReleaseFacts) -> tuple[Layers, ...]:
    """Return the layers as the engine counts them: without support, as full attention."""
    has_chunks = any(item.attention_chunk_size is not None for item in layers)
    mixed = len({_reach(item) for item in layers}) > 1
    if (mixed and not facts.hybrid_cache) or (has_chunks and not facts.chunked_cache):
        layers = tuple(
            replace(item, sliding_window=None, attention_chunk_size=None) for item in layers
        )
    return _merged(layers)


def _reach(layers: Layers) -> tuple[int | None, int | None]:
    """Return how far layers attend: layers that differ in it need groups of their own."""
    return layers.sliding_window, layers.attention_chunk_size


def _merged(layers: tuple[Layers, ...]) -> tuple[Layers, ...]:
    counts: dict[Layers, int] = {}
    for item in layers:
        shape = replace(item, count=1)
        counts[shape] = counts.get(shape, 0) + item.count
    return tuple(replace(shape, count=count) for shape, count in counts.items())


def _page_bytes(layers: Layers, tensor_parallel: int, element: int) -> int:
    heads = layers.kv_heads_per_gpu(tensor_parallel)
    return 2 * BLOCK_TOKENS * heads * layers.head_dim * element


def _one_group(pages: dict[Layers, int]) -> tuple[tuple[KvGroup, ...], int]:
    first = next(iter(pages))
    count = sum(layers.count for layers in pages)
    block_bytes = sum(layers.count * page for layers, page in pages.items())
    return (KvGroup(*_reach(first), count),), block_bytes


def _hybrid_groups(
    pages: dict[Layers, int], facts: ReleaseFacts
) -> tuple[tuple[KvGroup, ...], int]:
    largest = max(pages.values())
    slots = _slots(tuple(layers.count for layers in pages), facts.pad_below)
    groups: list[KvGroup] = []
    for layers, page in pages.items():
        if largest % page:
            raise GeometryError(
                f"KV pages of {page} and {largest} bytes cannot be made equal: vLLM refuses to "
                "mix these layers"
            )
        block_tokens = BLOCK_TOKENS * (largest // page)
        groups += _split(layers, slots, block_tokens)
    return tuple(groups), largest * slots


def _slots(counts: tuple[int, ...], pad_below: Fraction | None) -> int:
    """Return the layers of one group: the smallest count, or the largest if it is near."""
    smallest, largest = min(counts), max(counts)
    if pad_below is not None and largest < smallest * pad_below:
        return largest
    return smallest


def _split(layers: Layers, slots: int, block_tokens: int) -> list[KvGroup]:
    """Deal the layers of one kind out to as few groups as hold them, as evenly as can be."""
    number = _ceil(layers.count, slots)
    each, more = divmod(layers.count, number)
    sizes = {each + 1: more, each: number - more}
    return [
        KvGroup(*_reach(layers), size, block_tokens, count)
        for size, count in sizes.items()
        if count
    ]


def _ceil(value: int, divisor: int) -> int:
    return -(-value // divisor)
