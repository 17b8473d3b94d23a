"""Owns the programs of one control plane, so that none of them outlives its user.

Runs as a separate process in a new session: `python supervisor.py FOLDER`. Every line of its
standard input is one program to start, as JSON: `{"name": ..., "argv": [...]}`. At the end of the
input it ends every program and removes FOLDER. The input ends when the user closes the pipe or is
killed, because the kernel closes it then. If this process itself is killed, the kernel ends the
programs.

Each program writes to `FOLDER/NAME.log`; one that ends by itself leaves its exit code in
`FOLDER/NAME.exit`. Only the standard library is imported: every test run waits for this start.
"""

from __future__ import annotations

import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.2


def supervise(folder: Path) -> None:
    """Starts the programs of standard input; at its end, ends them and removes the folder."""
    programs: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for line in _lines(lambda: _report_exits(folder, programs)):
            request = json.loads(line)
            programs[request["name"]] = _start(folder, request["name"], request["argv"])
    finally:
        _end(programs)
        shutil.rmtree(folder, ignore_errors=True)


def _lines(idle: Callable[[], None]) -> Iterator[bytes]:
    pending = b""
    while True:
        idle()
        readable, _, _ = select.select([sys.stdin.fileno()], [], [], _POLL_SECONDS)
        if not readable:
            continue
        chunk = os.read(sys.stdin.fileno(), 65536)
        if not chunk:
            return
        *lines, pending = (pending + chunk).split(b"\n")
        yield from lines


def _start(folder: Path, name: str, argv: list[str]) -> subprocess.Popen[bytes]:
    with (folder / f"{name}.log").open("ab") as log:
        return subprocess.Popen(
            argv,
            cwd=folder,
            env={"HOME": str(folder), "PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with(os.getpid()),  # noqa: PLW1509 - there are no threads here
        )


def _die_with(parent: int) -> Callable[[], None]:
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

    def set_death_signal() -> None:
        if libc is None:
            return
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return set_death_signal


def _report_exits(folder: Path, programs: dict[str, subprocess.Popen[bytes]]) -> None:
    for name, program in programs.items():
        record = folder / f"{name}.exit"
        if program.poll() is not None and not record.exists():
            record.write_text(f"{program.returncode}\n")


def _end(programs: dict[str, subprocess.Popen[bytes]]) -> None:
    """Kills the programs: their data is deleted anyway, and the API server ends slowly."""
    for program in programs.values():
        program.kill()
    for program in programs.values():
        program.wait()


def _stop(_signum: int, _frame: object) -> None:
    raise SystemExit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _stop)
    supervise(Path(sys.argv[1]))
