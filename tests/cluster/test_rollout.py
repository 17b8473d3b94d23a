"""A changed value rolls the Deployment out once, and on one machine."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from testing.objects import Json
from testing.project import copy_edited
from tests.cluster.api import wait_until
from tests.cluster.cells import directory_of, synth
from tests.cluster.namespace import Namespace
from tests.cluster.objects import has_condition
from tests.cluster.observed import objects_of, serving_pod

CELL = "h100-gemma3-27b"
_REVISION = "deployment.kubernetes.io/revision"


@pytest.fixture
def shorter_context(tmp_path: Path) -> Path:
    """The cell's directory after a user has halved its context in the profile."""
    shorter = ("max_model_len: 131072", "max_model_len: 65536")
    profiles = copy_edited(tmp_path, "h100/gemma3-27b", shorter)
    return synth(tmp_path, "--profiles", profiles) / directory_of(CELL)


def test_a_changed_runtime_value_makes_a_new_config_map_and_one_rollout(
    namespace: Namespace, filled_dist: Path, shorter_context: Path
) -> None:
    namespace.kubectl("apply", "-k", str(filled_dist / directory_of(CELL)))
    old = serving_pod(namespace, "vllm-h100")

    output = namespace.kubectl("apply", "-k", str(shorter_context))

    seen = _pods_seen_until(namespace, lambda: _serves_anew(namespace, old))
    (new,) = namespace.items("pods")
    assert re.search(r"^configmap/ira-model-\S+ created$", output, re.MULTILINE)
    assert "deployment.apps/vllm-h100 configured" in output
    assert _config_of(namespace, old)["MAX_MODEL_LEN"] == "131072"
    assert _config_of(namespace, new)["MAX_MODEL_LEN"] == "65536"
    assert [len(names) for names in seen if len(names) > 1] == []
    assert new["spec"]["nodeName"] == old["spec"]["nodeName"]
    revision = namespace.get("deployments", "vllm-h100")["metadata"]["annotations"][_REVISION]
    assert revision == "2"
    assert len(namespace.items("replicasets")) == 2


def test_deleted_after_a_change_only_the_old_config_map_is_left_as_the_readme_says(
    namespace: Namespace, filled_dist: Path, shorter_context: Path
) -> None:
    namespace.kubectl("apply", "-k", str(filled_dist / directory_of(CELL)))
    old = _config_map_of(serving_pod(namespace, "vllm-h100"))
    namespace.kubectl("apply", "-k", str(shorter_context))

    namespace.kubectl("delete", "-k", str(shorter_context), "--timeout=60s")

    wait_until(lambda: objects_of(namespace) == {f"configmap/{old}"}, f"alone: {old}")


def _config_map_of(pod: Json) -> str:
    """Returns the ConfigMap from which the server reads its values."""
    variables = pod["spec"]["containers"][0]["env"]
    sources = [variable["valueFrom"] for variable in variables if "valueFrom" in variable]
    (name,) = {source["configMapKeyRef"]["name"] for source in sources}
    return str(name)


def _config_of(namespace: Namespace, pod: Json) -> Json:
    values: Json = namespace.get("configmaps", _config_map_of(pod))["data"]
    return values


def _serves_anew(namespace: Namespace, old: Json) -> bool:
    return any(
        has_condition(pod, "Ready") and pod["metadata"]["uid"] != old["metadata"]["uid"]
        for pod in namespace.items("pods")
    )


def _pods_seen_until(namespace: Namespace, is_over: Callable[[], bool]) -> list[set[str]]:
    seen: list[set[str]] = []

    def look() -> bool:
        seen.append({pod["metadata"]["name"] for pod in namespace.items("pods")})
        return is_over()

    wait_until(look, "replaced: the Pod")
    return seen
