"""The rule of GPU drivers in rendered objects."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.output.directory import Directory
from ira_manifests.rules import pods, server
from ira_manifests.rules.hit import Hit
from ira_manifests.rules.pods import mapping
from ira_manifests.rules.server import Server
from ira_manifests.vllm import gpu_drivers


def check(directory: Directory) -> Iterator[Hit]:
    """Yield servers for which GKE makes nodes with its default driver, where that may be too old.

    Compute classes of the platform say `latest` themselves; a node pool has its own driver.
    """
    for started in server.started(directory):
        selector = mapping(started.template.spec.get("nodeSelector"))
        if not pods.gpus(started.container) or {queued.COMPUTE_CLASS, queued.NODE_POOL} & set(
            selector
        ):
            continue
        if selector.get(queued.DRIVER) != "latest":
            yield from _default(started)


def _default(started: Server) -> Iterator[Hit]:
    needed = gpu_drivers.needs(str(started.container.get("image")), started.version)
    if needed is None or not needed.more_than_default:
        return
    message = (
        f"the image is built on CUDA {needed.cuda} and needs driver {needed.driver}, and nodes "
    )
    message += f"that GKE makes have its default, which may be {gpu_drivers.GKE_DEFAULT}"
    place = (*started.template.path, "spec", "nodeSelector")
    yield Hit("IRA041", started.template.file, place, message, f"select {queued.DRIVER}: latest")
