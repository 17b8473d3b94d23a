"""Processes of Node.js: signals while one starts, lines of its output within a limit, its end."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Any

from ira_manifests.errors import NodeError

OLDEST = 22
"""The oldest release line that jsii supports: https://nodejs.org/en/about/previous-releases."""
OWN_GROUP: dict[str, Any] = {"process_group": 0} if os.name == "posix" else {}
"""Options of a process that a signal from the terminal does not reach."""

_MOST_BYTES = 1 << 28  # bytes of an answer; jsii's own limit of a line
_STOPS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


@contextlib.contextmanager
def signals_held() -> Iterator[None]:
    """Handle signals that come in this block at its end.

    By their handlers: the signal mask of this thread would be that of a process started here, and
    does not keep Python from running a handler when another thread gets the signal.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # handlers run in the main thread
        return
    came: list[int] = []

    def note(number: int, _frame: FrameType | None) -> None:
        came.append(number)

    usual = {each: signal.getsignal(each) for each in _STOPS}
    held = {number: handler for number, handler in usual.items() if callable(handler)}
    try:
        for number in held:
            signal.signal(number, note)
        yield
    finally:
        for number, handler in held.items():
            if signal.getsignal(number) is note:
                signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


def read_line(
    descriptor: int, rest: bytes, limit: float | None, program: str
) -> tuple[bytes, bytes]:
    """Return a line of a pipe and the bytes after it; at its end, an incomplete line."""
    deadline = None if limit is None else time.monotonic() + limit
    parts, size = [rest], len(rest)
    while b"\n" not in parts[-1]:
        left = None if deadline is None else max(deadline - time.monotonic(), 0)
        if not _readable(descriptor, left):
            raise NodeError(
                f"Node.js ({program}) did not answer within {limit} seconds; check that it is "
                f"version {OLDEST} or newer, and what NODE_OPTIONS is set to"
            )
        part = os.read(descriptor, 1 << 20)
        if not part or size > _MOST_BYTES:
            return b"".join(parts), b""
        parts.append(part)
        size += len(part)
    line, _, rest = b"".join(parts).partition(b"\n")
    return line + b"\n", rest


def _readable(descriptor: int, seconds: float | None) -> bool:
    """Wait until a pipe has data or is closed; return false at the time limit."""
    if not hasattr(select, "poll"):  # Windows can't poll pipes
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its children, by its process group."""
    if not getattr(process, "pid", None):  # it never started
        return
    if process.returncode is None:  # until it is waited for, its id is not reused
        with contextlib.suppress(OSError):
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
    process.wait()
