"""Cells of several nodes, on the real controller of LeaderWorkerSets and its webhooks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from testing.kubectl import kustomize
from testing.objects import Json, objects_in, the
from testing.project import copy_edited
from tests.cluster.api import wait_until
from tests.cluster.cells import directory_of, synth
from tests.cluster.controlplane import ControlPlane
from tests.cluster.gke import INSTANCE_TYPE, class_pool, node
from tests.cluster.kubectl import KubectlError
from tests.cluster.miniature import added_nodes
from tests.cluster.namespace import Namespace, namespace_on
from tests.cluster.objects import has_condition
from tests.cluster.observed import changes_in, node_of, wait_until_alone_behind

CELL, NAME = "h100-llama3", "vllm-h100"
LEADER, WORKER = "vllm-h100-0", "vllm-h100-0-1"
FIELDS = """tensor_parallel: 8
    pipeline_parallel: 2
    nodes: 2"""
SCALED = f"""{FIELDS}
    monitoring: {{kind: google}}
    autoscaling: {{min: 2, max: 3}}"""
GROUP = {"leaderworkerset.sigs.k8s.io/name": NAME}


@pytest.fixture(scope="module")
def machines(with_lws: ControlPlane) -> Iterator[ControlPlane]:
    """Machines for two groups, beside the one of the miniature."""
    pool = class_pool("gpu-h100-80gb-high-x8")
    with added_nodes(with_lws.api, *(node(pool, number) for number in (1, 2, 3))):
        yield with_lws


@pytest.fixture
def several(machines: ControlPlane) -> Iterator[Namespace]:
    """A namespace that enforces Pod Security `restricted`, with machines for the cell."""
    with namespace_on(machines, "restricted") as made:
        yield made
        made.cluster.api.delete(made.path("leaderworkersets"))


def written(folder: Path, fields: str = FIELDS) -> Path:
    """The directory of the cell with these fields."""
    profiles = copy_edited(folder, "h100/llama3", ("tensor_parallel: 4", fields))
    # Alone: as a Deployment, another cell of the GPU type can't have the name of the group.
    return synth(folder, "--profiles", profiles, "--only", "h100/llama3") / directory_of(CELL)


def served(namespace: Namespace, directory: Path) -> dict[str, Json]:
    """Apply the directory, wait until its groups serve, and return the Pods by name."""
    namespace.kubectl("apply", "-k", str(directory))
    return available(namespace)


def available(namespace: Namespace) -> dict[str, Json]:
    def is_available() -> bool:
        return has_condition(namespace.get("leaderworkersets", NAME), "Available")

    wait_until(is_available, f"available: {NAME}")
    return pods_of(namespace)


def pods_of(namespace: Namespace) -> dict[str, Json]:
    return {pod["metadata"]["name"]: pod for pod in namespace.items("pods", **GROUP)}


def variables(pod: Json) -> Mapping[str, str]:
    (server,) = [each for each in pod["spec"]["containers"] if each["name"] == "inference-server"]
    return {item["name"]: item["value"] for item in server["env"] if "value" in item}


def test_a_group_serves_with_each_pod_on_a_machine_of_its_own(
    several: Namespace, tmp_path: Path
) -> None:
    directory = written(tmp_path)
    pods = served(several, directory)

    assert set(pods) == {LEADER, WORKER}
    nodes = [node_of(several, pod)["metadata"] for pod in pods.values()]
    assert {each["labels"][INSTANCE_TYPE] for each in nodes} == {"a3-highgpu-8g"}
    assert len({each["name"] for each in nodes}) == 2
    wait_until_alone_behind(several, NAME, pods[LEADER])
    assert changes_in(several.kubectl("apply", "-k", str(directory))) == []


def test_the_workers_find_their_leader_before_it_is_ready(
    several: Namespace, tmp_path: Path
) -> None:
    pods = served(several, written(tmp_path))

    found = [variables(pods[name]) for name in (LEADER, WORKER)]
    assert [each["LWS_WORKER_INDEX"] for each in found] == ["0", "1"]
    assert {each["LWS_GROUP_SIZE"] for each in found} == {"2"}
    (address,) = {each["LWS_LEADER_ADDRESS"] for each in found}
    hostname, service, name = address.split(".")
    assert name == several.name
    assert pods[LEADER]["spec"]["hostname"] == hostname
    assert pods[LEADER]["spec"]["subdomain"] == service
    spec = several.get("services", service)["spec"]
    assert spec["clusterIP"] == "None"
    assert spec["publishNotReadyAddresses"]
    assert [hostname, LEADER] in _named_endpoints(several, service)


def test_a_shared_service_would_be_the_workloads_own(several: Namespace, tmp_path: Path) -> None:
    """What IRA017 says of it."""
    objects = objects_in(kustomize(written(tmp_path)))
    del the(objects, "LeaderWorkerSet")["spec"]["networkConfig"]
    several.apply(*objects)
    pods = available(several)

    address = variables(pods[LEADER])["LWS_LEADER_ADDRESS"]
    service = several.get("services", address.split(".")[1])
    assert service["metadata"]["name"] == NAME
    assert service["spec"]["clusterIP"] != "None"
    assert not service["spec"].get("publishNotReadyAddresses")


def test_a_container_that_restarts_takes_its_group_with_it(
    several: Namespace, tmp_path: Path
) -> None:
    before = served(several, written(tmp_path))
    statuses = before[WORKER]["status"]["containerStatuses"]
    statuses[0]["restartCount"] = 1

    path = f"{several.path('pods')}/{WORKER}/status"
    several.cluster.api.patch(path, {"status": {"containerStatuses": statuses}})

    _wait_until_replaced(several, before)


def test_a_changed_value_replaces_the_group(several: Namespace, tmp_path: Path) -> None:
    directory = written(tmp_path)
    before = served(several, directory)
    values = directory / "vllm-runtime-config.env"
    values.write_text(values.read_text().replace("MAX_MODEL_LEN=131072", "MAX_MODEL_LEN=65536"))

    several.kubectl("apply", "-k", str(directory))

    _wait_until_replaced(several, before)


def test_an_autoscaler_changes_the_number_of_groups(several: Namespace, tmp_path: Path) -> None:
    several.kubectl("apply", "-k", str(written(tmp_path, SCALED)))

    # Without any metric, the autoscaler still raises the number to its minimum.
    wait_until(lambda: len(pods_of(several)) == 4, f"two groups: {NAME}", seconds=90)
    status = several.get("horizontalpodautoscalers", NAME)
    assert status["spec"]["scaleTargetRef"]["kind"] == "LeaderWorkerSet"
    assert several.get("leaderworkersets", NAME)["spec"]["replicas"] == 2
    wait_until(
        lambda: all(has_condition(pod, "Ready") for pod in pods_of(several).values()),
        f"ready: the Pods of {NAME}",
    )


def test_it_is_applied_on_the_server_and_deleted_with_all_that_it_made(
    several: Namespace, tmp_path: Path
) -> None:
    directory = written(tmp_path)
    several.kubectl("apply", "--server-side", "-k", str(directory))
    available(several)

    several.kubectl("delete", "-k", str(directory))

    def left() -> list[Json]:
        made = ("pods", "statefulsets", "services")
        return [item for resource in made for item in several.items(resource)]

    wait_until(lambda: not left(), f"gone: all of {NAME}")


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("networkConfig.subdomainPolicy", "Own", "Unsupported value"),
        ("startupPolicy", "WorkersReady", "Unsupported value"),
        ("leaderWorkerTemplate.size", 0, "size must be equal or greater than 1"),
        ("leaderWorkerTemplate.restartPolicy", "Always", "Unsupported value"),
        ("leaderWorkerTemplate.subGroupSize", 2, 'unknown field "subGroupSize"'),
        ("leaderWorkerTemplate.leaderTemplate.spec.priorityClass", "x",
         'unknown field "priorityClass"'),
        ("rolloutStrategy.rollingUpdateConfiguration.maxUnavailable", 0,
         "must not be 0 when `maxSurge` is 0"),
    ],
)  # fmt: skip
def test_a_mutation_that_breaks_a_constraint_is_refused(
    several: Namespace, tmp_path: Path, path: str, value: object, message: str
) -> None:
    objects = objects_in(kustomize(written(tmp_path)))
    workload = the(objects, "LeaderWorkerSet")
    *parents, last = path.split(".")
    part = workload["spec"]
    for each in parents:
        part = part[each]
    part[last] = value
    with pytest.raises(KubectlError, match=message):
        several.apply(workload)


def _named_endpoints(namespace: Namespace, service: str) -> list[list[str]]:
    slices = namespace.items("endpointslices", **{"kubernetes.io/service-name": service})
    return [
        [endpoint.get("hostname", ""), endpoint["targetRef"]["name"]]
        for one in slices
        for endpoint in one["endpoints"] or []
    ]


def _wait_until_replaced(namespace: Namespace, before: Mapping[str, Json]) -> None:
    def replaced() -> bool:
        now = pods_of(namespace)
        return now.keys() == before.keys() and all(
            pod["metadata"]["uid"] != before[name]["metadata"]["uid"]
            and has_condition(pod, "Ready")
            for name, pod in now.items()
        )

    wait_until(replaced, f"replaced: the Pods of {NAME}", seconds=90)
