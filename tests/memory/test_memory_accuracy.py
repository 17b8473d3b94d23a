"""The estimate against measured start-ups: mean absolute errors, and without the row's model."""

from dataclasses import fields
from decimal import Decimal

import pytest

from ira_manifests.memory import Overheads
from testing.measured import measured_rows
from tools.accuracy import main
from tools.memory_accuracy import Measured, accuracy, deviation, fit, leave_one_model_out

ROWS = measured_rows()
CONSTANTS = Overheads()


def test_the_kv_pool_is_within_one_per_cent_on_average() -> None:
    assert accuracy([deviation(row) for row in ROWS]).pool <= 0.01


def test_concurrency_from_the_logged_pool_is_within_half_a_per_cent_on_average() -> None:
    assert accuracy([deviation(row) for row in ROWS]).given_pool <= 0.005


def test_concurrency_end_to_end_is_within_one_and_a_half_per_cent_on_average() -> None:
    assert accuracy([deviation(row) for row in ROWS]).end_to_end <= 0.015


def test_the_same_holds_for_models_left_out_of_the_fit() -> None:
    result = accuracy(leave_one_model_out(ROWS))
    assert result.pool <= 0.01
    assert result.given_pool <= 0.005
    assert result.end_to_end <= 0.015


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.model.split("/")[1])
def test_no_row_is_off_by_more_than_one_per_cent(row: Measured) -> None:
    assert abs(deviation(row).pool) <= 0.01


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.model.split("/")[1])
def test_logged_tokens_follow_from_the_logged_pool(row: Measured) -> None:
    """The pool is logged to 0.01 GiB, so tokens agree to that: 0.2 % of the smallest pool."""
    assert deviation(row).given_pool == pytest.approx(0, abs=0.0025)


def test_the_constants_are_those_that_the_rows_give() -> None:
    fitted = fit(ROWS)
    for field in fields(Overheads):
        expected, value = getattr(fitted, field.name), getattr(CONSTANTS, field.name)
        assert value == pytest.approx(expected, abs=Decimal("0.01"))


def test_the_table_is_printed_within_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert "mean absolute error of 30 rows" in lines[31]
