"""Flux's kustomize-controller on a control plane, and the artifacts that it fetches.

What source-controller would do is done here: it packs a folder, serves it over loopback, and writes
its address and digest to the status of a GitRepository.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from testing.objects import Json
from tests.cluster import binaries
from tests.cluster.api import wait_until
from tests.cluster.controlplane import ControlPlane
from tests.cluster.miniature import add_crds
from tests.cluster.objects import condition
from tests.cluster.programs import ADMIN
from tests.cluster.recipes import FLUX

NAMESPACE = "flux-system"
SOURCE = "flux-system"

_PROGRAM = "kustomize-controller"
_SOURCES = f"/apis/source.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/gitrepositories"
_KUSTOMIZATIONS = f"/apis/kustomize.toolkit.fluxcd.io/v1/namespaces/{NAMESPACE}/kustomizations"


class Flux:
    """A running kustomize-controller with one source."""

    def __init__(self, cluster: ControlPlane, folder: Path, address: str) -> None:
        self.cluster = cluster
        self._folder, self._address, self._revisions = folder, address, 0

    def push(self, tree: Path, within: str = "dist") -> str:
        """Makes a folder the content of the repository; returns the revision.

        `within`: the folder of the repository that holds it.
        """
        packed = _packed(tree, within)
        digest = hashlib.sha256(packed).hexdigest()
        self._revisions += 1
        revision = f"main@sha1:{self._revisions:040x}"
        (self._folder / f"{digest}.tar.gz").write_bytes(packed)
        artifact = {
            "url": f"{self._address}/{digest}.tar.gz",
            "digest": f"sha256:{digest}",
            "revision": revision,
            "path": f"{digest}.tar.gz",
            "lastUpdateTime": "2026-01-01T00:00:00Z",
            "size": len(packed),
        }
        self.cluster.api.patch(f"{_SOURCES}/{SOURCE}/status", {"status": {"artifact": artifact}})
        return revision

    def apply(self, folder: Path) -> None:
        """Applies the Kustomizations of a folder, as the one that bootstraps a cluster does."""
        self.cluster.kubectl("apply", "--filename", str(folder))

    def clear(self) -> None:
        """Deletes all Kustomizations, and waits until what they applied is gone."""
        self.cluster.api.delete(_KUSTOMIZATIONS)
        wait_until(lambda: not self.cluster.api.items(_KUSTOMIZATIONS), "gone: Kustomizations")

    def get(self, name: str) -> Json:
        """Reads a Kustomization."""
        return self.cluster.api.get(f"{_KUSTOMIZATIONS}/{name}")

    def ready(self, name: str) -> Json:
        """Returns the condition Ready of a Kustomization; empty if there is none."""
        return condition(self.get(name), "Ready")

    def wait_for(self, name: str, reason: str, revision: str) -> Json:
        """Waits until a Kustomization is as it is for a reason, at a revision; returns it."""

        def found() -> Json:
            manifest = self.get(name)
            ready = condition(manifest, "Ready")
            status = manifest.get("status", {})
            at = status.get("lastAttemptedRevision")
            return manifest if (ready.get("reason"), at) == (reason, revision) else {}

        try:
            return wait_until(found, f"{reason}: {name}", seconds=60)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it says {self.ready(name)}") from None

    def applied(self, name: str) -> set[str]:
        """The ids of the objects that a Kustomization has applied, without their versions."""
        entries = self.get(name).get("status", {}).get("inventory", {}).get("entries", [])
        return {each["id"] for each in entries}


@contextlib.contextmanager
def running(cluster: ControlPlane, programs: Path) -> Iterator[Flux]:
    """Runs the controller during the block, until the control plane ends it."""
    cluster.kubectl("create", "namespace", NAMESPACE)
    add_crds(cluster.api, binaries.manifests(programs, recipe=FLUX))
    cluster.api.create(_SOURCES, _source())
    folder = cluster.site.folder / "artifacts"
    folder.mkdir()
    with _serving(folder) as address:
        cluster.start_program(_PROGRAM, _command(cluster, programs))
        yield Flux(cluster, folder, address)


def _command(cluster: ControlPlane, programs: Path) -> list[str]:
    return [
        "/usr/bin/env",
        f"KUBECONFIG={cluster.site.kubeconfig(ADMIN)}",
        f"RUNTIME_NAMESPACE={NAMESPACE}",
        str(programs / _PROGRAM),
        "--metrics-addr=0",
        "--health-addr=0",
        "--enable-leader-election=false",
        # Thirty seconds by default.
        "--requeue-dependency=1s",
        "--kube-api-qps=200",
        "--kube-api-burst=400",
    ]


def _source() -> Json:
    return {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": SOURCE},
        "spec": {"url": "https://example.com/acme/serving.git", "interval": "1h"},
    }


def _packed(tree: Path, within: str) -> bytes:
    """Return a folder as an archive, without links: source-controller leaves them out."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w:gz") as archive:
        for path in sorted(tree.rglob("*")):
            inside = path.relative_to(tree).as_posix()
            if path.is_file() and not path.is_symlink():
                archive.add(path, f"{within}/{inside}", recursive=False)
    return content.getvalue()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextlib.contextmanager
def _serving(folder: Path) -> Iterator[str]:
    """Serves a folder on loopback during the block; yields its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
