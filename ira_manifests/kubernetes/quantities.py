"""Kubernetes' quantities, and whether two values of a field are the same.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

_UNITS = {
    "": Decimal(1), "m": Decimal("0.001"),
    "k": Decimal(10) ** 3, "M": Decimal(10) ** 6, "G": Decimal(10) ** 9,
    "T": Decimal(10) ** 12, "P": Decimal(10) ** 15, "E": Decimal(10) ** 18,
    "Ki": Decimal(2) ** 10, "Mi": Decimal(2) ** 20, "Gi": Decimal(2) ** 30,
    "Ti": Decimal(2) ** 40, "Pi": Decimal(2) ** 50, "Ei": Decimal(2) ** 60,
}  # fmt: skip
_QUANTITY = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)([A-Za-z]*)")
_FIELDS = frozenset({"sizeLimit", "storage"})
_RESOURCES = frozenset({"limits", "requests"})


def quantity(text: str) -> Decimal:
    """Return a quantity as a number of cores or bytes. Raises `ValueError`."""
    match = _QUANTITY.fullmatch(text)
    if match is None or match[2] not in _UNITS:
        raise ValueError(f"{text!r} is not a quantity")
    return Decimal(match[1]) * _UNITS[match[2]]


def same_quantity(one: Any, other: Any) -> bool:
    """Return whether two values are one quantity, such as 1Gi and 1024Mi."""
    try:
        return quantity(str(one)) == quantity(str(other))
    except ValueError:
        return False


def same_value(path: Sequence[str], one: Any, other: Any) -> bool:
    """Return whether two values of a field are the same; a quantity may be written otherwise.

    `path`: the keys that lead to the field. A value of None is that of a field that is not there.
    """
    if one == other and type(one) is type(other):
        return True
    is_quantity = bool(path) and (path[-1] in _FIELDS or bool(_RESOURCES & {*path[-2:-1]}))
    return is_quantity and None not in (one, other) and same_quantity(one, other)
