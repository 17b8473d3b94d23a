"""The API server takes the objects beside a Deployment, and their controllers act on them."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from testing.kubectl import kustomize
from testing.objects import Json, objects_in, the
from testing.serving_objects import with_every_object
from tests.cluster.api import ApiError, wait_until
from tests.cluster.cells import directory_of, synth
from tests.cluster.kubectl import KubectlError
from tests.cluster.namespace import Namespace

CELL = "h100-llama3"
KINDS = {
    "horizontalpodautoscaler.autoscaling",
    "poddisruptionbudget.policy",
    "networkpolicy.networking.k8s.io",
    "inferencepool.inference.networking.k8s.io",
    "inferenceobjective.inference.networking.x-k8s.io",
    "healthcheckpolicy.networking.gke.io",
    "gcpbackendpolicy.networking.gke.io",
    "httproute.gateway.networking.k8s.io",
}
MONITORS = {
    "google": "podmonitoring.monitoring.googleapis.com",
    "prometheus-operator": "podmonitor.monitoring.coreos.com",
}


@pytest.fixture(scope="module")
def dists(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What synth writes, by the kind of monitoring."""
    found = {}
    for kind in MONITORS:
        folder = tmp_path_factory.mktemp(kind)
        found[kind] = synth(folder, "--profiles", with_every_object(folder, kind))
    return found


def everything(dists: dict[str, Path], monitoring: str = "google") -> list[Json]:
    """The objects of the cell's directory, as kubectl renders them."""
    return objects_in(kustomize(dists[monitoring] / directory_of(CELL)))


@pytest.mark.parametrize("monitoring", MONITORS)
def test_every_object_is_created_and_then_unchanged(
    restricted_namespace: Namespace, dists: dict[str, Path], monitoring: str
) -> None:
    folder = str(dists[monitoring] / directory_of(CELL))
    first = restricted_namespace.kubectl("apply", "-k", folder)
    for kind in {*KINDS, MONITORS[monitoring]}:
        assert f"{kind}/vllm-h100 created" in first

    before = _versions(restricted_namespace)
    again = restricted_namespace.kubectl("apply", "-k", folder)
    changed = [line for line in again.splitlines() if not line.endswith(" unchanged")]
    # kubectl always sends the selector of a budget again, which the API server takes as no change.
    assert changed == ["poddisruptionbudget.policy/vllm-h100 configured"]
    assert _versions(restricted_namespace) == before


@pytest.mark.parametrize("monitoring", MONITORS)
def test_every_object_is_applied_on_the_server_as_well(
    restricted_namespace: Namespace, dists: dict[str, Path], monitoring: str
) -> None:
    folder = str(dists[monitoring] / directory_of(CELL))
    restricted_namespace.kubectl("apply", "--server-side", "-k", folder)
    restricted_namespace.kubectl("delete", "-k", folder)
    assert not restricted_namespace.items("services")


def test_an_apply_leaves_the_number_of_pods_to_the_autoscaler(
    namespace: Namespace, dists: dict[str, Path]
) -> None:
    folder = str(dists["google"] / directory_of(CELL))

    def replicas() -> object:
        return namespace.get("deployments", "vllm-h100")["spec"]["replicas"]

    namespace.kubectl("apply", "-k", folder)
    # Without any metric, the autoscaler still raises the number to its minimum.
    wait_until(lambda: replicas() == 2, "two replicas: vllm-h100", seconds=60)
    namespace.kubectl("scale", "deployment/vllm-h100", "--replicas=3")
    namespace.kubectl("apply", "-k", folder)
    assert replicas() == 3


@pytest.mark.parametrize(
    ("kind", "resource", "path", "value", "message"),
    [
        ("InferencePool", "inferencepools", "targetPorts", [], "should have at least 1 items"),
        ("InferencePool", "inferencepools", "targetPorts.0.number", 0,
         "greater than or equal to 1"),
        ("InferencePool", "inferencepools", "endpointPickerRef.port", None, "port is required"),
        ("InferencePool", "inferencepools", "endpointPickerRef.failureMode", "Open",
         'supported values: "FailOpen", "FailClose"'),
        ("InferencePool", "inferencepools", "selector.matchLabels", {}, "at least 1 properties"),
        ("InferenceObjective", "inferenceobjectives", "priority", "high",
         "must be of type integer"),
        ("InferenceObjective", "inferenceobjectives", "poolRef", None, "Required value"),
        ("HTTPRoute", "httproutes", "hostnames.0", "10.0.0.1:80", "should match"),
        ("HTTPRoute", "httproutes", "rules.0.timeouts.request", "five minutes", "should match"),
        ("HTTPRoute", "httproutes", "rules.0.matches.0.path.value", "v1", "absolute path"),
        ("HorizontalPodAutoscaler", "horizontalpodautoscalers", "maxReplicas", 1,
         "must be greater than or equal to `minReplicas`"),
        ("HorizontalPodAutoscaler", "horizontalpodautoscalers",
         "metrics.0.pods.metric.name", "a/b", "may not contain '/'"),
        ("PodDisruptionBudget", "poddisruptionbudgets", "minAvailable", 1,
         "minAvailable and maxUnavailable cannot be both set"),
        ("NetworkPolicy", "networkpolicies", "ingress.0.from.3.ipBlock.cidr", "10.1.0.0",
         "must be a valid CIDR"),
    ],
)  # fmt: skip
def test_a_mutation_that_breaks_a_constraint_is_refused(
    namespace: Namespace, dists: dict[str, Path],
    kind: str, resource: str, path: str, value: object, message: str,
) -> None:  # fmt: skip
    item = the(everything(dists), kind)
    with pytest.raises(ApiError) as refusal:
        namespace.cluster.api.create(namespace.path(resource), _with(item, path, value))
    assert refusal.value.status == 422
    assert message in str(refusal.value)


@pytest.mark.parametrize("kind", ["InferencePool", "InferenceObjective", "HTTPRoute", "PodMonitor"])
def test_a_field_that_the_definition_does_not_know_is_refused(
    namespace: Namespace, dists: dict[str, Path], kind: str
) -> None:
    item = the(everything(dists, "prometheus-operator"), kind)
    with pytest.raises(KubectlError, match='unknown field "replicaCount"'):
        namespace.apply(_with(item, "replicaCount", 1))


@pytest.mark.parametrize("interval", ["30", "half a minute"])
def test_a_monitor_with_a_wrong_interval_is_refused(
    namespace: Namespace, dists: dict[str, Path], interval: str
) -> None:
    item = the(everything(dists, "prometheus-operator"), "PodMonitor")
    with pytest.raises(KubectlError, match="podMetricsEndpoints"):
        namespace.apply(_with(item, "podMetricsEndpoints.0.interval", interval))


def test_a_budget_without_room_refuses_evictions(
    namespace: Namespace, dists: dict[str, Path]
) -> None:
    namespace.kubectl("apply", "-k", str(dists["google"] / directory_of(CELL)))

    def allowed() -> object:
        budget = namespace.get("poddisruptionbudgets", "vllm-h100")
        return budget.get("status", {}).get("disruptionsAllowed")

    wait_until(lambda: allowed() == 1, "one eviction allowed: vllm-h100")
    (pod,) = namespace.items("pods", **{"app.kubernetes.io/instance": "vllm-h100"})
    namespace.apply(_with(the(everything(dists), "PodDisruptionBudget"), "maxUnavailable", 0))
    wait_until(lambda: allowed() == 0, "no eviction allowed: vllm-h100")
    with pytest.raises(ApiError) as refusal:
        _evict(namespace, pod)
    assert refusal.value.status == 429


def _versions(namespace: Namespace) -> list[object]:
    """The generations of the objects whose status is written by controllers, too."""
    found = ("poddisruptionbudgets", "networkpolicies", "inferencepools", "httproutes")
    return [namespace.get(each, "vllm-h100")["metadata"]["generation"] for each in found]


def _evict(namespace: Namespace, pod: Json) -> None:
    name = pod["metadata"]["name"]
    eviction = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace.name},
    }
    namespace.cluster.api.create(f"{namespace.path('pods')}/{name}/eviction", eviction)


def _with(manifest: Json, path: str, value: object) -> Json:
    """Returns a copy with one part of its spec replaced, or left out if the value is None."""
    changed: Json = json.loads(json.dumps(copy.deepcopy(manifest)))
    *parents, last = path.split(".")
    part = changed["spec"]
    for name in parents:
        part = part[int(name) if isinstance(part, list) else name]
    key = int(last) if isinstance(part, list) else last
    if value is None:
        del part[key]
    else:
        part[key] = value
    return changed
