"""Starts and stops a control plane: etcd, API server, controllers, scheduler, simulated kubelets.

    with ControlPlane.start() as cluster:
        cluster.kubectl("apply", "-k", "dist/base")

Everything listens on 127.0.0.1 and lives in one temporary folder. A supervisor process owns the
programs and the folder; it ends both when this process stops or dies (see `supervisor`).
"""

from __future__ import annotations

import json
import secrets
import shutil
import subprocess
import sys
import urllib.error
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

from tests.cluster import binaries, programs, supervisor
from tests.cluster.api import Api, ApiError, wait_until
from tests.cluster.certificates import write_certificates
from tests.cluster.kubectl import Kubectl
from tests.cluster.programs import Site
from tests.cluster.scratch import locked_folder, remove_abandoned_folders, reserved_ports

_GROUP_OF_USER = {
    programs.ADMIN: "system:masters",
    programs.CONTROLLER_MANAGER: "",
    programs.SCHEDULER: "",
}
_START_SECONDS = 90.0
_STOP_SECONDS = 20.0


class ControlPlaneError(Exception):
    """A program did not start, or ended early; the message ends with the end of its log."""


class ControlPlane:
    """A running control plane: `kubectl` and `api` are its administrator's, `site` is its place."""

    def __init__(self, site: Site, token: str, owner: _Supervisor) -> None:
        self.site = site
        self.api = Api(site.server, token, site.certificates / "ca.crt")
        self.kubectl = Kubectl(site.kubeconfig(programs.ADMIN), home=site.folder)
        self._owner = owner

    @classmethod
    def start(cls, programs_folder: Path | None = None) -> ControlPlane:
        """Starts the programs of a folder (default: what `binaries` finds).

        Returns when Pods can be created; without nodes they stay Pending.

        Raises ControlPlaneError if one of them ends or is not ready in time. After any error,
        nothing is left running.
        """
        folder = programs_folder or binaries.find()
        remove_abandoned_folders()
        owner = _Supervisor(*locked_folder())
        try:
            with reserved_ports(3) as (etcd_port, peer_port, api_port):
                site = Site(folder, owner.folder, etcd_port, peer_port, api_port)
                cluster = cls(site, _write_configuration(site), owner)
                cluster._start_programs()
        except BaseException:
            owner.stop()
            raise
        return cluster

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Ends every program and removes the folder; returns when both are gone."""
        self._owner.stop()

    def log(self, name: str) -> str:
        """Returns the log of a program."""
        return (self.site.folder / f"{name}.log").read_text(errors="replace")

    @property
    def supervisor_pid(self) -> int:
        """The process that owns the programs."""
        return self._owner.pid

    def check(self) -> None:
        """Raises ControlPlaneError if a program, or the supervisor of all, has ended by itself."""
        if self._owner.has_ended:
            raise ControlPlaneError("the supervisor of the control plane has ended")
        for record in self.site.folder.glob("*.exit"):
            code = record.read_text().strip()
            raise ControlPlaneError(
                f"{record.stem} ended with code {code}\n{self._log_end(record.stem)}"
            )

    def start_program(self, name: str, argv: list[str]) -> None:
        """Starts a further program, which ends with the others."""
        self._owner.start(name, argv)

    def wait_for(self, name: str, is_ready: Callable[[], bool]) -> None:
        """Waits until a program is ready; ControlPlaneError if it ends or takes too long."""

        def still_running_and_ready() -> bool:
            self.check()
            return is_ready()

        try:
            wait_until(still_running_and_ready, f"ready: {name}", seconds=_START_SECONDS)
        except TimeoutError as error:
            raise ControlPlaneError(f"{error}\n{self._log_end(name)}") from error

    def _start_programs(self) -> None:
        self._owner.start("etcd", programs.etcd(self.site))
        self._owner.start("kube-apiserver", programs.kube_apiserver(self.site))
        self.wait_for("kube-apiserver", self._serves)
        # These look for the API server once and give up, so they come second.
        self._owner.start("kube-controller-manager", programs.kube_controller_manager(self.site))
        self._owner.start("kube-scheduler", programs.kube_scheduler(self.site))
        self._owner.start("kwok", programs.kwok(self.site))
        self.wait_for("kube-controller-manager", self._has_default_service_account)

    def _serves(self) -> bool:
        try:
            return self.api.text("/readyz") == "ok"
        except (ApiError, urllib.error.URLError, OSError):
            return False

    def _has_default_service_account(self) -> bool:
        return self.api.exists("/api/v1/namespaces/default/serviceaccounts/default")

    def _log_end(self, name: str) -> str:
        log = self.site.folder / f"{name}.log"
        lines = log.read_text(errors="replace").splitlines() if log.exists() else []
        return "\n".join(["the end of its log:", *lines[-20:]])


class _Supervisor:
    """This process's side of the `supervisor` process."""

    def __init__(self, folder: Path, lock: IO[bytes]) -> None:
        self.folder = folder
        with lock:
            self._process = subprocess.Popen(
                [sys.executable, "-I", supervisor.__file__, str(folder)],
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                pass_fds=[lock.fileno()],
                # A signal to the test run's process group is not for this one.
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def start(self, name: str, argv: list[str]) -> None:
        pipe = self._process.stdin
        if pipe is None or pipe.closed:
            raise ControlPlaneError(f"{name}: the control plane is stopped")
        pipe.write(json.dumps({"name": name, "argv": argv}).encode() + b"\n")
        pipe.flush()

    def stop(self) -> None:
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def _write_configuration(site: Site) -> str:
    """Writes the programs' configuration files; returns the administrator's token."""
    write_certificates(site.certificates)
    tokens = {user: secrets.token_hex(16) for user in _GROUP_OF_USER}
    for user, token in tokens.items():
        _write_private(site.kubeconfig(user), json.dumps(programs.kubeconfig(site, token)))
    rows = [
        f"{token},{_user_name(user)},{user},{_GROUP_OF_USER[user]}\n"
        for user, token in tokens.items()
    ]
    _write_private(site.tokens, "".join(rows))
    _write_private(site.scheduler_config, json.dumps(programs.scheduler_config(site)))
    return tokens[programs.ADMIN]


def _user_name(user: str) -> str:
    """The bootstrap roles of RBAC are bound to these names."""
    return user if user == programs.ADMIN else f"system:{user}"


def _write_private(path: Path, text: str) -> None:
    path.touch(mode=0o600)
    path.write_text(text)
