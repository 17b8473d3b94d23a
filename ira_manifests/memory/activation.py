"""The peak of vLLM's start-up profile: one batch of dummy tokens, then one round of sampling.

The profile runs the model over the largest batch and then samples one token for the most
requests. The peak is whichever holds more: the inner layers over all tokens, or the sampler
over all logits. Each term below is a tensor that is live at that moment; nothing is fitted.
"""

from dataclasses import dataclass

from ira_manifests.memory.accelerator import GIB, Accelerator, BatchLimits
from ira_manifests.memory.geometry import Experts, Geometry
from ira_manifests.memory.recurrent import ELEMENT_BYTES
from ira_manifests.vllm.changes import ReleaseFacts

MATMUL_WORKSPACE = GIB // 32
"""cuBLAS's workspace on Hopper and later, 32 MiB, which torch allocates at the first product."""

FP32_BYTES = 4

LATENT_CONTEXT_TOKENS = 64 * 1024
"""Tokens whose latents are expanded to keys and values at once, when a prompt has a context.

Source: vLLM's model_executor/layers/attention/mla_attention.py
(determine_chunked_prefill_workspace_size), whose smaller sizes, for short contexts, are not used.
"""

INDEXER_LOGITS_BYTES = 512 * 1024**2
"""VLLM_SPARSE_INDEXER_MAX_LOGITS_MB of vLLM's envs.py."""

INDEXER_CONTEXTS = 40
"""Contexts whose index keys are gathered at once: v1/attention/backends/mla/indexer.py."""


@dataclass(frozen=True)
class Activation:
    """Bytes live at the profile's peak on one GPU.

    Attributes:
        sampler: logits and their copies, and the hidden states they come from.
        layers: the widest point of one layer over all tokens of the batch.
        kept: what stays allocated throughout: cuBLAS's workspace, image inputs, experts' scratch.
    """

    sampler: int
    layers: int
    kept: int

    @property
    def peak(self) -> int:
        """Return the peak in bytes: what is kept plus the larger phase."""
        return self.kept + max(self.sampler, self.layers)


def activation(
    geometry: Geometry,
    accelerator: Accelerator,
    facts: ReleaseFacts,
    tensor_parallel: int,
    batch: BatchLimits,
) -> Activation:
    """Return the profile's peak on one GPU, by phase."""
    experts = expert_workspace_bytes(geometry, tensor_parallel, batch.tokens)
    stays = experts if facts.expert_workspace_stays else 0
    # Both take the one workspace of v1/worker/workspace.py, which is as large as the larger.
    shared = max(stays, _index_workspace_bytes(geometry))
    layers = max(
        _layer_bytes(geometry, tensor_parallel, batch.tokens) + experts - stays,
        _latent_bytes(geometry, tensor_parallel, batch.tokens),
    )
    return Activation(
        sampler=_sampler_bytes(geometry, accelerator, facts, batch),
        layers=layers,
        kept=MATMUL_WORKSPACE + _image_bytes(geometry, batch.tokens) + shared,
    )


def logits_bytes(geometry: Geometry, batch: BatchLimits) -> int:
    """Return one fp32 copy of the logits of the most requests, in bytes."""
    return _sampled_requests(batch) * geometry.vocab_size * FP32_BYTES


def expert_workspace_bytes(geometry: Geometry, tensor_parallel: int, tokens: int) -> int:
    """Return the scratch memory of the fused experts, in bytes; 0 for a dense model.

    Source: vLLM's fused_moe: two buffers with a row for each token and chosen expert, as wide as
    the activated and as the gated inner layer, or as the residual stream if that is wider.
    """
    if geometry.experts is None:
        return 0
    rows = tokens * geometry.experts.num_experts_per_tok
    inner = _per_gpu(geometry.experts, tensor_parallel)
    hidden = geometry.hidden_size
    return rows * (max(inner, hidden) + max(2 * inner, hidden)) * ELEMENT_BYTES


def _per_gpu(experts: Experts, tensor_parallel: int) -> int:
    return -(-experts.moe_intermediate_size // tensor_parallel)


def _sampled_requests(batch: BatchLimits) -> int:
    return min(batch.requests, batch.tokens)


def _sampler_bytes(
    geometry: Geometry, accelerator: Accelerator, facts: ReleaseFacts, batch: BatchLimits
) -> int:
    requests = _sampled_requests(batch)
    logits = requests * geometry.vocab_size * facts.bytes_per_logit
    # All tokens' hidden states, and the last ones twice: picked out, and as random stand-ins.
    hidden = (batch.tokens + 2 * requests) * geometry.hidden_size * ELEMENT_BYTES
    return logits + hidden + _row_buffer_bytes(geometry, accelerator, facts, requests)


def _row_buffer_bytes(
    geometry: Geometry, accelerator: Accelerator, facts: ReleaseFacts, requests: int
) -> int:
    if not facts.sampler_row_buffer:
        return 0
    return min(accelerator.multiprocessors, requests) * geometry.vocab_size * FP32_BYTES


def _layer_bytes(geometry: Geometry, tensor_parallel: int, tokens: int) -> int:
    """Return what is live while the MLP's gate is applied, in bytes.

    The attention's output, the residual stream before and after it, and the MLP's doubled inner
    layer beside its activated half.
    """
    attention = geometry.num_attention_heads * geometry.head_dim // tensor_parallel
    mlp = 3 * geometry.mlp_width // tensor_parallel
    return tokens * (attention + 2 * geometry.hidden_size + mlp) * ELEMENT_BYTES


def _latent_bytes(geometry: Geometry, tensor_parallel: int, tokens: int) -> int:
    """Return what is live while latents are expanded to keys and values, in bytes; 0 without.

    The batch's queries and residual stream, and the dummy that stands for the largest expansion
    while vLLM profiles; with an indexer, its dummy logits where they are larger.
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
    """Return the bytes that gathered index keys take; for the model's longest context."""
    return INDEXER_CONTEXTS * geometry.max_position_embeddings * _index_bytes(geometry)


def _index_bytes(geometry: Geometry) -> int:
    return max((layers.index_bytes for layers in geometry.latent), default=0)


def _image_bytes(geometry: Geometry, tokens: int) -> int:
    """Return the dummy images of a batch full of image tokens, and their embeddings, in bytes."""
    if not geometry.image_values_per_token:
        return 0
    return tokens * (geometry.image_values_per_token + geometry.hidden_size) * ELEMENT_BYTES
