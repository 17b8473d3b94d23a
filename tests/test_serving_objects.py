"""Objects beside a Deployment: what each field of a cell adds, and what constructs add."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from cdk8s import ApiObject, App, Chart, JsonPatch

import ira_manifests as ira
from ira_manifests import (
    Autoscaling,
    Cell,
    DisruptionBudget,
    InferenceGateway,
    InputError,
    Monitoring,
    NetworkAccess,
    ProfileError,
    ProvisioningRequest,
    VllmDeployment,
    load_matrix,
)
from ira_manifests.constructs.manifests import directory
from ira_manifests.provenance.explained import ExplainedDirectory, directories
from ira_manifests.rendering import render
from ira_manifests.vllm.metrics import metric_name
from testing.objects import Json, the
from testing.project import copy_edited
from testing.serving_objects import with_every_object
from tests.schemas import VERSIONS, validate
from tests.test_readme import blocks

PAGE = "docs/serving-options.md"
ONE = "online-inference-gpu-h100-llama3"
BUILT_IN = ("HorizontalPodAutoscaler", "PodDisruptionBudget", "NetworkPolicy")
OF_GATEWAY = {"InferencePool", "HTTPRoute", "HealthCheckPolicy", "GCPBackendPolicy"}
SELECTOR = {"app.kubernetes.io/name": "vllm", "app.kubernetes.io/instance": "vllm-h100"}


def objects_of(cell: Cell, *, queued: bool = False) -> list[Json]:
    return list(directory.objects(cell, queued=queued).values())


def of_cell(folder: Path, fields: str, subject: str = "h100/llama3") -> list[Json]:
    """The objects of the cell's directory with more fields."""
    edit = ("tensor_parallel: 4", f"{fields}\n    tensor_parallel: 4")
    return objects_of(load_matrix(copy_edited(folder, subject, edit))["h100", "llama3"])


@pytest.fixture
def full(tmp_path: Path) -> Cell:
    return load_matrix(with_every_object(tmp_path))["h100", "llama3"]


# --- the metrics of a release ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "release", "name"),
    # vllm/engine/metrics.py and vllm/v1/metrics/loggers.py of each release. In 0.11.0 the old name
    # needs --show-hidden-metrics-for-version=0.10.
    [
        ("requests_waiting", "0.8.4", "vllm:num_requests_waiting"),
        ("requests_waiting", "0.33.0", "vllm:num_requests_waiting"),
        ("requests_running", "0.26.0", "vllm:num_requests_running"),
        ("kv_cache_usage", "0.8.4", "vllm:gpu_cache_usage_perc"),
        ("kv_cache_usage", "0.10.2", "vllm:gpu_cache_usage_perc"),
        ("kv_cache_usage", "0.11.0rc2", "vllm:kv_cache_usage_perc"),
        ("kv_cache_usage", "0.11.0", "vllm:kv_cache_usage_perc"),
        ("kv_cache_usage", "0.33.0", "vllm:kv_cache_usage_perc"),
    ],
)
def test_a_metric_has_the_name_of_its_release(metric: str, release: str, name: str) -> None:
    assert metric_name(metric, release) == name


# --- the directories of a cell --------------------------------------------------------------------


def test_a_cell_without_the_fields_has_none_of_the_objects() -> None:
    kinds = [item["kind"] for item in objects_of(load_matrix()["h100", "llama3"])]

    assert kinds == ["ServiceAccount", "Service", "Deployment"]


@pytest.mark.parametrize(
    ("fields", "kinds"),
    [
        ("monitoring: {}", {"PodMonitoring"}),
        ("monitoring: {kind: prometheus-operator}", {"PodMonitor"}),
        ("monitoring: {kind: automatic}", set()),
        ("monitoring: {}\n    autoscaling: {max: 2}", {"PodMonitoring", "HorizontalPodAutoscaler"}),
        ("disruption_budget: {max_unavailable: 1}", {"PodDisruptionBudget"}),
        ("network_access: {}", {"NetworkPolicy"}),
        ("gateway: {name: inference}", OF_GATEWAY),
        ("gateway: {name: inference, priority: 1}", {*OF_GATEWAY, "InferenceObjective"}),
    ],
)
def test_each_field_adds_its_own_objects(fields: str, kinds: set[str], tmp_path: Path) -> None:
    found = {item["kind"] for item in of_cell(tmp_path, fields)}

    assert found - {"ServiceAccount", "Service", "Deployment"} == kinds


def test_cdk8s_renders_the_same_objects(tmp_path: Path) -> None:
    matrix = load_matrix(with_every_object(tmp_path))
    cell = matrix["h100", "llama3"]
    rendered = {found.name: found.objects for found in render(matrix, [cell])}

    for name in cell.directories:
        queued = name == cell.queued_directory
        assert json.dumps(directory.objects(cell, queued=queued)) == json.dumps(rendered[name])


@pytest.mark.parametrize("version", VERSIONS)
def test_every_object_of_kubernetes_is_valid(version: str, full: Cell) -> None:
    for kind in BUILT_IN:
        validate(the(objects_of(full), kind), version)


def test_what_selects_pods_selects_those_of_the_workload(full: Cell) -> None:
    objects = objects_of(full)

    assert the(objects, "PodDisruptionBudget")["spec"]["selector"] == {"matchLabels": SELECTOR}
    assert the(objects, "PodMonitoring")["spec"]["selector"] == {"matchLabels": SELECTOR}
    assert the(objects, "InferencePool")["spec"]["selector"] == {"matchLabels": SELECTOR}
    assert the(objects, "NetworkPolicy")["spec"]["podSelector"] == {"matchLabels": SELECTOR}
    for kind in BUILT_IN:
        assert the(objects, kind)["metadata"]["name"] == "vllm-h100"


def test_the_innermost_value_applies(tmp_path: Path) -> None:
    of_all = ("inference:\n", "inference:\n  disruption_budget: {max_unavailable: 1}\n")
    folder = copy_edited(tmp_path, "platform.yaml", of_all)
    models = folder / "models"
    (models / "llama3.yaml").write_text(
        "disruption_budget: {min_available: 50%}\n" + (models / "llama3.yaml").read_text()
    )
    matrix = load_matrix(folder)

    def limit(model: str) -> Json:
        spec: Json = the(objects_of(matrix["h100", model]), "PodDisruptionBudget")["spec"]
        return {key: spec[key] for key in ("minAvailable", "maxUnavailable") if key in spec}

    assert limit("gemma3-27b") == {"maxUnavailable": 1}
    assert limit("llama3") == {"minAvailable": "50%"}


def test_explain_names_the_line_of_each_value(tmp_path: Path) -> None:
    matrix = load_matrix(with_every_object(tmp_path))
    plain, queued = directories(matrix, matrix["h100", "llama3"])
    text = (tmp_path / "profiles/models/llama3.yaml").read_text().splitlines()
    drain = (tmp_path / "profiles/platform.yaml").read_text().splitlines()

    def line(found: ExplainedDirectory, name: str) -> str:
        (value,) = [each for each in found.values if each.name == name]
        file, number = re.findall(r"([\w.-]+):(\d+)", value.source)[0]
        lines = drain if file == "platform.yaml" else text
        return lines[int(number) - 1].strip()

    autoscaling = "autoscaling: {min: 2, max: 4, target: 8, scale_down_seconds: 600}"
    for name in ("min", "max", "metric", "target", "scale_down_seconds"):
        assert line(plain, f"autoscaling.{name}") == autoscaling
    assert line(plain, "monitoring.interval_seconds") == (
        "monitoring: {kind: google, interval_seconds: 30}"
    )
    assert line(plain, "gateway.priority") == "priority: 5"
    assert line(plain, "gateway.draining_seconds") == "drain_seconds: 120"
    assert line(queued, "queued_replicas") == autoscaling
    shown = {each.name: each.value for each in plain.values}
    assert shown["network_access.peers"] == (
        "all Pods in chat; app=evaluation in batch; app=web; 10.1.0.0/16"
    )
    assert shown["gateway.hostnames"] == "llama3.example.com"
    assert shown["gateway.draining_seconds"] == "120"
    assert shown["gateway.endpoint_picker.service"] == "vllm-h100-epp"


# --- the autoscaler -------------------------------------------------------------------------------


def test_the_autoscaler_is_that_of_the_reference_architecture(tmp_path: Path) -> None:
    """GoogleCloudPlatform/accelerated-platforms, docs/…/vllm-with-runai-model-streamer.md."""
    fields = "monitoring: {kind: automatic}\n    autoscaling: {max: 5}"
    spec = the(of_cell(tmp_path, fields), "HorizontalPodAutoscaler")["spec"]

    assert spec == {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "vllm-h100"},
        "minReplicas": 1,
        "maxReplicas": 5,
        "metrics": [
            {
                "type": "Pods",
                "pods": {
                    "metric": {"name": "prometheus.googleapis.com|vllm:num_requests_waiting|gauge"},
                    "target": {"type": "AverageValue", "averageValue": "5"},
                },
            }
        ],
    }


@pytest.mark.parametrize(
    ("monitoring", "more", "name", "target"),
    [
        ("google", "metric: requests_running, target: 100",
         "prometheus.googleapis.com|vllm:num_requests_running|gauge", "100"),
        ("google", "metric: kv_cache_usage, target: 0.8",
         "prometheus.googleapis.com|vllm:kv_cache_usage_perc|gauge", "800m"),
        ("prometheus-operator", "target: 2.5", "vllm:num_requests_waiting", "2500m"),
        ("prometheus-operator", "metric_name: vllm_waiting", "vllm_waiting", "5"),
    ],
)  # fmt: skip
def test_the_metric_is_named_as_its_adapter_serves_it(
    monitoring: str, more: str, name: str, target: str, tmp_path: Path
) -> None:
    fields = f"monitoring: {{kind: {monitoring}}}\n    autoscaling: {{max: 2, {more}}}"
    spec = the(of_cell(tmp_path, fields), "HorizontalPodAutoscaler")["spec"]

    assert spec["metrics"][0]["pods"] == {
        "metric": {"name": name},
        "target": {"type": "AverageValue", "averageValue": target},
    }


def test_an_autoscaled_deployment_has_no_number_of_its_own(full: Cell) -> None:
    assert "replicas" not in the(objects_of(full), "Deployment")["spec"]


def test_on_queued_capacity_the_number_is_fixed(full: Cell) -> None:
    objects = objects_of(full, queued=True)

    assert "HorizontalPodAutoscaler" not in {item["kind"] for item in objects}
    assert the(objects, "Deployment")["spec"]["replicas"] == 2
    assert the(objects, "ProvisioningRequest")["spec"]["podSets"][0]["count"] == 2


# --- clients --------------------------------------------------------------------------------------


def namespace(name: str) -> Json:
    return {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}


def test_nobody_else_is_let_in(tmp_path: Path) -> None:
    spec = the(of_cell(tmp_path, "network_access: {}"), "NetworkPolicy")["spec"]

    assert spec["policyTypes"] == ["Ingress"]
    assert spec["ingress"] == []


def test_named_clients_collectors_and_the_gateway_are_let_in(full: Cell) -> None:
    (rule,) = the(objects_of(full), "NetworkPolicy")["spec"]["ingress"]

    assert rule["ports"] == [{"protocol": "TCP", "port": 8000}]
    assert rule["from"] == [
        namespace("chat"),
        {**namespace("batch"), "podSelector": {"matchLabels": {"app": "evaluation"}}},
        {"podSelector": {"matchLabels": {"app": "web"}}},
        {"ipBlock": {"cidr": "10.1.0.0/16"}},
        namespace("gke-gmp-system"),
        namespace("gmp-system"),
        {"podSelector": {"matchLabels": {"inferencepool": "vllm-h100-epp"}}},
        {"ipBlock": {"cidr": "10.2.0.0/23"}},
        # https://cloud.google.com/load-balancing/docs/health-check-concepts#ip-ranges
        {"ipBlock": {"cidr": "130.211.0.0/22"}},
        {"ipBlock": {"cidr": "35.191.0.0/16"}},
    ]


def test_the_prometheus_of_an_operator_is_let_in(tmp_path: Path) -> None:
    fields = "monitoring: {kind: prometheus-operator, collector_namespace: watch}\n"
    found = of_cell(tmp_path, f"{fields}    network_access: {{}}")

    (rule,) = the(found, "NetworkPolicy")["spec"]["ingress"]
    assert rule["from"] == [namespace("watch")]


# --- the gateway ----------------------------------------------------------------------------------


def test_the_route_leads_from_the_gateway_to_the_pool(full: Cell) -> None:
    objects = objects_of(full)
    route, pool = the(objects, "HTTPRoute")["spec"], the(objects, "InferencePool")["spec"]

    assert route["parentRefs"] == [
        {
            "group": "gateway.networking.k8s.io",
            "kind": "Gateway",
            "name": "inference",
            "namespace": "gateways",
            "sectionName": "https",
        }
    ]
    assert route["hostnames"] == ["llama3.example.com"]
    reference = {"group": "inference.networking.k8s.io", "kind": "InferencePool"}
    assert route["rules"][0]["backendRefs"] == [{**reference, "name": "vllm-h100", "weight": 1}]
    assert pool["targetPorts"] == [{"number": 8000}]
    assert pool["endpointPickerRef"] == {
        "name": "vllm-h100-epp", "port": {"number": 9002}, "failureMode": "FailClose",
    }  # fmt: skip


def test_the_load_balancer_waits_for_long_answers_and_asks_the_servers_health(full: Cell) -> None:
    objects = objects_of(full)
    backend = the(objects, "GCPBackendPolicy")["spec"]

    assert backend["default"]["timeoutSec"] == 300
    assert backend["default"]["connectionDraining"] == {"drainingTimeoutSec": 120}
    assert the(objects, "HTTPRoute")["spec"]["rules"][0]["timeouts"] == {"request": "300s"}
    check = the(objects, "HealthCheckPolicy")["spec"]["default"]["config"]
    assert check == {"type": "HTTP", "httpHealthCheck": {"requestPath": "/health", "port": 8000}}


# --- constructs -----------------------------------------------------------------------------------


@pytest.fixture
def workload(chart: Chart, cell: Cell) -> VllmDeployment:
    return VllmDeployment(chart, "vllm", cell=cell)


def add_all(chart: Chart, workload: VllmDeployment) -> None:
    Autoscaling(chart, "scaling", workload=workload, max=3)
    monitoring = Monitoring(chart, "metrics", workload=workload)
    gateway = InferenceGateway(chart, "gateway", workload=workload, name="inference")
    DisruptionBudget(chart, "budget", workload=workload, max_unavailable=1)
    NetworkAccess(
        chart, "access", workload=workload, peers=[{"namespace": "chat"}], monitoring=monitoring,
        gateway=gateway,
    )  # fmt: skip


@pytest.mark.parametrize("when", ["before", "after"])
def test_objects_follow_the_patches_of_the_deployment(
    when: str, chart: Chart, workload: VllmDeployment
) -> None:
    def patch() -> None:
        container = "/spec/template/spec/containers/0"
        ApiObject.of(workload).add_json_patch(
            JsonPatch.replace("/metadata/name", "mine"),
            JsonPatch.add("/spec/selector/matchLabels/team", "search"),
            JsonPatch.replace(f"{container}/ports/0", {"name": "api", "containerPort": 9000}),
        )

    if when == "before":
        patch()
    add_all(chart, workload)
    if when == "after":
        patch()

    objects = chart.to_json()
    labels = {"matchLabels": {**workload.selector, "team": "search"}}
    autoscaler = the(objects, "HorizontalPodAutoscaler")
    assert autoscaler["spec"]["scaleTargetRef"]["name"] == "mine"
    assert the(objects, "PodMonitoring")["spec"]["selector"] == labels
    assert the(objects, "PodMonitoring")["spec"]["endpoints"][0]["port"] == "api"
    assert the(objects, "PodDisruptionBudget")["spec"]["selector"] == labels
    policy = the(objects, "NetworkPolicy")["spec"]
    assert policy["podSelector"] == labels
    assert policy["ingress"][0]["ports"] == [{"protocol": "TCP", "port": 9000}]
    pool = the(objects, "InferencePool")
    assert pool["spec"]["selector"] == labels
    assert pool["spec"]["targetPorts"] == [{"number": 9000}]
    assert the(objects, "HTTPRoute")["spec"]["rules"][0]["backendRefs"][0]["name"] == "mine"
    own = [item for item in objects if item["kind"] not in ("Service", "ServiceAccount")]
    assert {item["metadata"]["name"] for item in own} == {"mine"}
    assert {item["metadata"]["namespace"] for item in objects} == {"llm"}


def test_patches_of_the_objects_themselves_are_applied_last(
    chart: Chart, workload: VllmDeployment
) -> None:
    scaling = Autoscaling(chart, "scaling", workload=workload, max=3)
    scaling.autoscaler.add_json_patch(JsonPatch.replace("/spec/maxReplicas", 9))

    assert the(chart.to_json(), "HorizontalPodAutoscaler")["spec"]["maxReplicas"] == 9


def test_an_unnamed_port_is_read_by_its_number(chart: Chart, workload: VllmDeployment) -> None:
    Monitoring(chart, "google", workload=workload)
    Monitoring(chart, "operated", workload=workload, kind="prometheus-operator",
               labels={"release": "prometheus"})  # fmt: skip
    ApiObject.of(workload).add_json_patch(
        JsonPatch.remove("/spec/template/spec/containers/0/ports/0/name")
    )

    objects = chart.to_json()
    assert the(objects, "PodMonitoring")["spec"]["endpoints"][0]["port"] == 8000
    monitor = the(objects, "PodMonitor")
    assert monitor["spec"]["podMetricsEndpoints"][0]["portNumber"] == 8000
    assert monitor["metadata"]["labels"]["release"] == "prometheus"


def test_an_autoscaler_takes_the_number_of_pods_from_the_deployment(
    chart: Chart, workload: VllmDeployment
) -> None:
    assert the(chart.to_json(), "Deployment")["spec"]["replicas"] == 1

    Autoscaling(chart, "scaling", workload=workload, max=3)

    assert "replicas" not in the(chart.to_json(), "Deployment")["spec"]


def test_options_come_before_the_fields_of_the_cell(full: Cell) -> None:
    chart = Chart(App(), "chart")
    workload = VllmDeployment(chart, "vllm", cell=full)
    scaling = Autoscaling(chart, "scaling", workload=workload, max=9, target=Decimal("2.5"))
    gateway = InferenceGateway(chart, "gateway", workload=workload, hostnames=["a.example.com"])

    assert (scaling.settings.min, scaling.settings.max) == (2, 9)
    assert scaling.settings.scale_down_seconds == 600
    assert gateway.settings.name == "inference"
    assert the(chart.to_json(), "HTTPRoute")["spec"]["hostnames"] == ["a.example.com"]


@pytest.mark.parametrize(
    ("construct", "options", "message"),
    [
        (Autoscaling, {}, "max is missing; give it as an argument"),
        (Autoscaling, {"min": 4, "max": 2}, "has min 4 above max 2"),
        (Autoscaling, {"max": "4"}, "max is the text '4'; it must be a whole number"),
        (Autoscaling, {"max": 4.5}, "max is the number 4.5; it must be a whole number"),
        (Autoscaling, {"max": 4, "metric": "cpu"}, "metric is the text 'cpu'; it must be one of"),
        (Autoscaling, {"max": 4, "monitoring": "datadog"}, "monitoring is 'datadog'; it must be"),
        (Monitoring, {"kind": "datadog"}, "kind is the text 'datadog'; it must be one of"),
        (Monitoring, {"labels": ["a"]}, "labels is a list; it must be a mapping"),
        (DisruptionBudget, {}, "needs exactly one of max_unavailable and min_available"),
        (DisruptionBudget, {"max_unavailable": "half"}, "max_unavailable 'half' is neither"),
        (NetworkAccess, {"peers": [{}]}, "peers.0 names nobody; set namespace, pods or cidr"),
        (NetworkAccess, {"peers": ["chat"]}, "peers.0 is the text 'chat'; it must be a mapping"),
        (InferenceGateway, {}, "name is missing; give it as an argument"),
        (InferenceGateway, {"name": "a", "hostnames": ["a b"]}, "hostnames.0 'a b' gives names"),
        (InferenceGateway, {"name": "a", "hostnames": "a.b"}, "hostnames is the text 'a.b'; it"),
        (InferenceGateway, {"name": "a", "endpoint_picker": {"x": 1}}, "endpoint_picker.x is unk"),
    ],
)
def test_a_wrong_option_is_named(
    construct: Any, options: dict[str, Any], message: str, chart: Chart, workload: VllmDeployment
) -> None:
    with pytest.raises(InputError) as refusal:
        construct(chart, "it", workload=workload, **options)

    assert str(refusal.value).startswith("inference/it: ")
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("construct", "options", "kind"),
    [
        (Monitoring, {}, "PodMonitoring"),
        (DisruptionBudget, {"min_available": 1}, "PodDisruptionBudget"),
        (NetworkAccess, {}, "NetworkPolicy"),
        (InferenceGateway, {"name": "a"}, "InferencePool"),
    ],
)
def test_a_second_object_of_one_name_is_refused(
    construct: Any, options: dict[str, Any], kind: str, chart: Chart, workload: VllmDeployment
) -> None:
    construct(chart, "first", workload=workload, **options)

    message = f"^inference/more: inference/first has added the {kind} vllm-h100 to this namespace"
    with pytest.raises(InputError, match=message):
        construct(chart, "more", workload=workload, **options)


def test_numbers_of_python_are_taken(chart: Chart, workload: VllmDeployment) -> None:
    Autoscaling(chart, "scaling", workload=workload, max=3, metric="kv_cache_usage", target=0.85)
    DisruptionBudget(chart, "budget", workload=workload, max_unavailable=0)

    objects = chart.to_json()
    pods = the(objects, "HorizontalPodAutoscaler")["spec"]["metrics"][0]["pods"]
    assert pods["target"]["averageValue"] == "850m"
    assert the(objects, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 0


def test_a_second_autoscaler_is_refused(chart: Chart, workload: VllmDeployment) -> None:
    Autoscaling(chart, "scaling", workload=workload, max=3)

    with pytest.raises(InputError, match="inference/vllm has an autoscaler already"):
        Autoscaling(chart, "more", workload=workload, max=3)


def test_an_autoscaler_and_a_request_exclude_each_other(cell: Cell) -> None:
    scaled, queued = (Chart(App(), name) for name in ("scaled", "queued"))
    workload = VllmDeployment(scaled, "vllm", cell=cell)
    Autoscaling(scaled, "scaling", workload=workload, max=3)
    with pytest.raises(InputError, match="has an autoscaler, and a ProvisioningRequest is for a"):
        ProvisioningRequest(scaled, "capacity", workload=workload)

    workload = VllmDeployment(queued, "vllm", cell=cell)
    ProvisioningRequest(queued, "capacity", workload=workload)
    with pytest.raises(InputError, match="consumes a ProvisioningRequest, which is for a fixed"):
        Autoscaling(queued, "scaling", workload=workload, max=3)


def test_the_app_of_the_docs_runs(chart: Chart, cell: Cell) -> None:
    (program,) = blocks("python", PAGE)

    exec(program, {"ira": ira, "chart": chart, "cell": cell})  # noqa: S102 - a page of this project

    kinds = {item["kind"] for item in chart.to_json()}
    assert kinds >= {*BUILT_IN, *OF_GATEWAY, "PodMonitoring"}


def in_an_app(chart: Chart) -> dict[str, Json]:
    return {item["kind"]: item for item in chart.to_json()}


@pytest.mark.parametrize("queued", [False, True])
def test_a_workload_in_an_app_has_all_that_its_directory_has(queued: bool, full: Cell) -> None:
    chart = Chart(App(), "chart")
    workload = VllmDeployment(chart, "vllm", cell=full)
    if queued:
        ProvisioningRequest(chart, "capacity", workload=workload)

    expected = directory.objects(full, queued=queued).values()
    assert in_an_app(chart) == {item["kind"]: item for item in expected}
    assert ira.check(chart) == []


def test_what_an_app_adds_takes_the_place_of_the_cells(full: Cell) -> None:
    chart = Chart(App(), "chart")
    workload = VllmDeployment(chart, "vllm", cell=full)
    kinds = set(in_an_app(chart))

    DisruptionBudget(chart, "mine", workload=workload, min_available=2)
    Autoscaling(chart, "own", workload=workload, max=9)

    objects = in_an_app(chart)
    assert set(objects) == kinds
    assert objects["PodDisruptionBudget"]["spec"]["minAvailable"] == 2
    assert objects["HorizontalPodAutoscaler"]["spec"]["maxReplicas"] == 9


def test_what_is_beside_the_cells_workload_can_be_left_out(full: Cell) -> None:
    chart = Chart(App(), "chart")
    VllmDeployment(chart, "vllm", cell=full, companions=False)

    assert set(in_an_app(chart)) == {"ServiceAccount", "Service", "Deployment"}


def test_what_is_beside_the_workload_can_be_reached_and_patched(full: Cell) -> None:
    chart = Chart(App(), "chart")
    workload = VllmDeployment(chart, "vllm", cell=full)
    scaling = workload.node.find_child("Autoscaling")
    assert isinstance(scaling, Autoscaling)
    scaling.autoscaler.add_json_patch(JsonPatch.replace("/spec/maxReplicas", 7))

    assert in_an_app(chart)["HorizontalPodAutoscaler"]["spec"]["maxReplicas"] == 7


# --- profiles -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [each for each in blocks("yaml", PAGE) if "cells:" not in each])
def test_the_fields_of_the_docs_are_those_of_a_cell(fields: str, tmp_path: Path) -> None:
    plain = objects_of(load_matrix()["h100", "llama3"])

    assert of_cell(tmp_path, fields.strip().replace("\n", "\n    ")) != plain


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("autoscaling: {min: 3, max: 2}", "has min 3 above max 2; min must not exceed max"),
        ("autoscaling: {min: 0, max: 2}", "at least 1"),
        ("autoscaling: {}", "max"),
        ("autoscaling: {max: 2, metric: kv_cache_usage}", "which is a share below 1"),
        ("autoscaling: {max: 2, target: 0.5}", "which is a number of requests"),
        ("autoscaling: {max: 2, metric_name: a/b}", "is not a metric's name"),
        ("monitoring: {interval_seconds: 0}", "at least 5"),
        ("monitoring: {labels: {app.kubernetes.io/name: x}}", "which every object has already"),
        ("disruption_budget: {}", "needs exactly one of max_unavailable and min_available"),
        ("disruption_budget: {max_unavailable: 1, min_available: 1}", "needs exactly one"),
        ("disruption_budget: {max_unavailable: 101%}", "neither a number of Pods such as 1"),
        ("network_access: {peers: [{}]}", "names nobody; set namespace, pods or cidr"),
        ("network_access: {peers: [{cidr: 10.0.0.1/8}]}", "with zeros after the prefix"),
        ("network_access: {peers: [{cidr: 10.0.0.1}]}", "has no prefix length"),
        ("network_access: {peers: [{cidr: 10.0.0.0/8, namespace: a}]}", "write two entries"),
        ("gateway: {}", "name"),
        ("gateway: {name: a, hostnames: [10.0.0.1]}", "is an address"),
        ("gateway: {name: a, hostnames: ['{cell}.example.com']}", "is not a name template"),
        ("gateway: {name: a, timeout_seconds: 0}", "more than 0"),
    ],
)
def test_a_wrong_value_is_refused_at_its_line(fields: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(ProfileError) as refusal:
        of_cell(tmp_path, fields)

    (problem,) = refusal.value.problems
    text = (tmp_path / "profiles/models/llama3.yaml").read_text().splitlines()
    assert fields.partition(":")[0] in text[problem.line - 1]
    assert message in str(refusal.value)
