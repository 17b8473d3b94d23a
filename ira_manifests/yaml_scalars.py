"""Values of plain YAML scalars, as YAML 1.2's core schema has them.

PyYAML's own are those of YAML 1.1 (`no` is false, `012` is ten, `1:30` is ninety). Numbers with a
decimal point become `Decimal`, so that 0.80 stays 0.80. Source:
https://yaml.org/spec/1.2.2/#103-core-schema
"""

from __future__ import annotations

import re
from decimal import Decimal

DECIMAL = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+\.[0-9]*)")
SCIENTIFIC = re.compile(rf"{DECIMAL.pattern}(?:[eE][-+]?[0-9]+)?")
"""A decimal that may have an exponent, so its digits say nothing of its size."""
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_WORDS = {"": None, "~": None, "null": None, "true": True, "false": False}
_MAX_DIGITS = 18

Scalar = str | int | Decimal | None


def value_of(text: str, decimals: re.Pattern[str] = DECIMAL) -> Scalar:
    """Return the value of a scalar without quotes and tag. `decimals`: the decimals to read."""
    word = text.lower()
    if word in _WORDS and text in (word, text.title(), text.upper()):
        return _WORDS[word]
    if len(text) > _MAX_DIGITS:
        return text
    if _INT.fullmatch(text):
        return int(text)
    return Decimal(text) if decimals.fullmatch(text) else text
