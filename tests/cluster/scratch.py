"""A temporary folder and free ports for a control plane."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

FOLDER_PREFIX = "control-plane-"
_LOCK = "lock"
_ABANDONED_AFTER_SECONDS = 60


def locked_folder() -> tuple[Path, IO[bytes]]:
    """Creates a temporary folder that counts as in use while any copy of its lock is open."""
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX))
    lock = (folder / _LOCK).open("wb")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return folder, lock


def remove_abandoned_folders() -> None:
    """Removes the folders of control planes whose supervisor was killed.

    Their programs are gone: the kernel has ended them. A folder that is seconds old is kept,
    because a start may not have locked it yet.
    """
    for folder in Path(tempfile.gettempdir()).glob(f"{FOLDER_PREFIX}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > _ABANDONED_AFTER_SECONDS:
                _remove_unless_locked(folder)


def _remove_unless_locked(folder: Path) -> None:
    with (folder / _LOCK).open("rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def reserved_ports(count: int) -> Iterator[list[int]]:
    """Finds free ports of 127.0.0.1 and reserves them until the programs listen.

    The reservation is a bound socket that never listens, with SO_REUSEPORT; the programs have
    options to share the port too (`--socket-reuse-port`, `--permit-port-sharing`).
    """
    with contextlib.ExitStack() as sockets:
        reserved = [sockets.enter_context(_bound_socket()) for _ in range(count)]
        yield [sock.getsockname()[1] for sock in reserved]


def free_port() -> int:
    """Finds a free port of 127.0.0.1, for a program without an option to share a reserved one."""
    with _bound_socket() as sock:
        port: int = sock.getsockname()[1]
        return port


def _bound_socket() -> socket.socket:
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    sock.bind(("127.0.0.1", 0))
    return sock
