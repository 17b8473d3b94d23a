"""Blocks of the KV cache, and how many requests and tokens they hold; all in exact integers.

A block holds 16 tokens of every layer of one group. A model of one layer kind is one group. A
hybrid model is cut into groups of equally many layers that share one pool of blocks, and a
request needs blocks in each group: of all its tokens where attention is full, of the window and
the tokens in flight where it is not, one where a state is kept. Source: vLLM's
v1/core/kv_cache_utils.py and v1/kv_cache_interface.py.
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
        holds_state: its blocks hold the state of a sequence, not tokens.
    """

    sliding_window: int | None
    attention_chunk_size: int | None
    layers: int
    block_tokens: int = BLOCK_TOKENS
    count: int = 1
    holds_state: bool = False

    def blocks_per_request(self, length: int, tokens_in_flight: int) -> int:
        """Return the blocks a request of ``length`` tokens holds at most in one such group."""
        if self.holds_state:
            return 1
        if self.attention_chunk_size is not None:
            kept = min(self.attention_chunk_size + tokens_in_flight, length)
            return ceil_div(kept, self.block_tokens)
        if self.sliding_window is not None:
            kept = min(self.sliding_window - 1 + tokens_in_flight, length)
            # One more: a window rarely starts where a block does.
            return ceil_div(kept, self.block_tokens) + 1
        return ceil_div(length, self.block_tokens)


@dataclass(frozen=True)
class KvLayout:
    """How one GPU's KV pool is divided.

    Attributes:
        groups: the groups of layers by kind; one for a model of a single kind.
        block_bytes: bytes of one block over all layer slots of a group.
        bytes_per_token: bytes that one token takes over all layers while every layer keeps it.
        state_bytes: bytes of the pages that hold the states of one sequence, over all layers.
        tokens_in_flight: tokens that a window must hold beyond itself.
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
    of_tokens = [group.block_tokens for group in layout.groups if not group.holds_state]
    # A block of states alone counts as the whole context: vLLM's mamba_block_size.
    block_tokens = min(of_tokens, default=length)
    return blocks // layout.group_count * block_tokens


def ceil_div(value: int, divisor: int) -> int:
    """Return the quotient, rounded up."""
    return -(-value // divisor)
