"""The memory estimate of one GPU: its parts, the longest context, and the verdict."""

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from ira_manifests.memory.accelerator import gib
from ira_manifests.memory.activation import activation, logits_bytes, unprofiled_bytes
from ira_manifests.memory.adapters import adapter_memory
from ira_manifests.memory.blocks import KvLayout, logged_tokens
from ira_manifests.memory.checks import (
    EXPERTS_START_UP_MARGIN_GIB,
    EXTRAPOLATED_MARGIN,
    EXTRAPOLATED_START_UP_MARGIN_GIB,
    MEASURED_MARGIN,
    START_UP_MARGIN_GIB,
    Check,
    Limit,
    Verdict,
)
from ira_manifests.memory.engine_options import EngineOptions
from ira_manifests.memory.layout import kv_layout
from ira_manifests.memory.overhead import MEASURED, Overheads, has_many_experts
from ira_manifests.memory.serving import Serving
from ira_manifests.memory.stages import Stage, held, stages
from ira_manifests.vllm.changes import ReleaseFacts

SEVERAL_NODES_MARGIN_GIB = Decimal(1)
"""What is kept free besides on several nodes: no log says what NCCL takes for the network."""

# (smallest context, step): contexts are rounded down to a multiple of the step.
_CONTEXT_STEPS = ((8192, 1024), (1024, 256), (0, 16))


@dataclass(frozen=True)
class Budget:
    """One GPU's memory at start-up, in bytes unless a name says otherwise.

    Attributes:
        serving: the configuration that is estimated.
        total, requested: the memory that torch reports, and the utilization's share of it; with a
            KV cache of a given size, the sum of what is taken.
        weights, adapters, activation, other: memory that is taken from the share before the KV
            cache; `adapters` are the buffers of LoRA.
        graphs: the CUDA graphs.
        budgeted_graphs: what the engine subtracts from the share for them; 0 if it does not.
        kv_pool: what is left for the KV cache; negative for a shortfall.
        left_out: what the start-up profile leaves out of the share, so that the pool is too large.
        doubt: by how much the pool may be larger, where public sources contradict each other.
        outside: memory outside the share, less what is in use before start.
        layout: blocks and groups of the KV cache.
        warm_up: what the sampler's warm-up and unbudgeted CUDA graphs need of ``outside``.
        uncertain: what options may take in addition; it enlarges the margins.
        unprofiled: what a full batch needs outside the share beyond the start-up profile; it
            enlarges the margin of the warm-up.
    """

    serving: Serving
    total: int
    requested: int
    weights: int
    activation: int
    other: int
    graphs: int
    budgeted_graphs: int
    kv_pool: int
    left_out: int
    doubt: int
    outside: int
    layout: KvLayout
    warm_up: int
    adapters: int = 0
    uncertain: int = 0
    unprofiled: int = 0

    @property
    def kv_bytes_per_token(self) -> int:
        """Return the bytes of one token over all layers, while it is inside every window."""
        return self.layout.bytes_per_token

    @property
    def kv_request(self) -> int:
        """Return the maximum bytes of the pool for one request of max_model_len tokens."""
        return self.layout.request_bytes(self.serving.max_model_len)

    @property
    def blocks(self) -> int:
        """Return the number of whole blocks in the pool."""
        return self.layout.blocks(self.kv_pool)

    @property
    def blocks_per_request(self) -> int:
        """Return the maximum blocks of one request of max_model_len tokens."""
        return self.layout.blocks_per_request(self.serving.max_model_len)

    @property
    def tokens(self) -> int:
        """Return the pool's size in tokens, as the engine logs it."""
        length = self.serving.max_model_len
        return logged_tokens(self.layout, self.serving.facts, self.kv_pool, length)

    @property
    def concurrency(self) -> Fraction:
        """Return how many requests of max_model_len tokens the pool holds."""
        return self.layout.concurrency(self.kv_pool, self.serving.max_model_len)

    @property
    def longest_max_model_len(self) -> int:
        """Return the longest context with which vLLM starts, up to the model's own; 0 if none."""
        return self.layout.longest(self.kv_pool, self.serving.geometry.max_position_embeddings)

    @property
    def safe_max_model_len(self) -> int:
        """Return the longest context that keeps the margin, rounded down; 0 if none."""
        pool = self.kv_pool - self.margin
        longest = self.layout.longest(pool, self.serving.geometry.max_position_embeddings)
        return round_context(longest)

    @property
    def margin(self) -> int:
        """Return the bytes of the pool to keep free: more for unmeasured configurations.

        What the start-up profile leaves out is among them. 0 for a pool of a given size, which is
        exact.
        """
        if self.serving.options.sets_kv_cache:
            return 0
        share = EXTRAPOLATED_MARGIN if self.serving.unmeasured else MEASURED_MARGIN
        return int(share * self.total) + self.uncertain + self.left_out

    @property
    def is_measured(self) -> bool:
        """Return whether start-up logs back the figures."""
        return not self.serving.unmeasured

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        """Return vLLM's start-up checks, in the order in which vLLM makes them."""
        reason = "; ".join(self.serving.unmeasured)
        return (
            Check(Limit.START, self._free_at_start),
            Check(Limit.WEIGHTS, self.kv_pool, doubt=self.doubt),
            Check(Limit.KV_CACHE, self.kv_pool - self.kv_request, self.margin, reason, self.doubt),
            *self._state_checks(reason),
            self._warm_up_check,
        )

    @property
    def _free_at_start(self) -> int:
        """Return what is free when the engine looks, less the share, whatever the KV cache."""
        return self.outside + self.requested - self.serving.requested_bytes

    def _state_checks(self, reason: str) -> tuple[Check, ...]:
        """Return the check that the pool has a block for the state of each request of a batch."""
        if not (self.layout.state_bytes and self.serving.facts.states_for_all):
            return ()
        needed = self.serving.batch_limits.requests * self.layout.block_bytes
        return (Check(Limit.STATES, self.kv_pool - needed, self.margin, reason),)

    @property
    def most_states(self) -> int:
        """Return the largest max_num_seqs whose states fit into the pool less the margin."""
        return self.layout.blocks(self.kv_pool - self.margin)

    @property
    def _warm_up_check(self) -> Check:
        spare, serving = self.outside - self.warm_up, self.serving
        if has_many_experts(serving.geometry):
            reason = (
                "experts are known to need more here than can be computed: gpt-oss-20b failed "
                "with engine 0.19.0"
            )
            margin = gib(EXPERTS_START_UP_MARGIN_GIB) + self.uncertain + self.unprofiled
            return Check(Limit.WARM_UP, spare, margin, reason)
        if serving.unmeasured:
            margin = gib(EXTRAPOLATED_START_UP_MARGIN_GIB) + self.uncertain + self.unprofiled
            return Check(Limit.WARM_UP, spare, margin, "; ".join(serving.unmeasured))
        return Check(Limit.WARM_UP, spare, gib(START_UP_MARGIN_GIB))

    @property
    def decisive(self) -> Check:
        """Return the first check that fails, else the first that is tight, else the KV cache's."""
        for verdict in (Verdict.DOES_NOT_FIT, Verdict.TIGHT):
            for check in self.checks:
                if check.verdict is verdict:
                    return check
        return self.checks[2]

    @property
    def verdict(self) -> Verdict:
        """Return whether the cell starts: fits, tight, or does not fit."""
        return self.decisive.verdict


def budget(serving: Serving, overheads: Overheads = MEASURED) -> Budget:
    """Compute one GPU's memory at start-up.

    Source: vLLM's v1/worker/gpu_worker.py: the pool is the utilization's share less weights, peak
    activation and the growth outside torch, and from 0.20 less the CUDA graphs.

    A pre-release may or may not have the changes of its release. It is computed both with the facts
    of the release before and with those of its own; the result with less free memory is returned.

    Raises GeometryError when the engine can't lay out the model's KV cache.
    """
    return min(_possible(serving, overheads), key=_to_spare)


def safe_context(serving: Serving) -> int:
    """Return the context, in tokens, of ``max_model_len: auto``; 0 if none fits.

    The serving's own context is ignored. For a pre-release, the shorter of both results (see
    ``budget``). Raises GeometryError as ``budget`` does.
    """
    return min(answer.safe_max_model_len for answer in _possible(serving, MEASURED))


def _possible(serving: Serving, overheads: Overheads) -> list[Budget]:
    if serving.engine.is_final:
        return _of_stages(serving, overheads)
    engines = (serving.engine, serving.engine.final)
    taken = [replace(serving, taken_as=engine) for engine in engines]
    return [answer for each in taken for answer in _of_stages(each, overheads)]


def _of_stages(serving: Serving, overheads: Overheads) -> list[Budget]:
    size, options = serving.tensor_parallel, serving.options
    geometry = serving.geometry
    if not options.takes_media:
        geometry = replace(geometry, image_values_per_token=0)
    whole = held(geometry, serving.weights, size, options)
    split = stages(geometry, whole, size, serving.pipeline_parallel, serving.batch_limits.tokens)
    return [_budget(serving, overheads, stage) for stage in split]


def _to_spare(answer: Budget) -> tuple[int, int, int, int]:
    """Return the sort key that orders budgets from the worst to the best."""
    verdicts = (Verdict.DOES_NOT_FIT, Verdict.TIGHT, Verdict.FITS)
    least = min(check.spare - check.margin for check in answer.checks)
    # In whole MiB: what differs by less is rounding.
    return verdicts.index(answer.verdict), answer.safe_max_model_len, least >> 20, answer.blocks


def _budget(serving: Serving, overheads: Overheads, stage: Stage) -> Budget:
    facts, geometry, batch = serving.facts, stage.geometry, serving.batch_limits
    size, options = serving.tensor_parallel, serving.options
    weights = max(0, stage.weights - options.cpu_offload_bytes)
    other = overheads.other_bytes(geometry.layer_count, serving.gpus)
    graphs = overheads.graph_bytes(geometry, batch, options, second_runner=serving.second_runner)
    layout = kv_layout(
        serving.geometry,
        facts,
        size,
        serving.kv_cache_dtype,
        batch.tokens,
        options.block_tokens,
        of_stage=geometry,
        context_shards=options.context_shards,
        element_bytes=options.element_bytes,
    )
    peak, inside = _profiled(serving, overheads, stage, facts)
    total, requested = serving.accelerator.total_bytes, serving.requested_bytes
    context = overheads.context_bytes(geometry, serving.gpus, is_h100=serving.is_h100)
    adapters, uncertain = adapter_memory(geometry, options.adapters, size, batch)
    if serving.nodes > 1:
        uncertain += gib(SEVERAL_NODES_MARGIN_GIB)
    if options.adapters:
        # A graph with adapters has more kernels; how much more memory, no log says.
        alone = replace(options, adapters=None)
        uncertain += graphs - overheads.graph_bytes(
            geometry, batch, alone, second_runner=serving.second_runner
        )
    given = _given_pool(options, layout)
    if given is not None:
        inside, pool, left_out, doubt = 0, given, 0, 0
        requested = weights + adapters + peak + other + pool
    else:
        pool = requested - weights - adapters - peak - other - inside
        left_out = sum(_profiled(serving, overheads, stage, serving.careful_facts)) - peak - inside
        doubt = peak + inside - sum(_profiled(serving, overheads, stage, serving.kindest_facts))
    return Budget(
        serving=serving,
        total=total,
        requested=requested,
        weights=weights,
        activation=peak,
        other=other,
        graphs=graphs,
        budgeted_graphs=inside,
        kv_pool=pool,
        left_out=left_out,
        doubt=doubt,
        outside=total - requested - context,
        layout=layout,
        warm_up=max(0, graphs - inside)
        + (1 + bool(options.draft_tokens)) * logits_bytes(geometry, batch),
        adapters=adapters,
        uncertain=uncertain,
        unprofiled=unprofiled_bytes(geometry, batch, options.draft_tokens),
    )


def _profiled(
    serving: Serving, overheads: Overheads, stage: Stage, facts: ReleaseFacts
) -> tuple[int, int]:
    """Return the activation and CUDA graphs that the start-up profile takes from the share."""
    geometry, batch, options = stage.geometry, serving.batch_limits, serving.options
    size = serving.tensor_parallel
    live = activation(geometry, serving.accelerator, facts, size, batch, options)
    peak = stage.received + (live.peak if stage.samples else live.kept + live.layers)
    if not facts.graphs_budgeted:
        return peak, 0
    return peak, overheads.estimated_graph_bytes(geometry, batch, options)


def _given_pool(options: EngineOptions, layout: KvLayout) -> int | None:
    """Return the bytes of a KV cache whose size is given; blocks win over bytes, as in vLLM."""
    if options.kv_cache_blocks is not None:
        return options.kv_cache_blocks * layout.block_bytes
    return options.kv_cache_bytes


def with_max_model_len(serving: Serving, max_model_len: int) -> Serving:
    """Return the same serving with another context."""
    return replace(serving, max_model_len=max_model_len)


def round_context(tokens: int) -> int:
    """Round a context down to a round number of tokens.

    Multiples of 1024 from 8192 on, of 256 from 1024 on, and of one block (16) below.
    """
    step = next(step for smallest, step in _CONTEXT_STEPS if tokens >= smallest)
    return tokens // step * step
