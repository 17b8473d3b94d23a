"""Layers and weights of models of other architectures, against what their owners publish."""

import json
from typing import Any

import pytest

from ira_manifests.architectures import read
from tests.architectures.published import PUBLISHED


@pytest.mark.parametrize("name", PUBLISHED)
def test_layers_are_those_of_the_owners_configuration(name: str) -> None:
    values, _, groups = PUBLISHED[name]

    assert _in_order(read(values).geometry["layers"]) == _in_order(groups)


def _in_order(groups: Any) -> list[str]:
    return sorted(json.dumps(dict(group), sort_keys=True) for group in groups)


@pytest.mark.parametrize("name", PUBLISHED)
def test_weights_are_within_2_percent_of_those_of_the_model_card(name: str) -> None:
    values, billions, _ = PUBLISHED[name]

    assert read(values).computed_bytes / 2e9 == pytest.approx(billions, rel=0.02)
