"""Runs a container's command as the kubelet would, as near to a Pod as the machine allows."""

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
    """The scripts one after the other, as an argument holds them."""
    return "\n".join((SCRIPTS / name).read_text() for name in names)


INSTALL = script("check_settings.sh", "install_huggingface_hub.sh")
DOWNLOAD = script("check_settings.sh", "download_model.sh")
FETCH = script("fetch_safetensors.sh")
PATH = f"{Path(sys.executable).parent}:/usr/bin:/bin"
DEADLINE = 60
"""Seconds after which something that should have happened is taken to have failed."""


def start(
    command: list[str], env: Mapping[str, str], output: IO[str] | int = subprocess.PIPE
) -> subprocess.Popen[str]:
    """Start the command in a session of its own, with nothing else in its environment."""
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
    """Wait for the process and what it printed; kill it, and fail, past the deadline."""
    try:
        out, err = process.communicate(timeout=DEADLINE)
    except subprocess.TimeoutExpired:
        kill(process)
        raise
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def kill(process: subprocess.Popen[str]) -> None:
    """End everything that the process started, as a node that goes away does."""
    while pids := session(process):
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    process.wait(DEADLINE)
    for pipe in filter(None, (process.stdout, process.stderr)):
        pipe.close()


def session(process: subprocess.Popen[str]) -> list[int]:
    """Ids of the living processes in the session that the process leads."""
    return [pid for pid, state, leader in _processes() if leader == process.pid and state != "Z"]


def _processes() -> Iterator[tuple[int, str, int]]:
    """The id, state and session of each process."""
    for pid in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        if after_name := _read(pid, "stat").rpartition(")")[2].split():
            yield pid, after_name[0], int(after_name[3])


def arguments(pid: int) -> list[str]:
    """A process's argument list."""
    return _read(pid, "cmdline").split("\0")[:-1]


def variables(pid: int) -> list[str]:
    """A process's environment, as NAME=value."""
    return _read(pid, "environ").split("\0")[:-1]


def name(pid: int) -> str:
    """A process's name."""
    return _read(pid, "comm").strip()


def open_files(pid: int) -> list[str]:
    """What a process has open."""
    try:
        return [str(entry.readlink()) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def _read(pid: int, entry: str) -> str:
    """A file of the process in /proc; empty if the process has ended."""
    try:
        return Path(f"/proc/{pid}/{entry}").read_text(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def eventually(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < end, "it did not happen before the deadline"
        time.sleep(0.01)


@contextmanager
def running(
    command: list[str], env: Mapping[str, str], output: IO[str] | int = subprocess.PIPE
) -> Iterator[subprocess.Popen[str]]:
    """The started command; whatever is left of it at the end is killed."""
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
"""Even root must keep to permissions with this before its command."""

BECOME_ROOT = [] if os.geteuid() == 0 else ["--map-root-user"]
NEW_MOUNTS = [UNSHARE, *BECOME_ROOT, "--mount"]
AS_PROCESS_1 = [*NEW_MOUNTS, "--pid", "--fork", "--mount-proc", "--kill-child"]

needs_mounts = pytest.mark.skipif(not _works(*NEW_MOUNTS), reason="no mount namespaces here")
needs_process_1 = pytest.mark.skipif(not _works(*AS_PROCESS_1), reason="no PID namespaces here")


def process_1(process: subprocess.Popen[str]) -> int:
    """The id, seen from here, of process 1 of what `AS_PROCESS_1` started."""

    def children() -> list[str]:
        return Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()

    eventually(lambda: bool(children()))
    return int(children()[0])
