"""Rollouts, spread, volumes and containers that profiles give to a cell's Pod."""

from __future__ import annotations

from pathlib import Path

import pytest

from ira_manifests import load_matrix
from ira_manifests.analysis import node_usage
from ira_manifests.constructs.manifests import directory
from ira_manifests.kubernetes import fields
from ira_manifests.kubernetes.rollout import Rollout, rolling
from ira_manifests.rules import check_cells
from testing.edits import edit_profile
from testing.objects import Json
from testing.project import PROFILES, copy_edited, copy_profiles
from tests.schemas import VERSIONS, validate
from tests.support import ira, line_of
from tools import kubernetes_fields

PLATFORM = """\
inference:
  volumes: [{name: shared, emptyDir: {sizeLimit: 1Gi}}]
  containers: [{name: logs, image: 'busybox:1.37', command: [tail, -f, /dev/null]}]
"""
CELL = """\
    replicas: 2
    strategy: {type: rolling-update, max_surge: 1, max_unavailable: 50%, min_ready_seconds: 30}
    topology_spread:
      - {topology_key: topology.kubernetes.io/zone, when_unsatisfiable: DoNotSchedule}
    volumes: [{name: templates, configMap: {name: chat, defaultMode: 292}}]
    volume_mounts: [{name: templates, mountPath: /templates, readOnly: true}]
    init_containers:
      - name: proxy
        image: envoyproxy/envoy:v1.35.1
        restartPolicy: Always
        resources: {requests: {cpu: 0.5, memory: 256Mi}}
        volumeMounts: [{name: shared, mountPath: /shared}, {name: gcsfuse, mountPath: /model}]
      - name: wait
        image: busybox:1.37
        resources: {limits: {cpu: 1, memory: 1Gi}}
    tensor_parallel: 4
"""


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    folder = copy_profiles(tmp_path)
    edit_profile(folder, "platform.yaml", {"inference:\n": PLATFORM})
    edit_profile(folder, "h100/llama3", {"    tensor_parallel: 4\n": CELL})
    return folder


def objects_of(profiles: Path, *, queued: bool = False) -> dict[str, Json]:
    found = directory.objects(load_matrix(profiles)["h100", "llama3"], queued=queued)
    return {item["kind"]: item for item in found.values()}


def test_the_deployment_has_what_the_profiles_give(profiles: Path) -> None:
    deployment = objects_of(profiles)["Deployment"]
    pod = deployment["spec"]["template"]["spec"]

    assert deployment["spec"]["strategy"] == {
        "type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "50%"},
    }  # fmt: skip
    assert deployment["spec"]["minReadySeconds"] == 30
    assert pod["topologySpreadConstraints"] == [
        {
            "maxSkew": 1,
            "topologyKey": "topology.kubernetes.io/zone",
            "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": deployment["spec"]["selector"],
        }
    ]
    assert [each["name"] for each in pod["containers"]] == [
        "inference-server", "fetch-safetensors", "logs",
    ]  # fmt: skip
    assert [each["name"] for each in pod["initContainers"]] == ["proxy", "wait"]
    assert pod["initContainers"][0]["resources"] == {"requests": {"cpu": 0.5, "memory": "256Mi"}}
    assert {"name": "templates", "configMap": {"name": "chat", "defaultMode": 292}} in pod[
        "volumes"
    ]
    assert {"name": "shared", "emptyDir": {"sizeLimit": "1Gi"}} in pod["volumes"]
    mounts = pod["containers"][0]["volumeMounts"]
    assert mounts[-1] == {"name": "templates", "mountPath": "/templates", "readOnly": True}


def test_the_deadline_of_a_rollout_leaves_time_to_be_ready(profiles: Path) -> None:
    usual = directory.objects(load_matrix(PROFILES)["h100", "llama3"], queued=False)

    later = objects_of(profiles)["Deployment"]["spec"]["progressDeadlineSeconds"]
    assert later == usual["deployment.yaml"]["spec"]["progressDeadlineSeconds"] + 30


def test_the_copy_for_queued_capacity_has_the_same_pod(profiles: Path) -> None:
    objects = objects_of(profiles, queued=True)
    pod, copy = objects["Deployment"]["spec"]["template"], objects["PodTemplate"]["template"]

    for part in ("topologySpreadConstraints", "volumes"):
        assert pod["spec"][part] == copy["spec"][part]
    # What a container only limits is requested as well.
    assert copy["spec"]["initContainers"][1]["resources"]["requests"] == {"cpu": 1, "memory": "1Gi"}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("queued", [False, True])
def test_all_objects_are_valid(queued: bool, version: str, profiles: Path) -> None:
    for item in objects_of(profiles, queued=queued).values():
        validate(item, version)


def test_a_rolling_update_frees_the_gpus_first_unless_it_is_told_otherwise(tmp_path: Path) -> None:
    plain = ("tensor_parallel: 4", "strategy: {type: rolling-update}\n    tensor_parallel: 4")

    spec = objects_of(copy_edited(tmp_path, "h100/llama3", plain))["Deployment"]["spec"]

    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 0, "maxUnavailable": 1}
    assert "minReadySeconds" not in spec


# k8s.io/kubernetes/pkg/controller/deployment/util/deployment_util_test.go, TestResolveFenceposts.
@pytest.mark.parametrize(
    ("surge", "unavailable", "replicas", "expected"),
    [
        ("0%", "0%", 0, (0, 1)),
        ("39%", "39%", 10, (4, 3)),
        (0, 0, 10, (0, 1)),
        ("25%", "25%", 1, (1, 0)),
        (1, 0, 2, (1, 0)),
    ],
)
def test_shares_are_rounded_as_kubernetes_does(
    surge: object, unavailable: object, replicas: int, expected: tuple[int, int]
) -> None:
    assert rolling(surge, unavailable, replicas) == Rollout(*expected)


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ("type: rolling-update, max_surge: 1, max_unavailable: 0",
         "GPUs for 2 Pods are needed, and the ProvisioningRequest is for 1"),
        ("type: rolling-update, max_surge: 25%, max_unavailable: 25%", "GPUs for 2 Pods"),
        ("type: rolling-update, max_surge: 1", ""),
        ("type: recreate", ""),
    ],
)  # fmt: skip
def test_a_rollout_on_queued_capacity_needs_no_more_gpus(
    strategy: str, message: str, tmp_path: Path
) -> None:
    text = f"strategy: {{{strategy}}}\n    tensor_parallel: 4"
    profiles = copy_edited(tmp_path, "h100/llama3", ("tensor_parallel: 4", text))
    matrix = load_matrix(profiles)

    found = check_cells.check_cells(matrix, [matrix["h100", "llama3"]])
    found = [each for each in found if each.rule_id == "IRA055"]
    (check,) = [ira("check", "-p", str(profiles), cwd=tmp_path)]

    assert [message in each.message for each in found] == ([True] if message else [])
    assert check.stdout.count("IRA055") == len(found)


def test_a_rollout_waits_if_gke_adds_no_nodes(tmp_path: Path) -> None:
    text = (
        "strategy: {type: rolling-update, max_unavailable: 0, max_surge: 1}\n    tensor_parallel:"
    )
    profiles = copy_edited(tmp_path, "h100/llama3", ("tensor_parallel:", text))
    gpu = profiles / "gpus/h100.yaml"
    gpu.write_text(gpu.read_text().replace("queued: true", "auto_provisioning_limit: false"))
    matrix = load_matrix(profiles)

    found = check_cells.check_cells(matrix, [matrix["h100", "llama3"]])
    (finding,) = [each for each in found if each.rule_id == "IRA055"]

    assert "GKE adds no nodes of h100" in finding.message
    assert finding.field == "cells.h100.strategy"


def test_what_containers_request_counts_on_the_node(profiles: Path) -> None:
    with_them = load_matrix(profiles)["h100", "llama3"]
    usual = load_matrix(PROFILES)["h100", "llama3"]

    # The init container "wait" needs less than the server, which starts after it has ended.
    more = node_usage.memory(with_them).requests - node_usage.memory(usual).requests
    assert more == 256 * 2**20
    assert node_usage.cpu(with_them).requests - node_usage.cpu(usual).requests == 500


def test_an_init_container_larger_than_all_others_counts_for_the_rest(tmp_path: Path) -> None:
    cell = """init_containers:
      - {name: proxy, image: 'a:1', restartPolicy: Always, resources: {requests: {cpu: 2}}}
      - {name: big, image: 'a:1', resources: {requests: {cpu: 90}}}
    tensor_parallel: 4"""
    profiles = copy_edited(tmp_path, "h100/llama3", ("tensor_parallel: 4", cell))
    usage = node_usage.cpu(load_matrix(profiles)["h100", "llama3"])
    system = usage.asked[-1].size

    # 250m of Cloud Storage FUSE, which GKE starts first.
    assert usage.requests - system == 90_000 + 2_000 + 250


IN_MEMORY = """volumes:
      - {name: limited, emptyDir: {medium: Memory, sizeLimit: 10Gi}}
      - {name: scratch, emptyDir: {medium: Memory, sizeLimit: 20Gi}}
      - {name: endless, emptyDir: {medium: Memory}}
      - {name: disk, emptyDir: {sizeLimit: 100Gi}}
    containers:
      - name: a
        image: 'a:1'
        resources: {limits: {memory: 12Gi}}
        volumeMounts: [{name: limited, mountPath: /l}]
      - name: b
        image: 'b:1'
        volumeMounts:
          - {name: scratch, mountPath: /s}
          - {name: endless, mountPath: /e}
          - {name: disk, mountPath: /d}
    tensor_parallel: 4"""


def test_volumes_in_memory_count_where_no_request_includes_them(tmp_path: Path) -> None:
    """They count as memory of the container that writes; kubernetes.io, volumes, emptyDir."""
    usual = node_usage.memory(load_matrix(PROFILES)["h100", "llama3"])
    copy_edited(tmp_path, "h100/llama3", ("tensor_parallel: 4", IN_MEMORY))
    cell = load_matrix(tmp_path / "profiles")["h100", "llama3"]
    found = node_usage.memory(cell)

    assert found.requests - usual.requests == 12 * 2**30
    assert found.beside - usual.beside == 20 * 2**30
    shown = ira("explain", "h100/llama3", cwd=tmp_path).stdout
    assert "20.00 GiB  volumes in memory" in shown
    assert "The volume endless in memory is not counted: it has no sizeLimit." in shown


def test_the_finding_names_the_container_that_does_not_fit(tmp_path: Path) -> None:
    cell = """containers:
      - {name: router, image: 'a:1', resources: {requests: {cpu: 60}}}
    tensor_parallel: 4"""
    profiles = copy_edited(tmp_path, "h100/llama3", ("tensor_parallel: 4", cell))
    matrix = load_matrix(profiles)

    found = check_cells.check_cells(matrix, [matrix["h100", "llama3"]])
    (finding,) = [each for each in found if each.rule_id == "IRA006"]

    assert "+ router 60 +" in finding.message


@pytest.mark.parametrize(
    ("field", "line"),
    [
        ("spec.template.spec.volumes[6].emptyDir.sizeLimit", "  volumes: [{name: shared"),
        ("spec.template.spec.containers[2].image", "  containers: [{name: logs"),
        ("spec.template.spec.initContainers[1].image", "      - name: wait"),
        ("spec.strategy.rollingUpdate.maxUnavailable", "    strategy: {type: rolling-update"),
        ("spec.template.spec.topologySpreadConstraints[0].maxSkew", "      - {topology_key:"),
    ],
)
def test_explain_names_the_line_that_decides(field: str, line: str, profiles: Path) -> None:
    assert line_of(f"Deployment {field}", profiles).startswith(line)


def test_the_table_of_fields_is_that_of_the_published_schemas() -> None:
    assert fields.TABLE.read_text() == kubernetes_fields.text()
