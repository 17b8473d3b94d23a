"""A start-up check of the engine, its margin, and the verdict that follows."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

MEASURED_MARGIN = Decimal("0.005")
"""Share of a GPU to keep free in the KV pool; the largest measured error is 0.35 %."""

EXTRAPOLATED_MARGIN = Decimal("0.025")
"""The same for unmeasured configurations: five times as much."""

START_UP_MARGIN_GIB = Decimal("0.2")
"""GiB to keep free outside the share: the largest error of the CUDA graph fit."""

EXTRAPOLATED_START_UP_MARGIN_GIB = Decimal(1)
"""The same for unmeasured configurations: five times as much."""

EXPERTS_START_UP_MARGIN_GIB = Decimal("2.5")
"""The same for a mixture with many experts for each token, on every engine.

Source: the start-ups of vLLM 0.19.0 that llm-d-incubation/llm-d-planner published (issue 194, pull
request 205). gpt-oss-20b on one H100 at 0.95 ran out of memory during the sampler warm-up, although
the logged CUDA graphs left 0.8 GiB free; on two H100 at 0.90 it started with 3.3 GiB. The
difference can't be derived from the model's geometry. Engines from 0.20 on take most of the CUDA
graphs from the KV cache, which leaves 2.2 GiB at 0.95; whether that is enough was not measured.
Mixtral, with two experts for each token, started with 1 GiB.
"""


class Verdict(StrEnum):
    """Whether a cell starts and can serve one request of max_model_len tokens."""

    FITS = "fits"
    TIGHT = "tight"
    DOES_NOT_FIT = "does not fit"


class Limit(StrEnum):
    """What a start-up check is about."""

    START = "free memory at start"
    WEIGHTS = "weights"
    KV_CACHE = "KV cache"
    STATES = "the states of max_num_seqs requests"
    WARM_UP = "sampler warm-up"


@dataclass(frozen=True)
class Check:
    """One of vLLM's start-up checks.

    Attributes:
        limit: which check.
        spare: free bytes; negative if the check fails.
        margin: free bytes needed for `Verdict.FITS`, given the uncertainty of the figures.
        reason: why the margin is larger than for measured configurations; else empty.
        doubt: bytes by which ``spare`` may be larger, where sources contradict each other.
    """

    limit: Limit
    spare: int
    margin: int = 0
    reason: str = ""
    doubt: int = 0

    @property
    def verdict(self) -> Verdict:
        """Return the verdict of this check alone."""
        if self.spare + self.doubt < 0:
            return Verdict.DOES_NOT_FIT
        return Verdict.FITS if self.spare >= self.margin else Verdict.TIGHT
