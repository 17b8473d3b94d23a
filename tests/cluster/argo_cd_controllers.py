"""Argo CD's controllers on a control plane, and the Git repository that they read.

Its server, its web pages and its notifications do not run. In the place of Redis is an emulation in
memory, and in that of kustomize, which is of the same code, kubectl.
"""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import yaml

from testing.kubectl import KUBECTL
from testing.objects import Json
from tests.cluster import binaries
from tests.cluster.api import wait_until
from tests.cluster.controlplane import ControlPlane
from tests.cluster.miniature import add_crds
from tests.cluster.programs import ADMIN
from tests.cluster.recipes import ARGO_CD
from tests.cluster.scratch import free_port

NAMESPACE = "argocd"

_LISTS = f"/apis/argoproj.io/v1alpha1/namespaces/{NAMESPACE}"
_SETS, _APPLICATIONS = f"{_LISTS}/applicationsets", f"{_LISTS}/applications"
_PROGRAM = "argocd"
_REFRESH = "argocd.argoproj.io/refresh"
_REFRESH_SET = "argocd.argoproj.io/application-set-refresh"


class ArgoCd:
    """Running controllers, and a repository with one branch."""

    def __init__(self, cluster: ControlPlane, folder: Path) -> None:
        self.cluster = cluster
        self.repository = folder / "repository"
        self.repository.mkdir()
        self._git("init", "--quiet", "--initial-branch=main")

    def push(self, tree: Path, within: str = "dist") -> str:
        """Commits a folder as the content of the repository; returns the commit.

        `within`: the folder of the repository that holds it.
        """
        place = self.repository / within
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(tree, place, symlinks=True)
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message=change")
        return self._git("rev-parse", "HEAD")

    def apply(self, manifest: Json) -> None:
        """Applies an ApplicationSet; its repository is the one here."""
        text = yaml.safe_dump(manifest)
        address = manifest["spec"]["generators"][0]["git"]["repoURL"]
        text = text.replace(address, f"file://{self.repository}")
        self.cluster.kubectl("apply", "--validate=strict", "--filename=-", stdin=text)

    def refresh(self) -> None:
        """Makes the controllers look at the repository now, as a webhook of Git does."""
        for path, key, value in ((_SETS, _REFRESH_SET, "true"), (_APPLICATIONS, _REFRESH, "hard")):
            for each in self.cluster.api.items(path):
                changes = {"metadata": {"annotations": {key: value}}}
                self.cluster.api.patch(f"{path}/{each['metadata']['name']}", changes)

    @contextlib.contextmanager
    def tracking_by_label(self) -> Iterator[None]:
        """Lets Argo CD know its objects by a label during the block, the default before 3.0."""
        self._configure("application.resourceTrackingMethod", "label")
        try:
            yield
        finally:
            self.clear()
            self._configure("application.resourceTrackingMethod", None)

    def _configure(self, key: str, value: str | None) -> None:
        path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/argocd-cm"
        self.cluster.api.patch(path, {"data": {key: value}})

    def clear(self) -> None:
        """Deletes all Applications, and waits until what they applied is gone."""
        self.cluster.api.delete(_SETS)
        wait_until(lambda: not self.applications(), "gone: Applications", seconds=120)

    def applications(self) -> dict[str, Json]:
        """Reads all Applications, by name."""
        items = self.cluster.api.items(_APPLICATIONS)
        return {each["metadata"]["name"]: each for each in items}

    def get(self, name: str) -> Json:
        """Reads an Application; empty if it is not there."""
        return self.applications().get(name, {})

    def wait_for(self, name: str, sync: str, health: str, commit: str) -> Json:
        """Waits until an Application has a sync and a health status at a commit; returns it."""

        def found() -> Json:
            application = self.get(name)
            status = application.get("status", {})
            of_sync = status.get("sync", {})
            now = of_sync.get("status"), status.get("health", {}).get("status")
            is_there = now == (sync, health) and of_sync.get("revision") == commit
            if not is_there:
                self.refresh()
            return application if is_there else {}

        try:
            return wait_until(found, f"{sync} and {health}: {name}", seconds=120)
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it is {self.get(name).get('status')}") from None

    def _git(self, *arguments: str) -> str:
        return subprocess.run(
            ["git", "-c", "user.name=test", "-c", "user.email=test@example.com", *arguments],
            cwd=self.repository,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()


@contextlib.contextmanager
def running(cluster: ControlPlane, programs: Path) -> Iterator[ArgoCd]:
    """Runs the controllers during the block, until the control plane ends them."""
    cluster.kubectl("create", "namespace", NAMESPACE)
    add_crds(cluster.api, binaries.manifests(programs, recipe=ARGO_CD))
    cluster.kubectl("apply", "--filename=-", stdin=yaml.safe_dump_all(_configuration()))
    folder = cluster.site.folder / NAMESPACE
    folder.mkdir()
    for name, command in _commands(cluster, programs / _PROGRAM, folder).items():
        cluster.start_program(name, command)
    yield ArgoCd(cluster, folder)


def _configuration() -> list[Json]:
    """What the controllers read of the cluster: defaults, but for the keys that they need."""
    labels = {"app.kubernetes.io/part-of": "argocd"}

    def named(kind: str, name: str, data: Json) -> Json:
        metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
        return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **data}

    project: Json = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AppProject",
        "metadata": {"name": "default", "namespace": NAMESPACE},
        "spec": {
            "sourceRepos": ["*"],
            "destinations": [{"namespace": "*", "server": "*"}],
            "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
        },
    }
    return [
        named("ConfigMap", "argocd-cm", {"data": {}}),
        named("ConfigMap", "argocd-rbac-cm", {"data": {}}),
        named("Secret", "argocd-secret", {"stringData": {"server.secretkey": "of-no-use"}}),
        project,
    ]


def _commands(cluster: ControlPlane, program: Path, folder: Path) -> dict[str, list[str]]:
    redis, repository, *metrics = (f"127.0.0.1:{port}" for port in _ports(4))
    kubeconfig = cluster.site.kubeconfig(ADMIN)
    tools = _tools(folder)
    environment = [
        "/usr/bin/env",
        f"KUBECONFIG={kubeconfig}",
        f"PATH={tools}:/usr/local/bin:/usr/bin:/bin",
        f"TMPDIR={folder}",
        f"HOME={folder}",
        "ARGOCD_FAKE_IN_CLUSTER=true",
        "ARGOCD_GPG_ENABLED=false",
        "ARGOCD_SYNC_WAVE_DELAY=1",
        f"ARGOCD_TLS_DATA_PATH={folder}",
        f"ARGOCD_SSH_DATA_PATH={folder}",
        str(program),
    ]
    of_cluster = [f"--kubeconfig={kubeconfig}", f"--namespace={NAMESPACE}"]
    host, port = repository.split(":")
    return {
        "redis": [*environment, "redis", redis],
        "repo-server": [
            *environment,
            "repo-server",
            f"--address={host}",
            f"--port={port}",
            "--metrics-address=127.0.0.1",
            f"--metrics-port={metrics[0].partition(':')[2]}",
            "--disable-tls",
            f"--redis={redis}",
        ],
        "application-controller": [
            *environment,
            "application-controller",
            *of_cluster,
            f"--repo-server={repository}",
            "--repo-server-plaintext",
            f"--redis={redis}",
            f"--metrics-port={metrics[1].partition(':')[2]}",
        ],
        "applicationset-controller": [
            *environment,
            "applicationset-controller",
            *of_cluster,
            f"--argocd-repo-server={repository}",
            "--repo-server-plaintext",
            "--metrics-addr=0",
            "--probe-addr=0",
            "--webhook-addr=127.0.0.1:0",
        ],
    }


def _tools(folder: Path) -> Path:
    """Makes a folder with a program `kustomize`, which is kubectl's."""
    place = folder / "tools"
    place.mkdir()
    script = place / "kustomize"
    script.write_text(
        f'#!/bin/sh\n[ "$1" = build ] || exec echo v5.0.0\nshift\nexec {KUBECTL} kustomize "$@"\n'
    )
    script.chmod(0o755)
    return place


def _ports(count: int) -> set[int]:
    """Finds different free ports."""
    found: set[int] = set()
    while len(found) < count:
        found.add(free_port())
    return found
