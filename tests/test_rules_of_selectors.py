"""Selectors and references in objects of known and unknown kinds."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from ira_manifests.rules import check_objects
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.view.rendered import View
from ira_manifests.rules.view.selector_index import SelectorIndex
from tests.breaking import (
    CONTAINER,
    DEPLOYMENT,
    ONE,
    OUT,
    Directories,
    changed,
    findings_after,
    found_in,
    with_each_field,
)

INSTANCE = "app.kubernetes.io/instance"
VLLM = {"app.kubernetes.io/name": "vllm"}
EXTRA = "extra.yaml"
WRONG, RIGHT = {"app": "other"}, {INSTANCE: "vllm-h100"}

Json = dict[str, Any]
Labels = dict[str, str]


def of(api_version: str, kind: str, spec: Json, name: str = "extra") -> Json:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}


def added(*objects: Json, file: str = EXTRA) -> Callable[[Json], Any]:
    """Return the change that adds objects to a directory."""
    names = (file if not index else f"{index}-{file}" for index in range(len(objects)))
    items = dict(zip(names, objects, strict=True))
    return lambda directory: directory.update(items)


# --- selectors ------------------------------------------------------------------------------------


def one_of(labels: Labels) -> list[Json]:
    return [{"key": key, "operator": "In", "values": [text]} for key, text in labels.items()]


MATCH = "spec.selector.matchLabels"
SELECTORS: list[tuple[str, Callable[[Labels], Json], str]] = [
    ("PodMonitoring", lambda labels: of("monitoring.googleapis.com/v1", "PodMonitoring",
        {"selector": {"matchLabels": labels}, "endpoints": [{"port": "metrics"}]}), MATCH),
    ("ClusterPodMonitoring", lambda labels: of("monitoring.googleapis.com/v1",
        "ClusterPodMonitoring", {"selector": {"matchLabels": labels}}), MATCH),
    ("PodMonitor", lambda labels: of("monitoring.coreos.com/v1", "PodMonitor",
        {"selector": {"matchLabels": labels}}), MATCH),
    ("PodDisruptionBudget", lambda labels: of("policy/v1", "PodDisruptionBudget",
        {"selector": {"matchExpressions": one_of(labels)}}), "spec.selector.matchExpressions"),
    ("NetworkPolicy", lambda labels: of("networking.k8s.io/v1", "NetworkPolicy",
        {"podSelector": {"matchLabels": labels}, "ingress": [{}]}),
        "spec.podSelector.matchLabels"),
    ("InferencePool", lambda labels: of("inference.networking.k8s.io/v1", "InferencePool",
        {"selector": {"matchLabels": labels}}), MATCH),
    ("InferencePool", lambda labels: of("inference.networking.x-k8s.io/v1alpha2", "InferencePool",
        {"selector": labels}), "spec.selector"),
    ("Watcher", lambda labels: of("example.com/v1", "Watcher",
        {"watch": [{"podSelector": {"matchLabels": labels}}]}),
        "spec.watch[0].podSelector.matchLabels"),
    ("Watcher", lambda labels: of("example.com/v1", "Watcher", {"selector": labels}),
        "spec.selector"),
    ("Watcher", lambda labels: of("example.com/v1", "Watcher",
        {"of": {"matchExpressions": one_of(labels)}}), "spec.of.matchExpressions"),
    ("Sidecar", lambda labels: of("networking.istio.io/v1", "Sidecar",
        {"workloadSelector": {"labels": labels}}), "spec.workloadSelector.labels"),
    ("NetworkPolicy", lambda labels: of("projectcalico.org/v3", "NetworkPolicy",
        {"selector": " && ".join(f"{key} == '{text}'" for key, text in labels.items())}),
        "spec.selector"),
]  # fmt: skip
BY_KIND = [pytest.param(*case, id=f"{case[0]}-{n}") for n, case in enumerate(SELECTORS)]


@pytest.mark.parametrize(("kind", "build", "field"), BY_KIND)
def test_a_selector_that_matches_nothing_is_found_in_every_kind(
    kind: str, build: Callable[[Labels], Json], field: str, directories: Directories
) -> None:
    (finding,) = findings_after(directories, added(build(WRONG)))

    assert (finding.rule_id, finding.file, finding.field) == (
        "IRA037",
        f"dist/{ONE}/{EXTRA}",
        field,
    )
    assert finding.message == f"the {kind} extra selects no Pod of the directory"
    line = changed(directories, added(build(WRONG))).files[EXTRA].decode().splitlines()
    assert field.rpartition(".")[2] in line[finding.line - 1]


@pytest.mark.parametrize(("kind", "build", "field"), BY_KIND)
def test_a_selector_of_the_workload_is_right_in_every_kind(
    kind: str, build: Callable[[Labels], Json], field: str, directories: Directories
) -> None:
    assert findings_after(directories, added(build(RIGHT))) == []


def monitor(labels: Labels) -> Json:
    spec = {"selector": {"matchLabels": labels}}
    return of("monitoring.coreos.com/v1", "ServiceMonitor", spec)


def test_a_monitor_of_services_selects_them_by_their_own_labels(directories: Directories) -> None:
    (finding,) = findings_after(directories, added(monitor(WRONG)))

    assert finding.message == "the ServiceMonitor extra selects no Service of the directory"
    assert findings_after(directories, added(monitor(RIGHT))) == []


def spread(labels: Labels) -> Callable[[Json], Any]:
    constraint = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": labels}}
    return lambda objects: objects[DEPLOYMENT]["spec"]["template"]["spec"].update(
        topologySpreadConstraints=[constraint]
    )


def test_pods_that_are_spread_by_the_labels_of_others_are_found(directories: Directories) -> None:
    (finding,) = findings_after(directories, spread(WRONG))

    spec = "spec.template.spec.topologySpreadConstraints[0]"
    assert finding.field == f"{spec}.labelSelector.matchLabels"
    assert finding.rule_id == "IRA037"
    assert findings_after(directories, spread(VLLM)) == []


@pytest.mark.parametrize(
    ("key", "operator", "values", "matches"),
    [
        (INSTANCE, "In", ["vllm-h100", "x"], True),
        (INSTANCE, "In", ["x"], False),
        (INSTANCE, "NotIn", ["vllm-h100"], False),
        (INSTANCE, "NotIn", ["x"], True),
        (INSTANCE, "Exists", [], True),
        (INSTANCE, "DoesNotExist", [], False),
        ("absent", "In", ["x"], False),
        ("absent", "NotIn", ["x"], True),
        ("absent", "Exists", [], False),
        ("absent", "DoesNotExist", [], True),
    ],
)
def test_expressions_match_as_kubernetes_says(
    key: str, operator: str, values: list[str], matches: bool, directories: Directories
) -> None:
    expression = {"key": key, "operator": operator, "values": values}
    spec = {"selector": {"matchExpressions": [expression]}}
    item = of("monitoring.googleapis.com/v1", "PodMonitoring", spec)

    assert bool(findings_after(directories, added(item))) is not matches


# --- other workloads ------------------------------------------------------------------------------


def test_a_selector_of_another_workload_beside_its_own_is_found(directories: Directories) -> None:
    def second(objects: Json) -> None:
        other = copy.deepcopy(objects[DEPLOYMENT])
        other["metadata"]["name"] = "second"
        for labels in (
            other["spec"]["selector"]["matchLabels"],
            other["spec"]["template"]["metadata"]["labels"],
        ):
            labels[INSTANCE] = "second"
        spec = {"selector": {"matchLabels": VLLM}}
        item = of("monitoring.googleapis.com/v1", "PodMonitoring", spec, "vllm-h100")
        objects.update({"second.yaml": other, EXTRA: item})

    found = [item for item in findings_after(directories, second) if item.rule_id == "IRA016"]

    (finding,) = found
    assert (finding.file, finding.field) == (f"dist/{ONE}/{EXTRA}", MATCH)
    assert "also selects the Pods of second of the directory" in finding.message


def together(directories: Directories, *objects: Json) -> list[Finding]:
    """Return the findings of all directories, with additional objects in one of them."""
    assert found_in(directories) == []
    return found_in({**directories, ONE: changed(directories, added(*objects))})


SHARED = [
    of("monitoring.googleapis.com/v1", "PodMonitoring", {"selector": {"matchLabels": VLLM}}),
    of("networking.k8s.io/v1", "NetworkPolicy", {"podSelector": {}, "ingress": [{}]}),
    of("example.com/v1", "Watcher", {"podSelector": {"matchExpressions": one_of(VLLM)}}),
]


@pytest.mark.parametrize("item", SHARED, ids=lambda item: item["kind"])
def test_a_selector_of_another_directorys_pods_is_found(
    item: Json, directories: Directories
) -> None:
    (finding,) = together(directories, item)

    assert (finding.rule_id, finding.file) == ("IRA016", f"dist/{ONE}/{EXTRA}")
    assert f"the {item['kind']} extra also selects the Pods of " in finding.message
    assert "vllm-h200" in finding.message
    assert "vllm-l4" in finding.message


def test_a_kind_for_the_whole_cluster_may_select_all(directories: Directories) -> None:
    spec = {"selector": {"matchLabels": VLLM}}
    item = of("monitoring.googleapis.com/v1", "ClusterPodMonitoring", spec)

    assert together(directories, item) == []


@pytest.mark.parametrize("case", SELECTORS, ids=lambda case: str(case[0]))
def test_a_selector_of_its_own_workload_is_right_in_all_directories(
    case: tuple[str, Callable[[Labels], Json], str], directories: Directories
) -> None:
    assert together(directories, case[1](RIGHT)) == []


# --- names of other objects -----------------------------------------------------------------------

REFERENCES: list[tuple[Callable[[str], Json], str]] = [
    (lambda name: of("autoscaling/v2", "HorizontalPodAutoscaler", {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}}),
     "spec.scaleTargetRef.name"),
    (lambda name: of("autoscaling.k8s.io/v1", "VerticalPodAutoscaler", {
        "targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}}),
     "spec.targetRef.name"),
    (lambda name: of("keda.sh/v1alpha1", "ScaledObject", {"scaleTargetRef": {"name": name}}),
     "spec.scaleTargetRef.name"),
    (lambda name: of("networking.k8s.io/v1", "Ingress", {"rules": [{"http": {"paths": [
        {"path": "/", "backend": {"service": {"name": name, "port": {"number": 8000}}}}]}}]}),
     "spec.rules[0].http.paths[0].backend.service.name"),
    (lambda name: of("networking.k8s.io/v1", "Ingress", {
        "defaultBackend": {"service": {"name": name, "port": {"number": 8000}}}}),
     "spec.defaultBackend.service.name"),
    (lambda name: of("gateway.networking.k8s.io/v1", "HTTPRoute", {
        "parentRefs": [{"name": "a-gateway"}], "rules": [{"backendRefs": [{"name": name}]}]}),
     "spec.rules[0].backendRefs[0].name"),
    (lambda name: of("networking.gke.io/v1", "HealthCheckPolicy", {
        "targetRef": {"group": "", "kind": "Service", "name": name}}), "spec.targetRef.name"),
]  # fmt: skip
BY_OWNER = [pytest.param(*case, id=case[0]("x")["kind"]) for case in REFERENCES]


@pytest.mark.parametrize(("build", "field"), BY_OWNER)
def test_an_object_for_another_that_there_is_not_is_found(
    build: Callable[[str], Json], field: str, directories: Directories
) -> None:
    (finding,) = findings_after(directories, added(build("vllm-100")))

    assert (finding.rule_id, finding.file, finding.field) == (
        "IRA037",
        f"dist/{ONE}/{EXTRA}",
        field,
    )
    assert "'vllm-100', and the directory has none of that name" in finding.message
    assert findings_of_selectors(directories, build("vllm-h100")) == []


def findings_of_selectors(directories: Directories, item: Json) -> list[Finding]:
    """Return the findings after an object is added, except that an autoscaler sets replicas."""
    found = findings_after(directories, added(item))
    return [each for each in found if each.rule_id != "IRA051"]


# --- fields that do not select Pods ---------------------------------------------------------------

SILENT = [
    of("v1", "PersistentVolumeClaim", {"selector": {"matchLabels": WRONG}}),
    of("autoscaling/v2", "HorizontalPodAutoscaler", {
        "scaleTargetRef": {"kind": "Deployment", "name": "vllm-h100"},
        "metrics": [{"pods": {"metric": {"name": "q", "selector": {"matchLabels": WRONG}}}}]}),
    of("networking.k8s.io/v1", "NetworkPolicy", {
        "podSelector": {"matchLabels": RIGHT},
        "ingress": [{"from": [{"podSelector": {"matchLabels": WRONG}}]}]}),
    of("cilium.io/v2", "CiliumNetworkPolicy", {
        "endpointSelector": {"matchLabels": RIGHT},
        "egress": [{"toEndpoints": [{"matchLabels": WRONG}]}]}),
    of("example.com/v1", "Watcher", {
        "namespaceSelector": {"matchLabels": WRONG}, "nodeSelector": {"matchLabels": WRONG}}),
    of("gateway.networking.k8s.io/v1", "HTTPRoute", {
        "rules": [{"backendRefs": [{"name": "elsewhere", "namespace": "other"}]}]}),
    of("networking.gke.io/v1", "GCPGatewayPolicy", {
        "targetRef": {"kind": "Gateway", "name": "elsewhere"}}),
    of("v1", "Service", {"selector": {}, "ports": []}),
    of("monitoring.coreos.com/v1", "PodMonitor", {
        "namespaceSelector": {"matchNames": ["other"]}, "selector": {"matchLabels": WRONG}}),
]  # fmt: skip


@pytest.mark.parametrize("item", SILENT, ids=lambda item: item["kind"])
def test_what_selects_no_pods_of_the_directory_on_purpose_is_right(
    item: Json, directories: Directories
) -> None:
    assert findings_of_selectors(directories, item) == []


# --- Pods of every kind ---------------------------------------------------------------------------

TEMPLATE = "spec.template"
WORKLOADS: list[tuple[str, str, tuple[str | int, ...], str]] = [
    ("apps/v1", "StatefulSet", ("spec", "template"), TEMPLATE),
    ("apps/v1", "DaemonSet", ("spec", "template"), TEMPLATE),
    ("batch/v1", "CronJob", ("spec", "jobTemplate", "spec", "template"),
     "spec.jobTemplate.spec.template"),
    ("leaderworkerset.x-k8s.io/v1", "LeaderWorkerSet",
     ("spec", "leaderWorkerTemplate", "workerTemplate"),
     "spec.leaderWorkerTemplate.workerTemplate"),
    ("ray.io/v1", "RayCluster", ("spec", "workerGroupSpecs", 0, "template"),
     "spec.workerGroupSpecs[0].template"),
]  # fmt: skip


@pytest.mark.parametrize(("api_version", "kind", "path", "field"), WORKLOADS)
def test_pods_are_found_in_every_kind_of_workload(
    api_version: str,
    kind: str,
    path: tuple[str | int, ...],
    field: str,
    directories: Directories,
) -> None:
    def moved(objects: Json) -> None:
        value = objects[DEPLOYMENT]["spec"]["template"]
        value["spec"]["containers"][0]["args"].append("--no-such-option")
        for key in reversed(path):
            value = [value] if isinstance(key, int) else {key: value}
        objects[DEPLOYMENT] |= {"apiVersion": api_version, "kind": kind, **value}

    found = findings_after(directories, moved)

    (finding,) = [item for item in found if item.rule_id == "IRA010"]
    container = CONTAINER.removeprefix(TEMPLATE)
    assert finding.field.startswith(f"{field}{container}.args[")


@pytest.mark.parametrize("wrong", [7, "other", [1], {"a": [1]}], ids=str)
def test_no_field_of_another_type_stops_the_rules(wrong: Any, directories: Directories) -> None:
    items = [*(build(RIGHT) for _, build, _ in SELECTORS), *(build("x") for build, _ in REFERENCES)]
    right, extra = directories[ONE], dict[str, Any]()
    added(*items, *SILENT)(extra)
    for other in with_each_field(replace(right, objects=extra), wrong):
        objects = {DEPLOYMENT: right.objects[DEPLOYMENT], **other.objects}
        directory = replace(other, objects=objects)

        check_objects.check_directory(directory, OUT)
        SelectorIndex.from_json(View(directory, OUT).selector_index.to_json())


# --- the index ------------------------------------------------------------------------------------


def test_an_index_is_read_as_it_was_written(directories: Directories) -> None:
    items = [build(RIGHT) for _, build, _ in SELECTORS]
    own = View(changed(directories, added()), OUT).selector_index
    written = View(changed(directories, added(*items)), OUT).selector_index

    read = SelectorIndex.from_json(written.to_json())

    assert read.targets == written.targets
    assert [each[:-1] for each in read.selectors] == [each[:-1] for each in written.selectors]
    # The directory's own, and those that are added but for the kind that may be wide.
    assert len(read.selectors) == len(own.selectors) + len(SELECTORS) - 1
