"""The configuration to estimate: a model, a GPU type, an engine and its settings."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import ROUND_CEILING, Decimal
from functools import cached_property

from ira_manifests.memory.accelerator import Accelerator, BatchLimits
from ira_manifests.memory.blocks import kv_element_bytes
from ira_manifests.memory.engine_options import DEFAULTS, EngineOptions
from ira_manifests.memory.errors import SettingsError
from ira_manifests.memory.geometry import Geometry
from ira_manifests.memory.weights import Weights
from ira_manifests.vllm.changes import SAMPLED, SORTED, ReleaseFacts, facts_of
from ira_manifests.vllm.release import Release

MEASURED_ACCELERATORS = frozenset({"nvidia-h100-80gb", "nvidia-h100-mega-80gb"})
MEASURED_ENGINE = Release.parse("0.19.0")
"""The only engine whose start-up logs the estimate was compared with."""
MEASURED_TENSOR_PARALLEL = frozenset({1, 2, 4})

LEAN_BYTES_PER_LOGIT = 6
"""bf16 2 + fp32 4: what the lean profile of dense models samples with.

Source: vLLM's v1/worker/gpu/sample/sampler.py (apply_sampling_params); 0.26.0 keeps bf16 alone.
"""


@dataclass(frozen=True)
class Serving:
    """The configuration to estimate.

    Attributes:
        geometry, weights: the model.
        accelerator: the GPU.
        engine: the vLLM version, 0.8.4 or newer.
        tensor_parallel: GPUs that share each layer.
        pipeline_parallel: groups of such GPUs, each with a part of the layers.
        nodes: machines that these GPUs are spread over.
        max_model_len: longest context, in tokens.
        utilization: gpu_memory_utilization, more than 0 and at most 1.
        kv_cache_dtype: ``auto`` (the model's 16 bit), ``fp8``, …
        batch: the largest batch, if args set it; None: vLLM's default for the GPU.
        taken_as: the release whose facts replace the engine's; ``budget`` sets it for a
            pre-release.
        options: what other options set.

    Raises SettingsError for a value out of range, SplitError for a tensor parallel size that
    does not divide the model, UnknownReleaseError for an engine that is too old.
    """

    geometry: Geometry
    weights: Weights
    accelerator: Accelerator
    engine: Release
    max_model_len: int
    tensor_parallel: int = 1
    utilization: Decimal = Decimal("0.9")
    kv_cache_dtype: str = "auto"
    batch: BatchLimits | None = None
    taken_as: Release | None = None
    pipeline_parallel: int = 1
    nodes: int = 1
    options: EngineOptions = DEFAULTS

    def __post_init__(self) -> None:
        if not 0 < self.utilization <= 1:
            raise SettingsError(
                f"gpu memory utilization must be more than 0 and at most 1, got {self.utilization}"
            )
        if self.max_model_len < 1:
            raise SettingsError(f"max model len must be at least 1, got {self.max_model_len}")
        if self.pipeline_parallel < 1:
            raise SettingsError(f"pipeline parallel must be at least 1: {self.pipeline_parallel}")
        facts_of(self.engine)
        kv_element_bytes(self.kv_cache_dtype)
        self.geometry.check_tensor_parallel(self.tensor_parallel)

    @property
    def facts(self) -> ReleaseFacts:
        """Return the facts of the engine's release, with these options."""
        facts = facts_of(self.taken_as or self.engine)
        batches = facts.batches_in_flight
        if batches > 1:  # max_concurrent_batches of config/vllm.py
            batches = self.pipeline_parallel + self.options.async_scheduling
        hybrid = facts.hybrid_cache and self.options.hybrid_cache
        facts = replace(
            facts,
            batches_in_flight=batches,
            hybrid_cache=hybrid,
            lean_dense_profile=self.profiles_lean,
        )
        return _lean(facts) if self.profiles_lean and self.is_h100 else facts

    @property
    def careful_facts(self) -> ReleaseFacts:
        """Return the facts with the sampler and the CUDA graphs in the profile of every model."""
        of_release = facts_of(self.taken_as or self.engine)
        return replace(
            self.facts,
            bytes_per_logit=of_release.bytes_per_logit,
            graphs_budgeted=of_release.graphs_budgeted,
        )

    @property
    def kindest_facts(self) -> ReleaseFacts:
        """Return the facts with the most room for the KV cache that public sources allow.

        They differ from `facts` where sources and start-ups contradict each other. The profile of
        dense models that is lean by the source left 0.8 GiB less than that on an L4. And releases
        that sort all logits by their source are said to start with less.
        """
        facts = _lean(self.facts) if self.profiles_lean else self.facts
        return replace(facts, bytes_per_logit=min(facts.bytes_per_logit, SAMPLED))

    @property
    def second_runner(self) -> bool:
        """Return whether the model runs on the second model runner."""
        return self.profiles_lean or self.facts.second_runner

    @property
    def profiles_lean(self) -> bool:
        """Return whether the start-up profile leaves out the sampler and the CUDA graphs."""
        # Mixtures, models with states and n-gram speculation still use the first model runner:
        # config/vllm.py.
        first = self.geometry.is_moe or self.geometry.recurrent or self.options.draft_tokens
        return facts_of(self.taken_as or self.engine).lean_dense_profile and not first

    @property
    def gpus(self) -> int:
        """Return the number of GPUs of the server."""
        return self.tensor_parallel * self.pipeline_parallel

    @property
    def batch_limits(self) -> BatchLimits:
        """Return the largest batch: `batch` if set, else the default for the GPU."""
        return self.batch or self.accelerator.default_batch(self.facts)

    @property
    def requested_bytes(self) -> int:
        """Return the bytes of each GPU that vLLM may use, rounded up as vLLM does."""
        share = self.utilization * self.accelerator.total_bytes
        return int(share.to_integral_value(ROUND_CEILING))

    @property
    def is_h100(self) -> bool:
        """Return whether the GPU is an H100, the type whose start-ups were measured."""
        return self.accelerator.name in MEASURED_ACCELERATORS

    @cached_property
    def unmeasured(self) -> tuple[str, ...]:
        """Return why the figures are extrapolated; empty if start-up logs back them."""
        reasons = []
        if not self.is_h100:
            reasons.append(f"no start-up was measured on {self.accelerator.name}")
        if self.engine != MEASURED_ENGINE:
            reasons.append(f"no start-up was measured with engine {self.engine}")
        if not self.engine.is_final:
            final = self.engine.final
            reasons.append(f"engine {self.engine} may have the changes of {final} or not")
        if self.tensor_parallel not in MEASURED_TENSOR_PARALLEL:
            reasons.append(f"no start-up was measured at tensor parallel {self.tensor_parallel}")
        reasons.extend(_of_spread(self.pipeline_parallel, self.nodes))
        if self.options != DEFAULTS:
            reasons.extend(_of_options(self.options))
        if self.geometry.latent or self.geometry.recurrent:
            what = "latent attention (MLA)" if self.geometry.latent else "states"
            reasons.append(f"no start-up of a model with {what} was measured")
        reasons += self._doubts_of_profile()
        return tuple(reasons)

    def _doubts_of_profile(self) -> Iterator[str]:
        """Yield what makes the start-up profile of the engine differ from the measured one."""
        if self.profiles_lean:
            yield (
                f"engine {self.engine} makes the KV cache of dense models too large: its start-up "
                "profile leaves out the memory of the sampler and of the CUDA graphs"
            )
        if self.facts.bytes_per_logit == SORTED:
            yield (
                f"engine {self.engine} sorts all logits in its start-up profile by its source, and "
                "is said to start with less"
            )
        if self.facts.second_runner:
            yield f"engine {self.engine} profiles models on another model runner"


def _lean(facts: ReleaseFacts) -> ReleaseFacts:
    return replace(facts, bytes_per_logit=LEAN_BYTES_PER_LOGIT, graphs_budgeted=False)


def _of_spread(stages: int, nodes: int) -> Iterator[str]:
    """Yield why the figures are extrapolated for a model in stages, or on several nodes."""
    if stages > 1:
        yield "no start-up with pipeline parallelism was measured"
    if nodes > 1:
        yield "no start-up on several nodes was measured"


def _of_options(options: EngineOptions) -> Iterator[str]:
    """Yield why the figures are extrapolated for a server with options."""
    yield "no start-up with options of the cell's args was measured"
    if options.draft_tokens > 1:
        yield "the start-up profile has one proposed token a request, not more"
