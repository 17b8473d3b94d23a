"""Namespaces of constructs: in several charts of one app, and beside that of the profiles."""

from __future__ import annotations

import re

import pytest
from cdk8s import ApiObject, App, Chart

from ira_manifests import (
    Cell,
    InputError,
    ModelDownloadJob,
    ProvisioningRequest,
    VllmDeployment,
    load_matrix,
)

MATRIX = load_matrix()
GEMMA, LLAMA = MATRIX["h100", "gemma3-27b"], MATRIX["h100", "llama3"]


def namespaces(chart: Chart) -> set[str | None]:
    return {item["metadata"].get("namespace") for item in chart.to_json()}


@pytest.mark.parametrize("namespace", ["llm", None])
def test_two_workloads_of_one_name_in_two_charts_of_a_namespace_are_refused(
    namespace: str | None,
) -> None:
    app = App()
    one, two = (Chart(app, name, namespace=namespace) for name in ("one", "two"))
    VllmDeployment(one, "gemma", cell=GEMMA)

    with pytest.raises(InputError, match=r"^two/llama: one/gemma has added the Deployment vllm-"):
        VllmDeployment(two, "llama", cell=LLAMA)


def test_two_downloads_in_two_charts_of_a_namespace_are_refused() -> None:
    app = App()
    one, two = (Chart(app, name, namespace="llm") for name in ("one", "two"))
    ModelDownloadJob(one, "download", platform=MATRIX.platform)

    with pytest.raises(InputError, match=r"^two/download: one/download has added the Job transfer"):
        ModelDownloadJob(two, "download", platform=MATRIX.platform)


def test_the_same_names_in_two_namespaces_or_two_apps_are_fine() -> None:
    app = App()
    for scope in (
        Chart(app, "one", namespace="one"),
        Chart(app, "two", namespace="two"),
        Chart(App(), "one", namespace="one"),
    ):
        VllmDeployment(scope, "vllm", cell=GEMMA)
        ModelDownloadJob(scope, "download", platform=MATRIX.platform)

        assert len(scope.to_json()) == 6


def test_a_workload_that_was_removed_leaves_its_name_to_other_charts() -> None:
    app = App()
    one, two = (Chart(app, name, namespace="llm") for name in ("one", "two"))
    VllmDeployment(one, "gemma", cell=GEMMA)
    one.node.try_remove_child("gemma")

    VllmDeployment(two, "llama", cell=LLAMA)

    assert {item["kind"] for item in two.to_json()} >= {"Deployment"}


def test_nested_charts_are_charts_of_the_app() -> None:
    outer = Chart(App(), "outer", namespace="llm")
    VllmDeployment(outer, "gemma", cell=GEMMA)

    with pytest.raises(InputError, match=r"^outer/inner/llama: outer/gemma has added the Deploym"):
        VllmDeployment(Chart(outer, "inner", namespace="llm"), "llama", cell=LLAMA)


@pytest.fixture
def named() -> Cell:
    """A cell of a matrix that names a namespace."""
    return load_matrix(namespace="llm")["h100", "gemma3-27b"]


def test_a_chart_without_namespace_takes_that_of_the_matrix(named: Cell) -> None:
    chart = Chart(App(), "inference")
    workload = VllmDeployment(chart, "vllm", cell=named, bucket="acme-ira-model")
    ProvisioningRequest(chart, "capacity", workload=workload)
    ModelDownloadJob(chart, "download", platform=named.platform)

    assert namespaces(chart) == {"llm"}
    assert ApiObject.of(workload).metadata.namespace == "llm"


def test_a_chart_of_the_same_namespace_agrees(named: Cell) -> None:
    chart = Chart(App(), "inference", namespace="llm")
    VllmDeployment(chart, "vllm", cell=named)

    assert namespaces(chart) == {"llm"}


def test_a_namespace_of_the_matrix_and_the_same_of_another_chart_are_one(named: Cell) -> None:
    app = App()
    VllmDeployment(Chart(app, "one", namespace="llm"), "gemma", cell=GEMMA)

    with pytest.raises(InputError, match=r"^two/gemma: one/gemma has added"):
        VllmDeployment(Chart(app, "two"), "gemma", cell=named)


def test_a_chart_of_another_namespace_is_told_both(named: Cell) -> None:
    chart = Chart(App(), "inference", namespace="chat")
    message = re.escape(
        "inference/x: the chart's namespace is chat, and that of the profiles is llm; "
        "give the chart this one, or load_matrix(namespace='chat')"
    )
    with pytest.raises(InputError, match=message):
        VllmDeployment(chart, "x", cell=named)
    with pytest.raises(InputError, match=message):
        ModelDownloadJob(chart, "x", platform=named.platform)


def test_a_request_in_a_chart_of_another_namespace_is_told(named: Cell) -> None:
    app = App()
    workload = VllmDeployment(Chart(app, "inference"), "vllm", cell=named)

    with pytest.raises(InputError, match="capacity/x: the chart's namespace is other, and"):
        ProvisioningRequest(Chart(app, "capacity", namespace="other"), "x", workload=workload)
