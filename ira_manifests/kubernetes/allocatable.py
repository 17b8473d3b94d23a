"""The memory and CPU of a GKE node that are allocatable to Pods.

Reservations: https://cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes. The rest is
from GKE's autoscaler, which predicts nodes that do not exist yet
(https://github.com/kubernetes/autoscaler, cloudprovider/gce): the kernel's memory is subtracted
first, and a GB of the page counts as 1000 MiB.
"""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

_MIB = 1 << 20

# The reserved share of memory, by tiers: (upper end in MiB, share). The last tier has no end.
_MEMORY_TIERS = ((4000, Decimal("0.25")), (8000, Decimal("0.20")), (16000, Decimal("0.10")),
                 (128000, Decimal("0.06")), (None, Decimal("0.02")))  # fmt: skip
_EVICTION = 100
# Image streaming multiplies the reserved memory by this factor.
_STREAMING = Decimal("1.04")
# The kernel's memory: page structures (a share of all), its code and data (MiB), and its
# measurements (a share of all, up to a limit in MiB).
_KERNEL_PART = Decimal(1) / 64
_KERNEL_FIXED = 80
_KERNEL_MEASURED = Decimal("0.00175")
_KERNEL_MEASURED_MOST = 248
# Reserved thousandths of a core, by tiers: (last core of the tier, for each core of it).
_CPU_TIERS = ((1, Decimal(60)), (2, Decimal(10)), (4, Decimal(5)), (None, Decimal("2.5")))


def memory(gib: int) -> Decimal:
    """Return the allocatable bytes of a machine with `gib` GiB (Google's pages write GB)."""
    physical = Decimal(gib * 1024)
    measured = min(physical * _KERNEL_MEASURED, Decimal(_KERNEL_MEASURED_MOST))
    kernel = physical * _KERNEL_PART + _KERNEL_FIXED + measured
    reserved = _tiered(physical, _MEMORY_TIERS) * _STREAMING
    return (physical - kernel - reserved - _EVICTION) * _MIB


def cpu(vcpus: int) -> Decimal:
    """Return the allocatable cores of a machine."""
    return vcpus - _tiered(Decimal(vcpus), _CPU_TIERS) / 1000


def _tiered(amount: Decimal, tiers: tuple[tuple[int | None, Decimal], ...]) -> Decimal:
    ends = (amount if end is None else min(Decimal(end), amount) for end, _ in tiers)
    bounds = [Decimal(0), *ends]
    parts = [part for _, part in tiers]
    return sum(
        ((end - start) * part for (start, end), part in zip(pairwise(bounds), parts, strict=True)),
        Decimal(0),
    )
