"""GPU properties that memory depends on, and vLLM's default batch sizes."""

from dataclasses import dataclass
from decimal import Decimal

from ira_manifests.memory.errors import SettingsError
from ira_manifests.vllm.changes import ReleaseFacts

GIB = 1 << 30

LARGE_GPU_GIB = 70
"""Memory from which vLLM's default batches are larger: engine/arg_utils.py, 0.9.1 to 0.26.

Older releases choose by the GPU's name, with the same result for H100, H200, L4 and A100.
"""

HUGE_GPU_GIB = 160
"""Memory from which they are larger again: engine/arg_utils.py, from 0.28.0."""


def gib(value: Decimal | int | str) -> int:
    """Convert GiB to whole bytes, exactly (``Decimal``, never a float)."""
    return int(Decimal(value) * GIB)


@dataclass(frozen=True)
class BatchLimits:
    """The maximum tokens and requests of one scheduled batch."""

    tokens: int
    requests: int

    def __post_init__(self) -> None:
        if self.tokens < 1 or self.requests < 1:
            raise SettingsError(
                f"a batch needs at least 1 token and 1 request, got {self.tokens}, {self.requests}"
            )


LARGE_BATCH = BatchLimits(tokens=8192, requests=1024)
HUGE_BATCH = BatchLimits(tokens=16384, requests=1024)
SMALL_BATCH = BatchLimits(tokens=2048, requests=256)


@dataclass(frozen=True)
class Accelerator:
    """One GPU.

    Attributes:
        name: GKE's accelerator label, such as ``nvidia-h100-80gb``.
        usable_gib: total memory that torch reports, in GiB.
        is_a100: whether it is an A100, for which vLLM's batches are small at any size.
        multiprocessors: streaming multiprocessors (132 on H100 and H200).

    Raises SettingsError when a number is not positive.
    """

    name: str
    usable_gib: Decimal
    is_a100: bool = False
    multiprocessors: int = 132

    def __post_init__(self) -> None:
        if self.usable_gib <= 0 or self.multiprocessors < 1:
            raise SettingsError(f"{self.name} needs memory and multiprocessors, got {self}")

    @property
    def total_bytes(self) -> int:
        """Return the total memory that torch reports, in bytes."""
        return gib(self.usable_gib)

    def default_batch(self, facts: ReleaseFacts) -> BatchLimits:
        """Return vLLM's default batch: `HUGE_BATCH`, `LARGE_BATCH` or `SMALL_BATCH`."""
        if facts.huge_batch and self.usable_gib >= HUGE_GPU_GIB:
            return HUGE_BATCH
        if self.usable_gib >= LARGE_GPU_GIB and not self.is_a100:
            return LARGE_BATCH
        return SMALL_BATCH
