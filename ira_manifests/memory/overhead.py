"""GPU memory that vLLM uses beyond weights, activation and KV cache.

These are the only fitted numbers of this package. They are fitted to the start-up logs of vLLM
0.19.0 on H100 that llm-d-incubation/llm-d-planner published (pull request 205).
"""

from dataclasses import dataclass
from decimal import Decimal

from ira_manifests.memory.accelerator import BatchLimits, gib
from ira_manifests.memory.engine_options import DEFAULTS, LARGEST_CAPTURE, EngineOptions
from ira_manifests.memory.geometry import Geometry

FEW_EXPERTS = 2
"""Experts for each token up to which CUDA graphs are as large as a dense model's (Mixtral)."""


@dataclass(frozen=True)
class Overheads:
    """Measured memory, in GiB per GPU; "rows" are those of the start-up logs.

    Attributes:
        single_gib: growth outside torch on one GPU (loaded kernels) of a model without layers.
        single_per_layer_gib: additional growth for each layer: from 0.24 GiB with 26 and 28 layers
            to 0.255 with 46 and 48 on one GPU, and from 2.06 with 28 to 2.095 with 80 on two.
        collective_gib: additional growth with two or more GPUs (NCCL, all-reduce buffers).
        per_gpu_gib: additional growth for each GPU of the tensor parallel group (connections):
            the difference between the rows with 2 GPUs and the one with 4.
        graph_gib: CUDA graphs of a model without layers: least squares over the rows.
        graph_per_layer_gib: CUDA graphs of each layer.
        graph_fixed_gib: the part of the CUDA graphs that does not depend on the number of captured
            sizes: with 10 sequences, 0.19 GiB were logged.
        estimated_graph_gib: CUDA graphs of a model without layers, as vLLM estimates them: least
            squares over 0.52, 0.84, 0.74, 0.84 and 1.02 GiB with 26, 32, 40, 42 and 48 layers, with
            graph_per_layer_gib.
        second_graph_per_layer_gib: CUDA graphs of each layer on the second model runner: 0.23 GiB
            were logged for Llama 3.1 8B on an A100, and 0.18 for Qwen3-32B with --max-num-seqs=32.
        experts_graph_gib: additional CUDA graphs of a mixture with more than FEW_EXPERTS for each
            token: 1.84 GiB were logged for gpt-oss-20b, the most.
        experts_graph_per_width_gib: how much less for each layer and 1024 values of its residual
            stream that a model has less than gpt-oss-20b: 1.57 were logged for DeepSeek-V2-Lite.
        experts_estimated_graph_gib: additional ones as vLLM estimates them: 1.30 and 1.39 in all.
        context_gib: in use on one GPU before vLLM checks for free memory: 78.68 of 79.19 free.
        shared_context_gib: the same with two or more GPUs (NCCL): 77.66 of 79.19 free.
        experts_context_gib: the same for a mixture of experts: 77.18 of 79.19 free.
        unmeasured_context_gib: the same on GPUs other than H100: the highest reported value, on
            L4 (19.77 of 22.05 free: https://github.com/pytorch/pytorch/issues/175666).
    """

    single_gib: Decimal = Decimal("0.226")
    single_per_layer_gib: Decimal = Decimal("0.0006")
    collective_gib: Decimal = Decimal("1.77")
    per_gpu_gib: Decimal = Decimal("0.025")
    graph_gib: Decimal = Decimal("0.26")
    graph_per_layer_gib: Decimal = Decimal("0.018")
    graph_fixed_gib: Decimal = Decimal("0.12")
    estimated_graph_gib: Decimal = Decimal("0.12")
    second_graph_per_layer_gib: Decimal = Decimal("0.004")
    experts_graph_gib: Decimal = Decimal("1.15")
    experts_graph_per_width_gib: Decimal = Decimal("0.0241")
    experts_estimated_graph_gib: Decimal = Decimal("0.76")
    context_gib: Decimal = Decimal("0.51")
    shared_context_gib: Decimal = Decimal("1.53")
    experts_context_gib: Decimal = Decimal("2.01")
    unmeasured_context_gib: Decimal = Decimal("2.28")

    def other_bytes(self, layers: int, gpus: int) -> int:
        """Return the growth outside torch on one of ``gpus`` GPUs, in bytes."""
        single = self.single_gib + self.single_per_layer_gib * layers
        if gpus == 1:
            return gib(single)
        return gib(single + self.collective_gib + self.per_gpu_gib * gpus)

    def graph_bytes(
        self,
        geometry: Geometry,
        batch: BatchLimits,
        options: EngineOptions = DEFAULTS,
        *,
        second_runner: bool = False,
    ) -> int:
        """Return the size of the CUDA graphs on one GPU, in bytes.

        Those of dense models on the second model runner are smaller.
        """
        if second_runner and not geometry.is_moe:
            slope = self.second_graph_per_layer_gib
            return self._graphs(geometry, options, batch, self.graph_fixed_gib, slope)
        return self._graphs(
            geometry,
            options,
            batch,
            self.graph_gib,
            self.graph_per_layer_gib,
            self._of_experts(geometry),
        )

    def estimated_graph_bytes(
        self, geometry: Geometry, batch: BatchLimits, options: EngineOptions = DEFAULTS
    ) -> int:
        """Return vLLM's own estimate of the CUDA graphs on one GPU, in bytes."""
        return self._graphs(
            geometry,
            options,
            batch,
            self.estimated_graph_gib,
            self.graph_per_layer_gib,
            self.experts_estimated_graph_gib,
        )

    def _of_experts(self, geometry: Geometry) -> Decimal:
        width = Decimal(geometry.layer_count * geometry.hidden_size) / 1024
        less = max(Decimal(), _WIDEST_LOGGED - width) * self.experts_graph_per_width_gib
        return max(Decimal(), self.experts_graph_gib - less)

    def _graphs(
        self,
        geometry: Geometry,
        options: EngineOptions,
        batch: BatchLimits,
        base: Decimal,
        slope: Decimal,
        many_experts: Decimal = Decimal(),
    ) -> int:
        if not options.captures:
            return 0
        whole = base + slope * geometry.layer_count
        if has_many_experts(geometry):
            whole += many_experts
        share = Decimal(options.captured_sizes(batch) * options.graph_sets) / _ALL_SIZES
        return gib(self.graph_fixed_gib + (whole - self.graph_fixed_gib) * share)

    def context_bytes(self, geometry: Geometry, gpus: int, *, is_h100: bool) -> int:
        """Return the bytes in use on one of ``gpus`` GPUs before vLLM checks for free memory."""
        if gpus == 1:
            return gib(self.context_gib)
        if not is_h100:
            return gib(self.unmeasured_context_gib)
        return gib(self.experts_context_gib if geometry.is_moe else self.shared_context_gib)


def has_many_experts(geometry: Geometry) -> bool:
    """Return whether more than FEW_EXPERTS experts process each token."""
    return geometry.experts is not None and geometry.experts.num_experts_per_tok > FEW_EXPERTS


_WIDEST_LOGGED = Decimal(24 * 2880) / 1024  # gpt-oss-20b: layers x width of the residual stream
_ALL_SIZES = DEFAULTS.captured_sizes(BatchLimits(LARGEST_CAPTURE, LARGEST_CAPTURE))


MEASURED = Overheads()
