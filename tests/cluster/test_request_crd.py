"""The CustomResourceDefinition of ProvisioningRequest accepts a rendered one, but no mutation."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from testing.kubectl import kustomize
from testing.objects import Json, objects_in, the
from tests.cluster.api import ApiError
from tests.cluster.kubectl import KubectlError
from tests.cluster.namespace import Namespace

_TOO_LONG = "a" * 254
_LONGER_THAN_A_PARAMETER = "a" * 256


@pytest.fixture(scope="module")
def request_of_dist(filled_dist: Path) -> Json:
    """A request as kubectl renders it."""
    directory = filled_dist / "online-inference-gpu-h100-gemma3-27b-queued"
    return the(objects_in(kustomize(directory)), "ProvisioningRequest")


@pytest.mark.parametrize("version", ["v1", "v1beta1"])
def test_a_rendered_request_is_accepted_in_both_versions(
    namespace: Namespace, request_of_dist: Json, version: str
) -> None:
    request = {**request_of_dist, "apiVersion": f"autoscaling.x-k8s.io/{version}"}
    assert "created" in namespace.apply(request)
    assert "unchanged" in namespace.apply(request)
    assert "vllm-h100" in namespace.kubectl("get", "provisioningrequest.autoscaling.x-k8s.io")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("podSets", None, "spec.podSets: Required value"),
        ("podSets", [], "spec.podSets: Invalid value: 0"),
        ("podSets", [{"count": 1, "podTemplateRef": {"name": "a"}}] * 33, "at most 32 items"),
        ("podSets.0.count", None, "spec.podSets[0].count: Required value"),
        ("podSets.0.count", 0, "greater than or equal to 1"),
        ("podSets.0.count", "1", "must be of type integer"),
        ("podSets.0.count", 2**31, "must be of type integer with format int32"),
        ("podSets.0.podTemplateRef", None, "spec.podSets[0].podTemplateRef: Required value"),
        ("podSets.0.podTemplateRef.name", None, "podTemplateRef.name: Required value"),
        ("podSets.0.podTemplateRef.name", "Upper", "should match '^[a-z0-9]"),
        ("podSets.0.podTemplateRef.name", _TOO_LONG, "may not be more than 253"),
        ("provisioningClassName", None, "spec.provisioningClassName: Required value"),
        ("provisioningClassName", "queued_provisioning", "should match '^[a-z0-9]"),
        ("provisioningClassName", _TOO_LONG, "may not be more than 253"),
        ("parameters.maxRunDurationSeconds", 604800, "must be of type string"),
        ("parameters.other", _LONGER_THAN_A_PARAMETER, "may not be more than 255"),
        ("parameters", {f"key-{n}": "" for n in range(101)}, "must have at most 100 items"),
    ],
)
def test_a_mutation_that_breaks_a_constraint_is_refused(
    namespace: Namespace, request_of_dist: Json, path: str, value: object, message: str
) -> None:
    bad = _with(request_of_dist, path, value)
    with pytest.raises(ApiError) as refusal:
        namespace.cluster.api.create(namespace.path("provisioningrequests"), bad)
    assert refusal.value.status == 422
    assert message in str(refusal.value)


def test_a_field_that_the_crd_does_not_know_is_refused(
    namespace: Namespace, request_of_dist: Json
) -> None:
    bad = _with(request_of_dist, "podSets.0.template", {"spec": {}})
    with pytest.raises(KubectlError, match='unknown field "template"'):
        namespace.apply(bad)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("podSets.0.count", 2),
        ("podSets.0.podTemplateRef.name", "another"),
        ("provisioningClassName", "check-capacity.autoscaling.x-k8s.io"),
        ("parameters.maxRunDurationSeconds", "600"),
    ],
)
def test_a_request_that_is_made_can_not_be_changed(
    namespace: Namespace, request_of_dist: Json, path: str, value: object
) -> None:
    namespace.apply(request_of_dist)
    with pytest.raises(KubectlError, match="Value is immutable"):
        namespace.apply(_with(request_of_dist, path, value))


def _with(manifest: Json, path: str, value: object) -> Json:
    """Returns a copy with one part of its spec replaced, or left out if the value is None."""
    changed = copy.deepcopy(manifest)
    *parents, last = path.split(".")
    part = changed["spec"]
    for name in parents:
        part = part[int(name) if isinstance(part, list) else name]
    part[last] = value
    if value is None:
        del part[last]
    return changed
