"""The rule of GPU drivers on the nodes that GKE creates for servers."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.rendered import View
from ira_manifests.rules.view.servers import Server
from ira_manifests.vllm import gpu_drivers

# The platform's compute classes set `latest` themselves; a node pool has its own driver version.
_OWN_DRIVER = {queued.COMPUTE_CLASS, queued.NODE_POOL}


@rule("IRA041", "driver-too-old", Severity.WARNING, DIRECTORY, Needs.RELEASE)
def driver_too_old(view: View) -> Iterator[Finding]:
    """The GPU driver may be too old for the image's CUDA.

    Each release of vLLM's image is built on one CUDA, and needs an NVIDIA driver that knows it:
    CUDA 13, from vLLM 0.20.0 on, needs 580.65.06. Nodes that GKE makes for a Pod get its default
    driver, which has been 535.274.02, unless the Pod selects
    `cloud.google.com/gke-gpu-driver-version: latest`; with the older one the server fails to start.
    `-queued` directories select it, and the platform's compute classes say `latest` themselves. A
    named `queued_node_pool` has the driver that it was made with, which no file here tells, so the
    rule warns of it: look at the pool, and where its driver is `latest`, waive the rule in every
    cell of that GPU type. Images other than vLLM's own, and releases newer than the table, are not
    judged, silently.
    """
    for server in view.servers:
        selector = server.container.template.node_selector
        # GKE makes nodes with GPUs only for Pods that name the accelerator.
        named = queued.ACCELERATOR in selector and not _OWN_DRIVER & selector.keys()
        by_gke = server.container.gpus and named
        if by_gke and selector.get(queued.DRIVER) != "latest":
            yield from _default(view, server)


def _default(view: View, server: Server) -> Iterator[Finding]:
    needed = gpu_drivers.needs(server.container.image, server.release)
    if needed is None or not needed.more_than_default:
        return
    message = (
        f"the image is built on CUDA {needed.cuda} and needs driver {needed.driver}, and nodes "
        f"that GKE makes have its default, which may be {gpu_drivers.GKE_DEFAULT}"
    )
    place = (*server.container.template.path, "spec", "nodeSelector")
    yield view.finding(server.file, place, message, f"select {queued.DRIVER}: latest")
