"""Makes a control plane look like a cluster of the base platform, and changes its machines."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from testing.objects import Json, objects_in
from tests.cluster import base_platform, stand_ins
from tests.cluster.api import Api, wait_until
from tests.cluster.gke import GPU, NodePool, node, node_pools
from tests.cluster.objects import has_condition

_NODES = "/api/v1/nodes"
_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_STORAGE = "/apis/storage.k8s.io/v1"


def furnish(api: Api, crd_files: Iterable[Path]) -> None:
    """Adds the nodes and all other objects of GKE and the base platform.

    `crd_files`: files of CustomResourceDefinitions, besides the stand-ins for those of GKE.
    """
    policy, binding = base_platform.class_toleration()
    api.create(f"{_ADMISSION}/mutatingadmissionpolicies", policy)
    api.create(f"{_ADMISSION}/mutatingadmissionpolicybindings", binding)
    api.create(f"{_STORAGE}/storageclasses", base_platform.premium_rwo())
    for driver in base_platform.csi_drivers():
        api.create(f"{_STORAGE}/csidrivers", driver)
    add_nodes(api, [node(pool) for pool in node_pools()])
    add_crds(api, crd_files, [base_platform.compute_class_crd(), *stand_ins.crds()])
    for compute_class in base_platform.compute_classes():
        api.create(base_platform.COMPUTE_CLASSES, compute_class)


def add_crds(api: Api, files: Iterable[Path], more: Iterable[Json] = ()) -> None:
    """Adds the CustomResourceDefinitions of files, and more; returns when all kinds are served."""
    crds = [*(each for file in files for each in objects_in(file.read_text())), *more]
    for crd in crds:
        api.create(_CRDS, crd)
    for crd in crds:
        _wait_until_served(api, crd["metadata"]["name"])


def add_nodes(api: Api, nodes: Iterable[Json]) -> None:
    """Adds nodes and returns when Pods can be scheduled on them."""
    names = [api.create(_NODES, manifest)["metadata"]["name"] for manifest in nodes]
    for name in names:
        _wait_until_ready(api, name)


@contextlib.contextmanager
def added_nodes(api: Api, *nodes: Json) -> Iterator[None]:
    """Adds nodes during the block, as if the autoscaler had created them."""
    add_nodes(api, nodes)
    try:
        yield
    finally:
        _delete_nodes(api, nodes)


@contextlib.contextmanager
def removed_nodes(api: Api, *pools: NodePool) -> Iterator[None]:
    """Removes the nodes of some pools during the block."""
    nodes = [node(pool) for pool in pools]
    _delete_nodes(api, nodes)
    try:
        yield
    finally:
        add_nodes(api, nodes)


def occupant(pool: NodePool) -> Json:
    """A Pod that uses all GPUs of the pool's node, without regard to scheduler and taints."""
    name = node(pool)["metadata"]["name"]
    gpus = {"limits": {GPU: str(pool.machine.gpus)}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"occupies-{pool.name}"},
        "spec": {
            "nodeName": name,
            "tolerations": [{"operator": "Exists"}],
            "containers": [{"name": "occupant", "image": "simulated", "resources": gpus}],
        },
    }


def provision_request(api: Api, request: str) -> None:
    """Sets the status of a ProvisioningRequest, given by its path, as the autoscaler on success."""
    conditions = [
        {
            "type": kind,
            "status": "True",
            "reason": kind,
            "message": "simulated",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        for kind in ("Accepted", "Provisioned")
    ]
    api.patch(f"{request}/status", {"status": {"conditions": conditions}})


def _delete_nodes(api: Api, nodes: Iterable[Json]) -> None:
    for manifest in nodes:
        api.delete(f"{_NODES}/{manifest['metadata']['name']}")


def _wait_until_ready(api: Api, name: str) -> None:
    """Waits until a node is Ready and the controllers have removed the taint of new nodes."""

    def ready() -> bool:
        manifest = api.get(f"{_NODES}/{name}")
        taints = {taint["key"] for taint in manifest["spec"].get("taints", [])}
        return has_condition(manifest, "Ready") and "node.kubernetes.io/not-ready" not in taints

    wait_until(ready, f"ready: node {name}")


def _wait_until_served(api: Api, crd: str) -> None:
    wait_until(lambda: has_condition(api.get(f"{_CRDS}/{crd}"), "Established"), f"served: {crd}")
