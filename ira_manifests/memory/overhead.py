"""What vLLM takes of a GPU outside weights, activation and KV cache.

The only fitted numbers of this package. Fit: the start-up logs of vLLM 0.19.0 on H100 that
llm-d-incubation/llm-d-planner published (pull request 205).
"""

from dataclasses import dataclass
from decimal import Decimal

from ira_manifests.memory.accelerator import gib


@dataclass(frozen=True)
class Overheads:
    """Memory that is measured, not derived; GiB per GPU.

    Attributes:
        single_gib: growth outside torch on one GPU (loaded kernels): the rows' median.
        collective_gib: more of it as soon as GPUs work together (NCCL, all-reduce buffers).
        per_gpu_gib: more of it for each GPU of the tensor parallel group (connections): the
            difference between the rows with 2 GPUs and the one with 4.
        graph_gib: CUDA graphs of a model without layers: least squares over the rows.
        graph_per_layer_gib: CUDA graphs of one more layer.
        context_gib: used before vLLM measures anything: the CUDA context. From a public log of
            an H100 that reports 78.66 of 79.19 GiB free at start.
    """

    single_gib: Decimal = Decimal("0.25")
    collective_gib: Decimal = Decimal("1.77")
    per_gpu_gib: Decimal = Decimal("0.025")
    graph_gib: Decimal = Decimal("0.26")
    graph_per_layer_gib: Decimal = Decimal("0.018")
    context_gib: Decimal = Decimal("0.53")

    def other_bytes(self, tensor_parallel: int) -> int:
        """Return the growth outside torch on one GPU, in bytes."""
        if tensor_parallel == 1:
            return gib(self.single_gib)
        shared = self.collective_gib + self.per_gpu_gib * tensor_parallel
        return gib(self.single_gib + shared)

    def graph_bytes(self, layers: int) -> int:
        """Return what the CUDA graphs take on one GPU, in bytes."""
        return gib(self.graph_gib + self.graph_per_layer_gib * layers)

    @property
    def context_bytes(self) -> int:
        """Return what is used before vLLM starts to count, in bytes."""
        return gib(self.context_gib)


MEASURED = Overheads()
