"""How a Deployment's rolling update replaces its Pods."""

from __future__ import annotations

from typing import NamedTuple

USUAL = "25%"
"""maxSurge and maxUnavailable of a Deployment that does not name them."""

_ALL = 100


class Rollout(NamedTuple):
    """The Pods of a rolling update: how many are added first, and how many may be missing."""

    surge: int
    unavailable: int

    @property
    def frees_nothing_first(self) -> bool:
        """Whether no old Pod ends before a new one is ready."""
        return self.unavailable == 0


def rolling(max_surge: object, max_unavailable: object, replicas: int) -> Rollout:
    """Return the numbers of a rolling update of so many replicas.

    The arguments are numbers, or shares such as "25%", as a Deployment has them. Shares are rounded
    as its controller does, which never leaves both at 0: ResolveFenceposts in
    https://github.com/kubernetes/kubernetes, pkg/controller/deployment/util/deployment_util.go.
    """
    surge = -(-_hundredths(max_surge, replicas) // _ALL)
    unavailable = _hundredths(max_unavailable, replicas) // _ALL
    return Rollout(surge, unavailable if surge or unavailable else 1)


def _hundredths(value: object, replicas: int) -> int:
    """Return a limit in hundredths of a Pod; 0 if it is none."""
    text = str(value)
    number = text.removesuffix("%")
    if not (number.isascii() and number.isdecimal()) or len(number) > len(str(2**31)):
        return 0
    return int(number) * (replicas if text != number else _ALL)
