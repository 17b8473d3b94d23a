"""Several cells in one namespace: which run side by side, and which replace each other."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from testing.project import ROOT
from tests.cluster.cells import directory_of, synth
from tests.cluster.namespace import Namespace
from tests.cluster.observed import changes_in, node_of, serving_pod, wait_until_alone_behind

GEMMA, LLAMA = directory_of("h100-gemma3-27b"), directory_of("h100-llama3")


@pytest.fixture
def dist_of_named_models(tmp_path: Path) -> Path:
    """The output of synth with a Deployment for each model."""
    return synth(tmp_path, "--workload-name", "vllm-{gpu}-{model}")


def test_two_models_of_one_gpu_type_stand_side_by_side_and_answer_for_themselves(
    namespace: Namespace, dist_of_named_models: Path
) -> None:
    for directory in (GEMMA, LLAMA):
        namespace.kubectl("apply", "-k", str(dist_of_named_models / directory))

    for workload in ("vllm-h100-gemma3-27b", "vllm-h100-llama3"):
        wait_until_alone_behind(namespace, workload, serving_pod(namespace, workload))


def test_under_the_default_name_the_second_model_replaces_the_first(
    namespace: Namespace, filled_dist: Path
) -> None:
    namespace.kubectl("apply", "-k", str(filled_dist / GEMMA))
    first = serving_pod(namespace, "vllm-h100")

    namespace.kubectl("apply", "-k", str(filled_dist / LLAMA))

    second = serving_pod(namespace, "vllm-h100")
    assert second["metadata"]["uid"] != first["metadata"]["uid"]
    assert second["spec"]["serviceAccountName"] == "ira-online-gpu-ksa-llama3"
    assert node_of(namespace, second)["metadata"]["name"] != first["spec"]["nodeName"]
    assert len(namespace.items("deployments")) == 1
    wait_until_alone_behind(namespace, "vllm-h100", second)


def test_a_cell_deleted_as_the_docs_say_leaves_its_models_other_cell_whole(
    namespace: Namespace, filled_dist: Path
) -> None:
    page = (ROOT / "docs/operations.md").read_text()
    (command,) = re.findall(r"`kubectl (delete -k dist/\S+ --selector \S+)`", page)
    other = str(filled_dist / directory_of("h200-gemma3-27b"))
    for directory in (str(filled_dist / GEMMA), other):
        namespace.kubectl("apply", "-k", directory)

    namespace.kubectl(*command.replace("dist/", f"{filled_dist}/").split())

    assert [item["metadata"]["name"] for item in namespace.items("deployments")] == ["vllm-h200"]
    assert [item["metadata"]["name"] for item in namespace.items("services")] == ["vllm-h200"]
    assert changes_in(namespace.kubectl("apply", "-k", other)) == []
    namespace.kubectl("rollout", "restart", "deployment/vllm-h200")
    serving_pod(namespace, "vllm-h200")
