"""Snapshots of what each construct adds to a user's app. For directories, dist/ shows that."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from cdk8s import App, Chart
from syrupy.assertion import SnapshotAssertion
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from ira_manifests import ModelDownloadJob, ProvisioningRequest, VllmDeployment, load_matrix
from ira_manifests.output.yaml_text import dump


class YamlFile(SingleFileSnapshotExtension):
    _write_mode = WriteMode.TEXT
    file_extension = "yaml"


@pytest.fixture
def yaml_file(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    return snapshot.use_extension(YamlFile)


def chart() -> Any:
    return Chart(App(), "chart", namespace="llm")


def dump_all(objects: Iterable[Any]) -> str:
    return "---\n".join(dump(item) for item in objects)


def test_model_download_job(yaml_file: SnapshotAssertion) -> None:
    scope = chart()
    ModelDownloadJob(
        scope, "download", platform=load_matrix().platform, bucket="acme", model_id="org/name"
    )

    assert dump_all(scope.to_json()) == yaml_file(name="ModelDownloadJob")


def test_vllm_deployment(yaml_file: SnapshotAssertion) -> None:
    scope = chart()
    VllmDeployment(scope, "vllm", cell=load_matrix()["l4", "gemma3-27b"], bucket="acme")

    assert dump_all(scope.to_json()) == yaml_file(name="VllmDeployment")


def test_provisioning_request(yaml_file: SnapshotAssertion) -> None:
    scope = chart()
    workload = VllmDeployment(scope, "vllm", cell=load_matrix()["h200", "llama4-scout"])
    ProvisioningRequest(scope, "capacity", workload=workload)
    objects = [item for item in scope.to_json() if item["kind"] not in ("Service", "Deployment")]

    assert dump_all(objects) == yaml_file(name="ProvisioningRequest")
