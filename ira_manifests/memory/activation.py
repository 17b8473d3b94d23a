"""Peak activation memory of vLLM's start-up profiling run.

The run passes the largest batch of dummy tokens through the model and then samples one token for
each of the maximum number of requests. The peak is the larger of two phases: the inner layers over
all tokens, or the sampler over all logits. Each term below is a tensor that is live in its phase;
nothing is fitted.
"""

from dataclasses import dataclass

from ira_manifests.memory.accelerator import GIB, Accelerator, BatchLimits
from ira_manifests.memory.engine_options import DEFAULTS, EngineOptions
from ira_manifests.memory.geometry import Experts, Geometry
from ira_manifests.memory.quantised import dequantised_bytes
from ira_manifests.memory.recurrent import ELEMENT_BYTES
from ira_manifests.vllm.changes import ReleaseFacts

MATMUL_WORKSPACE = GIB // 32
"""cuBLAS's workspace on Hopper and later, 32 MiB; torch allocates it at the first product."""

FP32_BYTES = 4

REJECTION_BYTES_PER_LOGIT = 30
"""Live bytes for each request and entry of the vocabulary when the rejection sampler peaks.

The profile gives each request one proposed token, however many there are later: v1/worker/
gpu_model_runner.py (_dummy_sampler_run). Then v1/sample/rejection_sampler.py holds 16-bit logits of
both tokens (4) and again of the last one (2), and fp32 copies of one token's: logits of the last
one, of the proposed one, a clone, its probabilities, noise and its reciprocal (4 each).
"""

LATENT_CONTEXT_TOKENS = 64 * 1024
"""Tokens whose latents are expanded to keys and values at once, when a prompt has a context.

Source: vLLM's model_executor/layers/attention/mla_attention.py
(determine_chunked_prefill_workspace_size). Its smaller sizes for short contexts are not modelled.
"""

INDEXER_LOGITS_BYTES = 512 * 1024**2
"""VLLM_SPARSE_INDEXER_MAX_LOGITS_MB of vLLM's envs.py."""

INDEXER_CONTEXTS = 40
"""Contexts whose index keys are gathered at once: v1/attention/backends/mla/indexer.py."""


@dataclass(frozen=True)
class Activation:
    """Activation memory of the profiling run on one GPU, in bytes.

    Attributes:
        sampler: logits and their copies, and the hidden states they come from.
        layers: the peak of one layer over all tokens of the batch.
        kept: allocated in both phases: cuBLAS's workspace, image inputs, experts' scratch.
    """

    sampler: int
    layers: int
    kept: int

    @property
    def peak(self) -> int:
        """Return the peak in bytes: `kept` plus the larger phase."""
        return self.kept + max(self.sampler, self.layers)


def activation(
    geometry: Geometry,
    accelerator: Accelerator,
    facts: ReleaseFacts,
    tensor_parallel: int,
    batch: BatchLimits,
    options: EngineOptions = DEFAULTS,
) -> Activation:
    """Return the activation memory of the profiling run on one GPU, by phase."""
    element = options.element_bytes
    split = 1 if options.whole_experts else tensor_parallel
    experts = expert_workspace_bytes(geometry, split, batch.tokens)
    stays = experts if facts.expert_workspace_stays else 0
    # Both use the same workspace (v1/worker/workspace.py), which has the size of the larger.
    shared = max(stays, _index_workspace_bytes(geometry))
    restored = 0
    if options.dequantises:
        restored = dequantised_bytes(geometry, tensor_parallel, batch.tokens)
    layers = max(
        _layer_bytes(geometry, tensor_parallel, batch.tokens, element) + experts - stays + restored,
        _latent_bytes(geometry, tensor_parallel, batch.tokens),
    )
    return Activation(
        sampler=_sampler_bytes(geometry, accelerator, facts, batch, options),
        layers=layers,
        kept=MATMUL_WORKSPACE + _image_bytes(geometry, batch.tokens, element) + shared,
    )


def logits_bytes(geometry: Geometry, batch: BatchLimits) -> int:
    """Return the bytes of one fp32 copy of the logits of a batch's maximum of requests."""
    return _sampled_requests(batch) * geometry.vocab_size * FP32_BYTES


def unprofiled_bytes(geometry: Geometry, batch: BatchLimits, draft_tokens: int) -> int:
    """Return what a full batch of speculation needs beyond the start-up profile, in bytes.

    The profile has one proposed token for each request. Of more, the rejection sampler holds 14
    bytes for each entry of the vocabulary, and 12 for the last token: servers have run out of
    memory (https://github.com/vllm-project/vllm/pull/37521).
    """
    requests = min(batch.requests, batch.tokens // (1 + draft_tokens))
    needed = requests * (12 + 14 * draft_tokens)
    profiled = _sampled_requests(batch) * REJECTION_BYTES_PER_LOGIT
    return max(0, needed - profiled) * geometry.vocab_size if draft_tokens else 0


def expert_workspace_bytes(geometry: Geometry, tensor_parallel: int, tokens: int) -> int:
    """Return the scratch memory of the fused experts, in bytes; 0 for a dense model.

    Source: vLLM's fused_moe. Two buffers have a row for each token and chosen expert. The first is
    as wide as the activated inner layer, the second as the gated one (twice as wide); both are at
    least as wide as the residual stream.
    """
    if geometry.experts is None:
        return 0
    # Expert parallelism has rows for all tokens as well, and whole experts.
    rows = tokens * geometry.experts.num_experts_per_tok
    inner = _per_gpu(geometry.experts, tensor_parallel)
    hidden = geometry.hidden_size
    return rows * (max(inner, hidden) + max(2 * inner, hidden)) * ELEMENT_BYTES


def _per_gpu(experts: Experts, tensor_parallel: int) -> int:
    return -(-experts.moe_intermediate_size // tensor_parallel)


def _sampled_requests(batch: BatchLimits) -> int:
    return min(batch.requests, batch.tokens)


def _sampler_bytes(
    geometry: Geometry,
    accelerator: Accelerator,
    facts: ReleaseFacts,
    batch: BatchLimits,
    options: EngineOptions,
) -> int:
    requests = _sampled_requests(batch)
    element = options.element_bytes
    # One of the copies has the model's dtype.
    each = facts.bytes_per_logit + element - ELEMENT_BYTES
    if options.draft_tokens:
        each = REJECTION_BYTES_PER_LOGIT
    logits = requests * geometry.vocab_size * each
    # Hidden states: of all tokens, and of each request's last token twice (a copy and a dummy).
    hidden = (batch.tokens + 2 * requests) * geometry.hidden_size * element
    return logits + hidden + _row_buffer_bytes(geometry, accelerator, facts, requests)


def _row_buffer_bytes(
    geometry: Geometry, accelerator: Accelerator, facts: ReleaseFacts, requests: int
) -> int:
    if not facts.sampler_row_buffer:
        return 0
    return min(accelerator.multiprocessors, requests) * geometry.vocab_size * FP32_BYTES


def _layer_bytes(geometry: Geometry, tensor_parallel: int, tokens: int, element: int) -> int:
    """Return the bytes that are live while the MLP's gate is applied.

    The attention's output, the residual stream before and after it, and the MLP's inner layer:
    gate and up projection, and the activated product.
    """
    attention = geometry.num_attention_heads * geometry.head_dim // tensor_parallel
    mlp = 3 * geometry.mlp_width // tensor_parallel
    return tokens * (attention + 2 * geometry.hidden_size + mlp) * element


def _latent_bytes(geometry: Geometry, tensor_parallel: int, tokens: int) -> int:
    """Return the bytes that are live while latents are expanded; 0 without latent attention.

    The batch's queries and residual stream, and the dummy tensor that vLLM's profiling run
    allocates for the largest expansion to keys and values; with an indexer, its dummy logits if
    they are larger.
    """
    if not geometry.latent:
        return 0
    heads = geometry.num_attention_heads // tensor_parallel
    queries = heads * geometry.head_dim
    expanded = max(layers.qk_nope_head_dim + layers.v_head_dim for layers in geometry.latent)
    dummy = LATENT_CONTEXT_TOKENS * heads * expanded * ELEMENT_BYTES
    if _index_bytes(geometry):
        dummy = max(dummy, INDEXER_LOGITS_BYTES)
    return dummy + tokens * (queries + 2 * geometry.hidden_size) * ELEMENT_BYTES


def _index_workspace_bytes(geometry: Geometry) -> int:
    """Return the bytes of the gathered index keys, for the model's longest context."""
    return INDEXER_CONTEXTS * geometry.max_position_embeddings * _index_bytes(geometry)


def _index_bytes(geometry: Geometry) -> int:
    return max((layers.index_bytes for layers in geometry.latent), default=0)


def _image_bytes(geometry: Geometry, tokens: int, element: int) -> int:
    """Return the bytes of dummy images and their embeddings, for a batch of image tokens only."""
    if not geometry.image_values_per_token:
        return 0
    return tokens * (geometry.image_values_per_token + geometry.hidden_size) * element
