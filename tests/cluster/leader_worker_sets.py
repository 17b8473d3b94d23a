"""Runs the controller of LeaderWorkerSets on a control plane, as its release installs it."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from pathlib import Path

from testing.objects import Json, objects_in
from tests.cluster import binaries, programs
from tests.cluster.controlplane import ControlPlane
from tests.cluster.miniature import add_crds
from tests.cluster.programs import Site
from tests.cluster.recipes import LEADER_WORKER_SETS, WEBHOOKS
from tests.cluster.scratch import free_port

(_PROGRAM,) = LEADER_WORKER_SETS.programs
_ADMISSION = "/apis/admissionregistration.k8s.io/v1"
_LISTS = {
    "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
}
_OF_A_GROUP = {
    "matchExpressions": [{"key": "leaderworkerset.sigs.k8s.io/name", "operator": "Exists"}]
}


def install(cluster: ControlPlane, folder: Path) -> None:
    """Adds the kinds, the webhooks and the controller. `folder`: what `binaries` finds."""
    files = {each.name: each for each in binaries.manifests(folder, recipe=LEADER_WORKER_SETS)}
    webhooks_file = files.pop(WEBHOOKS)
    add_crds(cluster.api, files.values())
    port = free_port()
    cluster.start_program(_PROGRAM, _controller(cluster.site, folder, port))
    cluster.wait_for(_PROGRAM, lambda: _listens(port))
    for webhooks in _webhooks(cluster.site, webhooks_file, port):
        cluster.api.create(f"{_ADMISSION}/{_LISTS[webhooks['kind']]}", webhooks)


def _controller(site: Site, folder: Path, port: int) -> list[str]:
    """The controller's command line; its own certificates would need a Service."""
    keys = site.folder / "lws"
    keys.mkdir()
    for name, source in (("tls.crt", "server.crt"), ("tls.key", "server.key")):
        (keys / name).symlink_to(site.certificates / source)
    configuration = {
        "apiVersion": "config.lws.x-k8s.io/v1alpha1",
        "kind": "Configuration",
        "webhook": {"host": "127.0.0.1", "port": port, "certDir": str(keys)},
        "internalCertManagement": {"enable": False},
        "leaderElection": {"leaderElect": False},
        "health": {"healthProbeBindAddress": "0"},
        "metrics": {"bindAddress": "0"},
    }
    (keys / "configuration.yaml").write_text(json.dumps(configuration))
    return [
        str(folder / _PROGRAM),
        f"--config={keys / 'configuration.yaml'}",
        f"--kubeconfig={site.kubeconfig(programs.ADMIN)}",
    ]


def _webhooks(site: Site, file: Path, port: int) -> Iterator[Json]:
    """The release's webhooks, at an address of this machine in the place of a Service's.

    Those of Pods are called for the Pods of groups alone: they leave others as they are.
    """
    authority = base64.b64encode((site.certificates / "ca.crt").read_bytes()).decode()
    for configuration in objects_in(file.read_text()):
        configuration["metadata"]["name"] = f"lws-{configuration['kind'].lower()}"
        for webhook in configuration["webhooks"]:
            path = webhook["clientConfig"]["service"]["path"]
            url = f"https://127.0.0.1:{port}{path}"
            webhook["clientConfig"] = {"url": url, "caBundle": authority}
            if webhook["rules"][0]["resources"] == ["pods"]:
                webhook["objectSelector"] = _OF_A_GROUP
        yield configuration


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
