"""Cells with a user's own namespace or a user's own model are served too."""

from __future__ import annotations

from pathlib import Path

from testing.project import copy_profiles
from tests.cluster.cells import directory_of, synth
from tests.cluster.gke import INSTANCE_TYPE
from tests.cluster.namespace import Namespace
from tests.cluster.observed import node_of, objects_of, serving_pod
from tests.test_readme import blocks


def test_objects_of_a_named_namespace_need_no_context(
    restricted_namespace: Namespace, tmp_path: Path
) -> None:
    dist = synth(tmp_path, "--namespace", restricted_namespace.name)
    kubectl = restricted_namespace.cluster.kubectl

    for name in ("model-download", directory_of("h100-gemma3-27b")):
        kubectl("apply", "-k", str(dist / name))

    serving_pod(restricted_namespace, "vllm-h100")
    found = objects_of(restricted_namespace)
    assert {"job.batch/transfer-model-to-gcs", "service/vllm-h100"} <= found
    kinds = "all,configmap,secret,serviceaccount,persistentvolumeclaim"
    assert set(kubectl("get", kinds, "--output=name").split()) == {
        "service/kubernetes",
        "configmap/kube-root-ca.crt",
        "serviceaccount/default",
    }


def test_the_new_model_of_the_docs_runs_on_the_smallest_machine_with_its_gpus(
    namespace: Namespace, tmp_path: Path
) -> None:
    profile, *_ = blocks("yaml", "docs/adding-a-model.md")
    (copy_profiles(tmp_path) / "models/qwen3-32b.yaml").write_text(profile)
    dist = synth(tmp_path, "--profiles", tmp_path / "profiles")

    namespace.kubectl("apply", "-k", str(dist / directory_of("h100-qwen3-32b")))

    pod = serving_pod(namespace, "vllm-h100")
    labels = node_of(namespace, pod)["metadata"]["labels"]
    assert labels[INSTANCE_TYPE] == "a3-highgpu-2g"
    assert pod["spec"]["serviceAccountName"] == "ira-online-gpu-ksa-qwen3-32b"
