"""Compute Engine machines, and the part of them that is allocatable to Pods on GKE.

From the GKE page "Plan node sizes": of the memory a node keeps 25% of the first 4 GB, 20% of the
next 4, 10% of the next 8, 6% of the next 112, 2% of the rest, and 100 MiB for eviction; of the CPU
6% of the first core, 1% of the next, 0.5% of the next two, 0.25% of the rest; where images are
streamed, 4% more of the reserved memory. What the page leaves out is from GKE's autoscaler, which
predicts the size of nodes that do not exist yet (GoogleCloudPlatform/cluster-autoscaler, and
kubernetes/autoscaler `cloudprovider/gce`): a GB counts as 1000 MiB there, and the kernel takes its
part of the physical memory first. Machines with accelerators are no exception; `test_gke.py`
compares with published nodes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_MIB = 2**20
_GIB = 2**30
_EVICTION = 100 * _MIB
# Thousandths of a core kept for each thousandth of a core above a threshold.
_CPU_BRACKETS = ((0, 0.06), (1000, 0.01), (2000, 0.005), (4000, 0.0025))
# MiB kept for each MiB above a threshold.
_MEMORY_BRACKETS = ((0, 0.25), (4000, 0.2), (8000, 0.1), (16000, 0.06), (128000, 0.02))
_STREAMING_PART = 0.04


@dataclass(frozen=True)
class Machine:
    """A Compute Engine machine type; what Google calls a GB of memory is a GiB."""

    name: str
    vcpus: int
    memory_gib: int
    gpus: int = 0
    accelerator: str = ""

    @property
    def millicpus(self) -> int:
        """Thousandths of a core."""
        return self.vcpus * 1000

    @property
    def allocatable_millicpus(self) -> int:
        """Thousandths of a core that Pods can ask for."""
        return self.millicpus - _kept(self.millicpus, _CPU_BRACKETS)

    @property
    def memory(self) -> int:
        """Bytes that the kernel reports: the physical memory without its own part."""
        physical = self.memory_gib * _GIB
        fixed = (16 + 64) * _MIB + (8 * _MIB if self.memory_gib <= 8 else 0)
        measured = min(int(0.00175 * physical), 248 * _MIB)
        return physical - physical // 64 - fixed - measured

    def allocatable_memory(self, *, streams_images: bool = True) -> int:
        """Bytes that Pods can ask for; the base platform's nodes stream images."""
        kept = _kept(self.memory_gib * 1024, _MEMORY_BRACKETS)
        if streams_images:
            kept += int(_STREAMING_PART * kept)
        return self.memory - kept * _MIB - _EVICTION


MACHINES = {
    machine.name: machine
    for machine in (
        Machine("g2-standard-24", 24, 96, 2, "nvidia-l4"),
        Machine("g2-standard-48", 48, 192, 4, "nvidia-l4"),
        Machine("g2-standard-96", 96, 384, 8, "nvidia-l4"),
        Machine("a3-highgpu-1g", 26, 234, 1, "nvidia-h100-80gb"),
        Machine("a3-highgpu-2g", 52, 468, 2, "nvidia-h100-80gb"),
        Machine("a3-highgpu-4g", 104, 936, 4, "nvidia-h100-80gb"),
        Machine("a3-highgpu-8g", 208, 1872, 8, "nvidia-h100-80gb"),
        Machine("a3-megagpu-8g", 208, 1872, 8, "nvidia-h100-mega-80gb"),
        Machine("a3-ultragpu-8g", 224, 2952, 8, "nvidia-h200-141gb"),
        Machine("e2-standard-4", 4, 16),
        Machine("n4-standard-8", 8, 32),
    )
}


def _kept(capacity: int, brackets: Iterable[tuple[int, float]]) -> int:
    """Each rate applies to what lies above its threshold and below the next."""
    lower = list(brackets)
    upper = [threshold for threshold, _ in lower[1:]] + [capacity]
    return int(
        sum(
            max(0, min(capacity, above) - threshold) * rate
            for (threshold, rate), above in zip(lower, upper, strict=True)
        )
    )
