"""Tests of the app: what the rules find, and a snapshot of its manifests."""

import ira_manifests as ira
import pytest
from cdk8s import Chart
from cdk8s import Testing as Synthesis  # pytest collects classes named Test...
from main import Inference
from syrupy.assertion import SnapshotAssertion


@pytest.fixture
def chart() -> Chart:
    """The chart of the app."""
    return Inference(Synthesis.app(), "inference", model_id="google/gemma-3-27b-it", gpu="h100")


def test_the_manifests_are_those_that_were_reviewed(
    chart: Chart, snapshot: SnapshotAssertion
) -> None:
    assert Synthesis.synth(chart) == snapshot


def test_no_rule_finds_an_error(chart: Chart) -> None:
    assert [each for each in ira.check(chart) if each.severity is ira.Severity.ERROR] == []
