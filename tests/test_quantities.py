"""Kubernetes' quantities, and values of fields that are the same."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ira_manifests.kubernetes.quantities import quantity, same_quantity, same_value

LIMIT = ("spec", "containers", "[server]", "resources", "limits", "memory")


@pytest.mark.parametrize(
    ("text", "number"),
    [("2", 2), ("500m", Decimal("0.5")), ("1.5Gi", 3 << 29), (".5G", 500_000_000), ("1.", 1)],
)
def test_a_quantity_is_a_number(text: str, number: Any) -> None:
    assert quantity(text) == number


@pytest.mark.parametrize("text", ["", "1.2.3", ".", "1 Gi", "1gi", "-1", "1e3", "x"])
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not a quantity"):
        quantity(text)

    assert not same_quantity(text, "1")


@pytest.mark.parametrize(
    ("path", "one", "other", "same"),
    [
        (LIMIT, "1Gi", "1024Mi", True),
        (LIMIT, "1Gi", "1G", False),
        (LIMIT, 8, "8", True),
        (LIMIT, None, "0", False),
        (("spec", "sizeLimit"), "1Gi", "1024Mi", True),
        (("spec", "replicas"), 8, "8", False),
        (("spec", "replicas"), True, 1, False),
        (("args",), "1Gi", "1024Mi", False),
        ((), "1Gi", "1024Mi", False),
    ],
)
def test_only_quantities_may_be_written_otherwise(
    path: tuple[str, ...], one: Any, other: Any, *, same: bool
) -> None:
    assert same_value(path, one, other) is same
    assert same_value(path, other, one) is same
