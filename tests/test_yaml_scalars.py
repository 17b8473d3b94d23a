"""Values of YAML's plain scalars; the examples are those of https://yaml.org/spec/1.2.2/#1032-tag-resolution."""

from __future__ import annotations

from decimal import Decimal

import pytest

from ira_manifests.yaml_scalars import SCIENTIFIC, value_of

WORDS = {"": None, "null": None, "~": None, "true": True, "True": True, "FALSE": False}
NUMBERS = {"0": 0, "-19": -19, "0.": Decimal(0), "-0.0": Decimal("-0.0"), ".5": Decimal("0.5")}
# YAML 1.1 reads these as false, ten, ninety and a word of its own; eighteen digits fit in 64 bits.
TEXTS = ["no", "012", "1:30", "nULL", "1_000", "9" * 19, "0." + "9" * 17]


@pytest.mark.parametrize(("text", "value"), [*WORDS.items(), *NUMBERS.items()])
def test_a_scalar_has_the_value_of_the_core_schema(text: str, value: object) -> None:
    found = value_of(text)

    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize("text", TEXTS)
def test_all_else_is_text(text: str) -> None:
    assert value_of(text) == text


def test_a_decimal_has_an_exponent_only_where_it_is_asked_for() -> None:
    assert value_of("1.5e+06") == "1.5e+06"
    assert value_of("1.5e+06", SCIENTIFIC) == Decimal(1_500_000)
