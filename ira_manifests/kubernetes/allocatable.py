"""What GKE leaves of a machine for Pods.

Reservations: https://cloud.google.com/kubernetes-engine/docs/concepts/plan-node-sizes. What that
page leaves out is from GKE's autoscaler, which predicts nodes that do not exist yet
(https://github.com/kubernetes/autoscaler, cloudprovider/gce): the kernel takes its part of the
physical memory first, and a GB of the page counts as 1000 MiB.
"""

from __future__ import annotations

import re
from decimal import Decimal
from itertools import pairwise

_MIB = 1 << 20

# Up to so many MiB, so large a part is reserved; above the last, the last part.
_MEMORY_TIERS = ((4000, Decimal("0.25")), (8000, Decimal("0.20")), (16000, Decimal("0.10")),
                 (128000, Decimal("0.06")), (None, Decimal("0.02")))  # fmt: skip
_EVICTION = 100
# Nodes that stream images keep this much more of what is reserved.
_STREAMING = Decimal("1.04")
# The kernel's part: page structures, its code and data, and its measurements, which have a limit.
_KERNEL_PART = Decimal(1) / 64
_KERNEL_FIXED = 80
_KERNEL_MEASURED = Decimal("0.00175")
_KERNEL_MEASURED_MOST = 248
# In thousandths of a core: of the first core, of the second, of the third and fourth, of the rest.
_CPU_TIERS = ((1, Decimal(60)), (2, Decimal(10)), (4, Decimal(5)), (None, Decimal("2.5")))

_UNITS = {
    "": Decimal(1), "m": Decimal("0.001"),
    "k": Decimal(10) ** 3, "M": Decimal(10) ** 6, "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12, "P": Decimal(10) ** 15, "E": Decimal(10) ** 18,
    "Ki": Decimal(2) ** 10, "Mi": Decimal(2) ** 20, "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40, "Pi": Decimal(2) ** 50, "Ei": Decimal(2) ** 60,
}  # fmt: skip


def quantity(text: str) -> Decimal:
    """Return a Kubernetes quantity as a number: cores, bytes."""
    match = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", text)
    if match is None or match[2] not in _UNITS:
        raise ValueError(f"{text!r} is not a quantity")
    return Decimal(match[1]) * _UNITS[match[2]]


def memory(gib: int) -> Decimal:
    """Return the bytes that Pods can ask for. What Google calls a GB of a machine is a GiB."""
    physical = Decimal(gib * 1024)
    measured = min(physical * _KERNEL_MEASURED, Decimal(_KERNEL_MEASURED_MOST))
    kernel = physical * _KERNEL_PART + _KERNEL_FIXED + measured
    reserved = _tiered(physical, _MEMORY_TIERS) * _STREAMING
    return (physical - kernel - reserved - _EVICTION) * _MIB


def cpu(vcpus: int) -> Decimal:
    """Return the cores that Pods can ask for."""
    return vcpus - _tiered(Decimal(vcpus), _CPU_TIERS) / 1000


def _tiered(amount: Decimal, tiers: tuple[tuple[int | None, Decimal], ...]) -> Decimal:
    ends = (amount if end is None else min(Decimal(end), amount) for end, _ in tiers)
    bounds = [Decimal(0), *ends]
    parts = [part for _, part in tiers]
    return sum(
        ((end - start) * part for (start, end), part in zip(pairwise(bounds), parts, strict=True)),
        Decimal(0),
    )
