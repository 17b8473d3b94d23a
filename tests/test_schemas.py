"""Every rendered object is valid, field by field, for every Kubernetes release that GKE runs."""

from __future__ import annotations

import copy

import jsonschema
import pytest

from testing.kubectl import kustomize
from testing.objects import Json, objects_in, the
from testing.serving_fields import with_every_field
from tests.schemas import VERSIONS, validate
from tests.support import ira


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_is_valid(version: str, rendered: dict[str, list[Json]]) -> None:
    for objects in rendered.values():
        for item in objects:
            validate(item, version)


@pytest.fixture(scope="module")
def with_fields(tmp_path_factory: pytest.TempPathFactory) -> list[Json]:
    """The objects of both directories of a cell with every serving field."""
    folder = tmp_path_factory.mktemp("fields")
    profiles, out = with_every_field(folder), folder / "dist"
    run = ira("synth", "--only", "h100/gemma3-27b", "--out", out, "--profiles", profiles)
    assert run.returncode == 0, run.stderr
    name = "online-inference-gpu-h100-gemma3-27b"
    return [*objects_in(kustomize(out / name)), *objects_in(kustomize(out / f"{name}-queued"))]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_with_every_field_is_valid(version: str, with_fields: list[Json]) -> None:
    for item in with_fields:
        validate(item, version)


@pytest.mark.parametrize("kind", ["Deployment", "Service", "PodTemplate", "ProvisioningRequest"])
def test_an_unknown_field_is_refused(kind: str, rendered: dict[str, list[Json]]) -> None:
    item = copy.deepcopy(the(rendered["online-inference-gpu-h100-llama3-queued"], kind))
    item.setdefault("spec", {})["notAField"] = 1

    with pytest.raises(jsonschema.ValidationError):
        validate(item, VERSIONS[-1])
