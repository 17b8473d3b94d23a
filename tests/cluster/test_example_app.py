"""The example of the library can be applied with `kubectl apply -f`, as its first lines say."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.objects import Json
from testing.project import ROOT, TOKEN
from tests.cluster import gke
from tests.cluster.controlplane import ControlPlane
from tests.cluster.gke import INSTANCE_TYPE
from tests.cluster.miniature import added_nodes, provision_request
from tests.cluster.namespace import Namespace, namespace_on
from tests.cluster.observed import node_of, serving_pod, wait_until_alone_behind

_PRIORITY_CLASSES = "/apis/scheduling.k8s.io/v1/priorityclasses"
# The class that the example's patch names is the user's own.
_HIGH_PRIORITY: Json = {"metadata": {"name": "high-priority"}, "value": 1000}


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """The example's output, in a file."""
    run = subprocess.run(
        [sys.executable, ROOT / "examples/inference_app.py"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    (tmp_path / "inference.yaml").write_text(run.stdout)
    return tmp_path / "inference.yaml"


@pytest.fixture
def llm(cluster: ControlPlane) -> Iterator[Namespace]:
    """The example's namespace, with the objects that the example requires."""
    cluster.api.create(_PRIORITY_CLASSES, _HIGH_PRIORITY)
    try:
        with namespace_on(cluster, "restricted", "llm") as namespace:
            token = f"--from-literal=HUGGING_FACE_TOKEN={TOKEN}"
            namespace.kubectl("create", "secret", "generic", "hugging-face-token-secret", token)
            yield namespace
    finally:
        cluster.api.delete(f"{_PRIORITY_CLASSES}/high-priority")


def test_its_job_completes_and_both_of_its_models_serve(llm: Namespace, manifest: Path) -> None:
    llm.cluster.kubectl("apply", "--filename", str(manifest))

    request = f"{llm.path('provisioningrequests')}/vllm-h100-llama3"
    provision_request(llm.cluster.api, request)
    machine = gke.node(gke.queued_pool("a3-highgpu-4g", "queued"))
    with added_nodes(llm.cluster.api, machine):
        queued = serving_pod(llm, "vllm-h100-llama3")
        ordinary = serving_pod(llm, "vllm-h100-gemma3-27b")
        assert queued["spec"]["nodeName"] == machine["metadata"]["name"]
        assert node_of(llm, ordinary)["metadata"]["labels"][INSTANCE_TYPE] == "a3-highgpu-1g"
        wait_until_alone_behind(llm, "vllm-h100-llama3", queued)
        wait_until_alone_behind(llm, "vllm-h100-gemma3-27b", ordinary)
        llm.kubectl("wait", "--for=condition=Complete", "job/transfer-model-to-gcs")
        llm.clear_pods()
