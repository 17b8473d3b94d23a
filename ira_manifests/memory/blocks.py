"""KV cache blocks, and how many requests and tokens they hold, in exact integers.

A block holds 16 tokens of every layer of one group. A model with one kind of layers is one group.
A hybrid model is divided into groups with the same number of layers, which share one pool of
blocks. A request needs blocks in each group: for all its tokens with full attention, for the window
and the tokens in flight with sliding-window or chunked attention, and one block for a recurrent
state. Source: vLLM's v1/core/kv_cache_utils.py and v1/kv_cache_interface.py.
"""

from dataclasses import dataclass
from fractions import Fraction

from ira_manifests.memory.errors import SettingsError
from ira_manifests.memory.recurrent import ELEMENT_BYTES
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


def kv_element_bytes(kv_cache_dtype: str, of_model: int = ELEMENT_BYTES) -> int:
    """Return the bytes of one cached element: 2, or 1 for fp8; `auto` is `of_model`, the model's.

    Raises SettingsError for an unsupported dtype; the message lists the supported ones.
    """
    if kv_cache_dtype == "auto":
        return of_model
    try:
        return _KV_ELEMENT_BYTES[kv_cache_dtype]
    except KeyError:
        known = ", ".join(_KV_ELEMENT_BYTES)
        raise SettingsError(f"KV cache dtype {kv_cache_dtype!r} is none of: {known}") from None


@dataclass(frozen=True)
class KvGroup:
    """Layers that share a block table, and the number of such groups.

    Attributes:
        sliding_window, attention_chunk_size: attention range of the layers, as in `Layers`.
        layers: layer slots in use; the others are padding.
        block_tokens: tokens of one block; a multiple of 16 where page sizes were made equal.
        count: number of equal groups.
        holds_state: whether the blocks hold the state of a sequence instead of tokens.
    """

    sliding_window: int | None
    attention_chunk_size: int | None
    layers: int
    block_tokens: int = BLOCK_TOKENS
    count: int = 1
    holds_state: bool = False

    def blocks_per_request(self, length: int, tokens_in_flight: int) -> int:
        """Return the maximum blocks of one group for a request of ``length`` tokens."""
        if self.holds_state:
            return 1
        if self.attention_chunk_size is not None:
            kept = min(self.attention_chunk_size + tokens_in_flight, length)
            return ceil_div(kept, self.block_tokens)
        if self.sliding_window is not None:
            kept = min(self.sliding_window - 1 + tokens_in_flight, length)
            # One more block, because a window can start inside a block.
            return ceil_div(kept, self.block_tokens) + 1
        return ceil_div(length, self.block_tokens)


@dataclass(frozen=True)
class KvLayout:
    """How one GPU's KV cache pool is divided.

    Attributes:
        groups: groups of layers by kind; one for a model with a single kind.
        block_bytes: bytes of one block over all layer slots of a group.
        bytes_per_token: bytes of one token over all layers, while it is inside every window.
        state_bytes: bytes of the pages that hold the states of one sequence, over all layers.
        tokens_in_flight: tokens that a group with a window or chunks holds in addition to it.
    """

    groups: tuple[KvGroup, ...]
    block_bytes: int
    bytes_per_token: int
    tokens_in_flight: int
    state_bytes: int = 0

    @property
    def group_count(self) -> int:
        """Return the number of groups."""
        return sum(group.count for group in self.groups)

    def blocks(self, pool_bytes: int) -> int:
        """Return the number of whole blocks in a pool; 0 for a negative pool."""
        return max(0, pool_bytes) // self.block_bytes

    def blocks_per_request(self, length: int) -> int:
        """Return the maximum blocks of one request of ``length`` tokens, over all groups."""
        return sum(
            group.count * group.blocks_per_request(length, self.tokens_in_flight)
            for group in self.groups
        )

    def request_bytes(self, length: int) -> int:
        """Return the maximum bytes of the pool for one request of ``length`` tokens."""
        return self.blocks_per_request(length) * self.block_bytes

    def concurrency(self, pool_bytes: int, length: int) -> Fraction:
        """Return how many requests of ``length`` tokens the pool holds; vLLM logs 2 decimals."""
        return Fraction(self.blocks(pool_bytes), self.blocks_per_request(length))

    def longest(self, pool_bytes: int, limit: int) -> int:
        """Return the longest request that the pool holds, in tokens, up to ``limit``; else 0.

        Exact: a bisection, as the blocks of a request never decrease with its length.
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
    """Return the "GPU KV cache size" in tokens, as the engine logs it."""
    blocks = layout.blocks(pool_bytes)
    if facts.tokens_from_concurrency:
        return blocks * length // layout.blocks_per_request(length)
    of_tokens = [group.block_tokens for group in layout.groups if not group.holds_state]
    # Without attention layers, a block counts as the whole context: vLLM's mamba_block_size.
    block_tokens = min(of_tokens, default=length)
    return blocks // layout.group_count * block_tokens


def ceil_div(value: int, divisor: int) -> int:
    """Return the quotient, rounded up."""
    return -(-value // divisor)
