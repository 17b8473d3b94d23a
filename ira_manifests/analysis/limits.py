"""The verdict for a cell's memory, and a description of every limit that it misses. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.memory import Budget, Check, Limit, Verdict
from ira_manifests.messages import gib
from ira_manifests.profiles.cell import LEAST_AUTO, Cell

# Checks of the memory outside the share of gpu_memory_utilization; the others are inside it.
_OUTSIDE = frozenset({Limit.START, Limit.WARM_UP})


def verdict(cell: Cell, estimate: Budget) -> Verdict:
    """Return the verdict for a cell; `auto` without a long enough context does not fit."""
    return Verdict.DOES_NOT_FIT if auto_fails(cell, estimate) else estimate.verdict


def auto_fails(cell: Cell, estimate: Budget) -> bool:
    """Return whether `max_model_len: auto` finds only contexts below `LEAST_AUTO` tokens."""
    least = min(LEAST_AUTO, estimate.serving.geometry.max_position_embeddings)
    return cell.profile.max_model_len == "auto" and estimate.safe_max_model_len < least


def lacking(estimate: Budget) -> list[Check]:
    """Return the checks that fail, else those that are tight; the largest shortfall comes first.

    Checks inside the share usually fail together, and so do those outside it: at most one check of
    each part is returned, that with the largest shortfall.
    """
    if estimate.verdict is Verdict.FITS:
        return []
    found = [check for check in estimate.checks if check.verdict is estimate.verdict]
    parts = [check for part in (True, False) for check in _worst(found, outside=part)]
    return sorted(parts, key=_to_spare)


def lacks(estimate: Budget, *, outside: bool) -> bool:
    """Return whether a check inside the share, or outside it, misses its margin."""
    return any(
        check.verdict is not Verdict.FITS
        for check in estimate.checks
        if (check.limit in _OUTSIDE) is outside
    )


def _worst(checks: list[Check], *, outside: bool) -> Iterator[Check]:
    of_part = [check for check in checks if (check.limit in _OUTSIDE) is outside]
    if of_part:
        yield min(of_part, key=_to_spare)


def _to_spare(check: Check) -> int:
    return check.spare - check.margin if check.spare >= 0 else check.spare


def limit(cell: Cell, estimate: Budget) -> str:
    """Return the verdict and the limits that decide it, as text."""
    if auto_fails(cell, estimate):
        least = estimate.serving.max_model_len
        return (
            f"does not fit: auto finds no context of {least} tokens or more that keeps the margin"
        )
    missed = failing(estimate) or tight(estimate) or [_spare(estimate.decisive)]
    return f"{estimate.verdict}: {'; '.join(missed)}"


def failing(estimate: Budget) -> list[str]:
    """Return a description of each failing limit, the largest shortfall first."""
    if estimate.verdict is not Verdict.DOES_NOT_FIT:
        return []
    return [_missing(estimate, check) for check in lacking(estimate)]


def tight(estimate: Budget) -> list[str]:
    """Return a description of each limit that misses its margin; empty if a check fails."""
    if estimate.verdict is not Verdict.TIGHT:
        return []
    return [_spare(check) for check in lacking(estimate)]


def in_share(estimate: Budget) -> str:
    """Return a description of the memory that weights and start-up take from each GPU's share."""
    start_up = estimate.requested - estimate.kv_pool - estimate.weights
    return (
        f"weights take {gib(estimate.weights)} and start-up {gib(start_up)} "
        f"of {gib(estimate.requested)} usable on each GPU"
    )


def _missing(estimate: Budget, check: Check) -> str:
    request = f"one request of {estimate.serving.max_model_len} tokens"
    if check.limit in _OUTSIDE:
        return (
            f"{gib(-check.spare)} more are needed for {check.limit} on each GPU, "
            "outside of gpu_memory_utilization"
        )
    if estimate.kv_pool < 0:
        return (
            f"{in_share(estimate)} at tensor parallel {estimate.serving.tensor_parallel}, "
            f"and {request} needs {gib(estimate.kv_request)}: {gib(-check.spare)} are missing"
        )
    if check.limit is Limit.KV_CACHE:
        needed, left = gib(estimate.kv_request), gib(estimate.kv_pool)
        return f"{request} needs {needed} of KV cache on each GPU, and {left} are left"
    return f"{gib(-check.spare)} more are needed for {check.limit} on each GPU"


def _spare(check: Check) -> str:
    if check.spare < 0:
        return f"{check.limit} lacks {gib(-check.spare)} on each GPU, which is in doubt"
    return f"{check.limit} has {gib(check.spare)} to spare on each GPU, {gib(check.margin)} wanted"
