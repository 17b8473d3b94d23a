"""Parametrizes tests with each kubectl that the README names as supported."""

from __future__ import annotations

import pytest

from testing.kubectl import KUBECTL, OLDEST, oldest_packages


def each_kubectl() -> list[object]:
    """Return parameters: each kubectl, skipped if `make` has not installed it."""
    why = "not installed: make build/oldest-kubectl/.installed"
    missing = pytest.mark.skipif(not oldest_packages(), reason=why)
    return [
        pytest.param(OLDEST, id="oldest", marks=missing),
        pytest.param(KUBECTL, id="newest"),
    ]
