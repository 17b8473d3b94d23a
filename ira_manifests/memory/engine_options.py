"""Options of the server that change its memory, as the estimate takes them.

Sources are files of https://github.com/vllm-project/vllm, as of release 0.26.0.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ira_manifests.memory.accelerator import BatchLimits
from ira_manifests.memory.adapters import Adapters
from ira_manifests.memory.blocks import BLOCK_TOKENS
from ira_manifests.memory.errors import SettingsError
from ira_manifests.memory.recurrent import ELEMENT_BYTES

LARGEST_CAPTURE = 512
"""Tokens of the largest CUDA graph that vLLM captures by default: config/vllm.py."""


@dataclass(frozen=True)
class EngineOptions:
    """What options set; the defaults are vLLM's.

    Attributes:
        block_tokens: tokens of a block of the KV cache, a multiple of 16: config/cache.py.
        hybrid_cache: layers with a window or chunks keep only their blocks; False counts them as
            full attention beside full layers: v1/core/kv_cache_utils.py
            (unify_hybrid_kv_cache_specs).
        async_scheduling: a batch is scheduled while another one runs: config/vllm.py
            (max_concurrent_batches).
        capture_sizes: batch sizes with a CUDA graph, in tokens; empty for none, None for the
            default ones: config/vllm.py (_set_cudagraph_sizes).
        largest_capture: the largest of the default ones, in tokens; None for vLLM's own.
        kv_cache_bytes: bytes of the KV cache on each GPU, whatever the utilization leaves:
            v1/worker/gpu_worker.py (determine_available_memory).
        kv_cache_blocks: its blocks, whatever its bytes: v1/core/kv_cache_utils.py
            (get_kv_cache_configs).
        cpu_offload_bytes: weights of each GPU that stay in the node's memory:
            model_executor/offloader/uva.py.
        quantised_bytes: by how much quantising makes the weights of each GPU smaller:
            model_executor/layers/quantization.
        dequantises: whether a product with quantised weights restores them (bitsandbytes).
        vision_bytes: the vision tower on each GPU, which is not loaded:
            model_executor/models/interfaces.py (_mark_tower_model).
        takes_media: whether the start-up profile has images: multimodal/registry.py
            (supports_multimodal_inputs).
        both_graphs: each size has two CUDA graphs, of attention and all else for decoding and of
            the rest for mixed batches (FULL_AND_PIECEWISE); False: one of them at most, which
            counts as both: config/compilation.py (CUDAGraphMode).
        element_bytes: bytes of a weight, an activation and a cached value: 2, or 4 for float32,
            which is known of models with attention and a dense MLP: config/model.py.
        context_shards: GPUs of a tensor parallel group among which the tokens of a request are
            divided: v1/kv_cache_interface.py (FullAttentionSpec).
        whole_experts: each GPU has a part of the experts instead of a part of each:
            model_executor/layers/fused_moe/config.py.
        adapters: LoRA adapters of a batch; None without.
        draft_tokens: tokens that n-gram speculation proposes for each request; 0 without.

    Raises SettingsError for a number that is out of range.
    """

    block_tokens: int = BLOCK_TOKENS
    hybrid_cache: bool = True
    async_scheduling: bool = True
    capture_sizes: tuple[int, ...] | None = None
    largest_capture: int | None = None
    kv_cache_bytes: int | None = None
    kv_cache_blocks: int | None = None
    cpu_offload_bytes: int = 0
    quantised_bytes: int = 0
    dequantises: bool = False
    vision_bytes: int = 0
    takes_media: bool = True
    whole_experts: bool = False
    both_graphs: bool = True
    context_shards: int = 1
    element_bytes: int = ELEMENT_BYTES
    adapters: Adapters | None = None
    draft_tokens: int = 0

    def __post_init__(self) -> None:
        if self.block_tokens < 1 or self.block_tokens % BLOCK_TOKENS:
            raise SettingsError(f"a block needs a multiple of 16 tokens, got {self.block_tokens}")
        counts = (
            self.kv_cache_bytes,
            self.kv_cache_blocks,
            self.largest_capture,
            self.context_shards,
            self.element_bytes,
        )
        saved = (self.cpu_offload_bytes, self.quantised_bytes, self.vision_bytes, self.draft_tokens)
        if any(count is not None and count < 1 for count in counts) or min(saved) < 0:
            raise SettingsError(f"bytes, blocks and sizes must be positive, got {self}")

    @property
    def captures(self) -> bool:
        """Return whether the engine captures CUDA graphs at all."""
        return self.capture_sizes != ()

    @property
    def sets_kv_cache(self) -> bool:
        """Return whether the size of the KV cache is given, not found at start-up."""
        return self.kv_cache_bytes is not None or self.kv_cache_blocks is not None

    @property
    def graph_sets(self) -> int:
        """Return how many CUDA graphs each captured size has."""
        return self.adapters.graph_sets if self.adapters else 1

    def captured_sizes(self, batch: BatchLimits) -> int:
        """Return how many batch sizes vLLM captures CUDA graphs of.

        By default 1, 2, 4, multiples of 8 below 256 and of 16 from there, up to twice the
        requests' tokens, 512 at most. With speculation, each is rounded up to a multiple of a
        request's tokens (config/compilation.py, adjust_cudagraph_sizes_for_spec_decode).
        """
        sizes = [size for size in self._sizes(batch) if size <= batch.tokens]
        step = 1 + self.draft_tokens
        rounded = {-(-size // step) * step for size in sizes}
        return sum(size <= max(sizes) for size in rounded)

    def _sizes(self, batch: BatchLimits) -> Sequence[int]:
        if self.capture_sizes is not None:
            return self.capture_sizes
        of_requests = 2 * batch.requests * (1 + self.draft_tokens)
        largest = min(self.largest_capture or min(of_requests, LARGEST_CAPTURE), batch.tokens)
        usual = (1, 2, 4, *range(8, 256, 8), *range(256, largest + 1, 16))
        return [size for size in usual if size <= largest]


DEFAULTS = EngineOptions()
