"""All objects of a directory as plain values, equal to the output of cdk8s."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any

from ira_manifests.constructs.manifests import (
    companions,
    model_download_job,
    provisioning_request,
    vllm_deployment,
)
from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source
from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.layout import by_file
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.platform import Platform
from ira_manifests.profiles.repositories import Download
from ira_manifests.profiles.schema import ModelProfile

_WORKLOADS = ("Deployment", lws.KIND)


def objects(cell: Cell, *, queued: bool) -> dict[str, Json]:
    """Return the objects of a cell's directory by file name, in the order to apply them."""
    workload = vllm_deployment.objects(cell)
    found = _on_queued_capacity(cell, workload) if queued else list(workload.values())
    (deployment,) = (item for item in found if item["kind"] in _WORKLOADS)
    beside = companions.objects(cell, deployment, queued=queued)
    return _by_file([*found, *beside], cell.platform.namespace)


def sources(cell: Cell, *, queued: bool) -> list[Source]:
    """Return the source of each field of the objects; the last row for a field applies."""
    deployment = vllm_deployment.objects(cell)["Default"]
    beside = companions.sources(cell, deployment, queued=queued)
    found = [*vllm_deployment.sources(cell), *beside]
    return [*found, *provisioning_request.sources(cell)] if queued else found


def download_objects(
    platform: Platform, models: Iterable[ModelProfile], download: Download | None = None
) -> dict[str, Json]:
    """Return the objects of a download's directory by file name, in the order to apply them.

    `download`: what it copies to the platform's bucket. None: the model of the user's file.
    """
    given: dict[str, Any] = {} if download is None else download.options(platform.bucket)
    found = model_download_job.objects(platform, models=models, **given)
    return _by_file(found.values(), platform.download_namespace)


def _by_file(found: Iterable[Json], namespace: str | None) -> dict[str, Json]:
    return by_file([_in_namespace(item, namespace) for item in found] if namespace else found)


def _on_queued_capacity(cell: Cell, workload: dict[str, Json]) -> list[Json]:
    deployment = deepcopy(workload.pop("Default"))
    for pointer, value in provisioning_request.additions(cell, deployment).items():
        _add(deployment, pointer, value)
    made = provisioning_request.objects(cell, cell.workload_name)
    of_template = provisioning_request.computed_template(deployment)
    name = of_template["metadata"]["name"]
    of_request = provisioning_request.computed_request(cell, deployment, name)
    template = _merged(made[provisioning_request.TEMPLATE], of_template)
    request = _merged(made[provisioning_request.REQUEST], of_request)
    return [*workload.values(), deployment, template, request]


def _add(item: Json, pointer: str, value: Any) -> None:
    *parents, key = pointer.split("/")[1:]
    for parent in parents:
        item = item[parent]
    item[key] = value


def _merged(item: Json, computed: Json) -> Json:
    return {**item, **computed, "metadata": {**item["metadata"], **computed["metadata"]}}


def _in_namespace(item: Json, namespace: str) -> Json:
    return {**item, "metadata": {**item["metadata"], "namespace": namespace}}
