"""Every rendered object is valid, field by field, for every Kubernetes release that GKE runs."""

from __future__ import annotations

import copy

import jsonschema
import pytest

from testing.objects import Json, the
from tests.schemas import VERSIONS, validate


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid(version: str, rendered: dict[str, list[Json]]) -> None:
    for objects in rendered.values():
        for item in objects:
            validate(item, version)


@pytest.mark.parametrize("kind", ["Deployment", "Service", "PodTemplate", "ProvisioningRequest"])
def test_an_unknown_field_is_refused(kind: str, rendered: dict[str, list[Json]]) -> None:
    item = copy.deepcopy(the(rendered["online-inference-gpu-h100-llama3-queued"], kind))
    item.setdefault("spec", {})["notAField"] = 1

    with pytest.raises(jsonschema.ValidationError):
        validate(item, VERSIONS[-1])
