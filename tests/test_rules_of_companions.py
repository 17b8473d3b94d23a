"""Rules of autoscalers, budgets, network policies and routes beside a Deployment."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from ira_manifests import load_matrix
from ira_manifests.output.directory import Directory
from ira_manifests.rendering import render
from ira_manifests.rules import check_cells, check_objects
from ira_manifests.rules.finding import Finding
from testing.edits import edit_profile
from testing.project import PROFILES, copy_edited, copy_profiles
from testing.serving_objects import with_every_object
from tests.breaking import ONE, OUT

Objects = dict[str, Any]
SCALER, BUDGET = "horizontal-pod-autoscaler.yaml", "pod-disruption-budget.yaml"
POLICY = "network-policy.yaml"


# --- rendered objects -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Directory]:
    """The directories of a cell with every object, by the kind of monitoring."""
    found = {}
    for kind in ("google", "prometheus-operator"):
        matrix = load_matrix(with_every_object(tmp_path_factory.mktemp(kind), kind))
        rendered = render(matrix, [matrix["h100", "llama3"]])
        found[kind] = next(each for each in rendered if each.name == ONE)
    return found


@dataclass(frozen=True)
class Break:
    """A change of the objects after which a rule fires at a field of a file."""

    file: str
    field: str
    message: str
    change: Callable[[Objects], Any]
    monitoring: str = "google"


def spec(objects: Objects, file: str) -> Any:
    return objects[file]["spec"]


def only(*peers: Objects) -> Callable[[Objects], Any]:
    """Let these clients in and no others."""
    return lambda objects: spec(objects, POLICY)["ingress"][0].update({"from": list(peers)})


CHAT = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "chat"}}}
WEB = {"podSelector": {"matchLabels": {"app": "web"}}}
PROXIES = {"ipBlock": {"cidr": "10.2.0.0/23"}}
HEALTH_CHECKS = {"ipBlock": {"cidr": "35.191.0.0/16"}}

BREAKS = {
    "IRA035": [
        Break("inference-pool.yaml", "spec.targetPorts[0].number",
              "the InferencePool uses port 8080, and the Pods have 8000, metrics",
              lambda objects: spec(objects, "inference-pool.yaml").update(
                  targetPorts=[{"number": 8080}])),
        Break("pod-monitoring.yaml", "spec.endpoints[0].port",
              "the PodMonitoring uses port http, and the Pods have 8000, metrics",
              lambda objects: spec(objects, "pod-monitoring.yaml")["endpoints"][0].update(
                  port="http")),
        Break("pod-monitor.yaml", "spec.podMetricsEndpoints[0].portNumber",
              "the PodMonitor uses port 9000, and the Pods have 8000, metrics",
              lambda objects: spec(objects, "pod-monitor.yaml").update(
                  podMetricsEndpoints=[{"portNumber": 9000}]), "prometheus-operator"),
    ],
    "IRA051": [
        Break("deployment.yaml", "spec.replicas", "each apply sets 1 replicas again",
              lambda objects: spec(objects, "deployment.yaml").update(replicas=1)),
    ],
    "IRA052": [
        Break(BUDGET, "spec.maxUnavailable", "maxUnavailable 0 of 2 Pods allows no eviction",
              lambda objects: spec(objects, BUDGET).update(maxUnavailable=0)),
        Break(BUDGET, "spec.maxUnavailable", "maxUnavailable 0% of 2 Pods allows no eviction",
              lambda objects: spec(objects, BUDGET).update(maxUnavailable="0%")),
        Break(BUDGET, "spec.minAvailable", "minAvailable 2 of 2 Pods allows no eviction",
              lambda objects: spec(objects, BUDGET).update(maxUnavailable=None, minAvailable=2)),
        # 51% of 2 are 2, rounded up.
        Break(BUDGET, "spec.minAvailable", "minAvailable 51% of 2 Pods allows no eviction",
              lambda objects: spec(objects, BUDGET).update(
                  maxUnavailable=None, minAvailable="51%")),
        Break(BUDGET, "spec.minAvailable", "minAvailable 1 of 1 Pod allows no eviction",
              lambda objects: (objects.pop(SCALER),
                               spec(objects, BUDGET).update(
                                   maxUnavailable=None, minAvailable=1))),
    ],
    "IRA053": [
        Break(POLICY, "spec.ingress", "nobody can connect to vllm-h100",
              lambda objects: spec(objects, POLICY).update(ingress=[])),
        Break(POLICY, "spec.ingress", "the collector of the PodMonitoring vllm-h100 is not let in",
              lambda objects: (only(WEB)(objects), objects.pop("inference-pool.yaml"))),
        Break(POLICY, "spec.ingress", "the collector of the PodMonitor vllm-h100 is not let in",
              lambda objects: (only(WEB)(objects), objects.pop("inference-pool.yaml")),
              "prometheus-operator"),
        Break(POLICY, "spec.ingress", "the load balancer of the InferencePool vllm-h100",
              only(CHAT, WEB, HEALTH_CHECKS)),
        Break(POLICY, "spec.ingress", "the collector of the PodMonitoring",
              lambda objects: spec(objects, POLICY)["ingress"][0].update(
                  ports=[{"port": 9090, "protocol": "TCP"}])),
    ],
}  # fmt: skip


def found_in(right: Directory, change: Callable[[Objects], Any]) -> list[Finding]:
    objects = copy.deepcopy(dict(right.objects))
    change(objects)
    return check_objects.check_directory(replace(right, objects=objects), OUT)


@pytest.mark.parametrize(
    ("rule", "item"),
    [pytest.param(rule, item, id=f"{rule}-{n}")
     for rule, items in BREAKS.items() for n, item in enumerate(items)],
)  # fmt: skip
def test_a_rule_fires_at_its_field(rule: str, item: Break, full: dict[str, Directory]) -> None:
    right = full[item.monitoring]
    assert check_objects.check_directory(right, OUT) == []

    found = found_in(right, item.change)

    place = (rule, f"dist/{ONE}/{item.file}", item.field)
    messages = [each.message for each in found if (each.rule_id, each.file, each.field) == place]
    assert any(item.message in each for each in messages), found
    assert all(each.hint for each in found)


@pytest.mark.parametrize(
    "change",
    [
        lambda objects: spec(objects, BUDGET).update(maxUnavailable="1%"),
        lambda objects: spec(objects, BUDGET).update(maxUnavailable=None, minAvailable="50%"),
        lambda objects: spec(objects, BUDGET).update(maxUnavailable=None, minAvailable=1),
        only(CHAT, PROXIES),
        lambda objects: spec(objects, POLICY).update(ingress=[{}]),
        lambda objects: spec(objects, POLICY).update(policyTypes=["Egress"], ingress=[]),
        lambda objects: spec(objects, POLICY)["ingress"][0].update(ports=[{"port": "metrics"}]),
        lambda objects: spec(objects, POLICY)["ingress"][0].update(
            ports=[{"port": 1, "endPort": 9000}]
        ),
        # Another policy may let in whom the first one does not.
        lambda objects: (
            only(WEB)(objects),
            objects.update(
                {
                    "more.yaml": {
                        **objects[POLICY],
                        "metadata": {"name": "more"},
                        "spec": {
                            **spec(objects, POLICY),
                            "ingress": [{"from": [CHAT, PROXIES]}],
                        },
                    }
                }
            ),
        ),
    ],
)
def test_what_lets_pods_go_and_clients_in_is_no_finding(
    change: Callable[[Objects], Any], full: dict[str, Directory]
) -> None:
    assert found_in(full["google"], change) == []


def test_a_selector_of_another_workload_is_found_in_every_kind(
    full: dict[str, Directory],
) -> None:
    for file, path in {
        BUDGET: "selector", POLICY: "podSelector", "pod-monitoring.yaml": "selector",
        "inference-pool.yaml": "selector",
    }.items():  # fmt: skip

        def other(objects: Objects, file: str = file, path: str = path) -> None:
            labels = spec(objects, file)[path]["matchLabels"]
            labels["app.kubernetes.io/instance"] = "vllm-l4"

        found = found_in(full["google"], other)
        assert ("IRA037", f"dist/{ONE}/{file}") in {(each.rule_id, each.file) for each in found}


# --- profiles -------------------------------------------------------------------------------------


def of_cells(folder: Path) -> list[Finding]:
    matrix = load_matrix(folder)
    return [
        each
        for each in check_cells.check_cells(matrix, matrix.values())
        if each.rule_id in OF_PROFILES
    ]


OF_PROFILES = ("IRA050", "IRA051", "IRA054")


def test_the_shipped_profiles_are_silent() -> None:
    assert of_cells(PROFILES) == []


@pytest.mark.parametrize(
    ("fields", "rule", "field", "message"),
    [
        ("autoscaling: {max: 2}", "IRA050", "cells.h100.autoscaling",
         "nobody collects requests_waiting"),
        ("replicas: 3\n    monitoring: {}\n    autoscaling: {max: 2}", "IRA051",
         "cells.h100.replicas", "replicas: 3 is not used"),
    ],
)  # fmt: skip
def test_a_rule_of_cells_fires_at_its_field(
    fields: str, rule: str, field: str, message: str, tmp_path: Path
) -> None:
    edit = ("tensor_parallel: 4", f"{fields}\n    tensor_parallel: 4")
    (finding,) = of_cells(copy_edited(tmp_path, "h100/llama3", edit))

    assert (finding.rule_id, finding.field, finding.cell) == (rule, field, "h100/llama3")
    assert message in finding.message
    line = (tmp_path / "profiles/models/llama3.yaml").read_text().splitlines()[finding.line - 1]
    assert line.strip().startswith(field.rpartition(".")[2])


@pytest.mark.parametrize("monitoring", ["{}", "{kind: automatic}", "{kind: prometheus-operator}"])
def test_with_a_collector_of_any_kind_the_metric_is_collected(
    monitoring: str, tmp_path: Path
) -> None:
    fields = f"monitoring: {monitoring}\n    autoscaling: {{max: 2}}\n    tensor_parallel: 4"

    assert of_cells(copy_edited(tmp_path, "h100/llama3", ("tensor_parallel: 4", fields))) == []


def test_a_field_of_the_platform_is_reported_once_at_its_line(tmp_path: Path) -> None:
    of_all = ("inference:\n", "inference:\n  autoscaling: {max: 2}\n")
    folder = copy_edited(tmp_path, "platform.yaml", of_all)

    places = {(each.file, each.line) for each in of_cells(folder)}

    (place,) = places
    assert place[0].endswith("platform.yaml")
    line = (folder / "platform.yaml").read_text().splitlines()[place[1] - 1]
    assert line.strip() == "autoscaling: {max: 2}"


def behind_one_gateway(folder: Path, hostnames: str, *, apart: bool) -> list[Finding]:
    profiles = copy_profiles(folder)
    gateway = f"inference:\n  gateway: {{name: inference, hostnames: {hostnames}}}\n"
    edits = {"inference:\n": gateway}
    if apart:
        edits["workload_name: vllm-{gpu}"] = "workload_name: vllm-{gpu}-{model}"
    edit_profile(profiles, "platform.yaml", edits)
    return of_cells(profiles)


def test_two_models_under_one_hostname_are_found(tmp_path: Path) -> None:
    found = behind_one_gateway(tmp_path, "[llm.example.com]", apart=True)

    assert {each.rule_id for each in found} == {"IRA054"}
    assert "behind the Gateway inference under the hostname llm.example.com" in found[0].message


@pytest.mark.parametrize(
    ("hostnames", "apart"),
    [("['{gpu}-{model}.example.com']", True), ("['{gpu}.example.com']", False)],
)
def test_models_under_their_own_hostnames_are_no_finding(
    hostnames: str, apart: bool, tmp_path: Path
) -> None:
    assert behind_one_gateway(tmp_path, hostnames, apart=apart) == []
