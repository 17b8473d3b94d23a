"""Runs a container's command, as close to a Pod as this machine allows."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import IO

import pytest

from ira_manifests.kubernetes.expansion import expand

SCRIPTS = files("ira_manifests.constructs") / "scripts"


def script(*names: str) -> str:
    """Return the scripts joined, as in the argument of a container."""
    return "\n".join((SCRIPTS / name).read_text() for name in names)


INSTALL = script("check_settings.sh", "install_huggingface_hub.sh")
DOWNLOAD = script("check_settings.sh", "download_model.sh")
FETCH = script("fetch_safetensors.sh")
PATH = f"{Path(sys.executable).parent}:/usr/bin:/bin"
DEADLINE = 60
"""Seconds after which waiting for an event fails."""


def start(
    command: list[str], env: Mapping[str, str], output: IO[str] | int = subprocess.PIPE
) -> subprocess.Popen[str]:
    """Start a command in a new session, with `env` as its whole environment."""
    return subprocess.Popen(
        [expand(part, env) for part in command],
        env=dict(env),
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
    """Wait for a process and its output; at the deadline, kill it and raise `TimeoutExpired`."""
    try:
        out, err = process.communicate(timeout=DEADLINE)
    except subprocess.TimeoutExpired:
        kill(process)
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def kill(process: subprocess.Popen[str]) -> None:
    """Kill all processes of the session, as the loss of a node does."""
    while pids := session(process):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    process.wait(DEADLINE)
    for pipe in filter(None, (process.stdout, process.stderr)):
        pipe.close()


def session(process: subprocess.Popen[str]) -> list[int]:
    """Return the ids of the living processes in the session of a process."""
    return [pid for pid, state, leader in _processes() if leader == process.pid and state != "Z"]


def _processes() -> Iterator[tuple[int, str, int]]:
    """Yield the id, state and session of each process."""
    for pid in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        if after_name := _read(pid, "stat").rpartition(")")[2].split():
            yield pid, after_name[0], int(after_name[3])


def arguments(pid: int) -> list[str]:
    """Return a process's argument list."""
    return _read(pid, "cmdline").split("\0")[:-1]


def variables(pid: int) -> list[str]:
    """Return a process's environment, as NAME=value."""
    return _read(pid, "environ").split("\0")[:-1]


def name(pid: int) -> str:
    """Return a process's name."""
    return _read(pid, "comm").strip()


def open_files(pid: int) -> list[str]:
    """Return the paths of a process's open files."""
    try:
        return [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _read(pid: int, entry: str) -> str:
    """Return a file of the process in /proc; empty if the process has ended."""
    try:
        return Path(f"/proc/{pid}/{entry}").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; fail after `DEADLINE`."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "it did not happen before the deadline"
        time.sleep(0.01)


@contextmanager
def running(
    command: list[str], env: Mapping[str, str], output: IO[str] | int = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """Run a command during the block; its remaining processes are killed at the end."""
    process = start(command, env, output)
    try:
        yield process
    finally:
        kill(process)


def _works(*command: str) -> bool:
    try:
        return subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False


UNSHARE = shutil.which("unshare") or "unshare"
SETPRIV = shutil.which("setpriv") or "setpriv"
WITHOUT_CAPABILITIES = (
    [SETPRIV, "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
)
"""A prefix of commands that makes file permissions apply to root too."""

BECOME_ROOT = [] if os.geteuid() == 0 else ["--map-root-user"]
NEW_MOUNTS = [UNSHARE, *BECOME_ROOT, "--mount"]
AS_PROCESS_1 = [*NEW_MOUNTS, "--pid", "--fork", "--mount-proc", "--kill-child"]

needs_mounts = pytest.mark.skipif(not _works(*NEW_MOUNTS), reason="no mount namespaces here")
needs_process_1 = pytest.mark.skipif(not _works(*AS_PROCESS_1), reason="no PID namespaces here")


def process_1(process: subprocess.Popen[str]) -> int:
    """Return the id, outside of its namespace, of process 1 that `AS_PROCESS_1` started."""

    def children() -> list[str]:
        return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()

    eventually(lambda: bool(children()))
    return int(children()[0])
