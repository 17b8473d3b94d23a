"""The command line in a fork of a process that is ready, instead of in a new process.

`python -m ira_manifests` takes some 0.2 s to import its modules and 0.3 s to start Node.js; most of
what it is then asked for takes some hundredths, and most tests are about that part. Here one
process imports every module, starts Node.js, and waits. For each run it makes a fork. The fork has
streams, a working folder, an environment and an exit code of its own, and runs the module from its
first line, as `python -m` does. No run sees what another one did; all runs of a server render
through one Node.js.

A fork does not show imports, the start, the failures and the end of Node.js, or variables that
Python and Node.js read when they start. Tests of these, of signals and of limits use a process of
their own: `tests.support.ira_alone`. `tests/test_forks.py` compares the two.
"""

from __future__ import annotations

import json
import os
import runpy
import socket
import subprocess
import sys
import traceback
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, NoReturn

ROOT = Path(__file__).parents[1]

READ_BY_THE_RUN = frozenset({"XDG_CACHE_HOME", "COLUMNS", "NO_COLOR", "TERM"})
"""Variables that a fork may have other than its parent: all others may be read before a run."""

_MOST_BYTES = 1 << 20  # of a request


class Server:
    """The process that is ready. It ends when this one does, which closes the socket."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            # -W: from Python 3.12 on a fork beside a thread warns; jsii's only reads a pipe.
            words = [sys.executable, "-W", "ignore", "-m", "tests.forks", str(theirs.fileno())]
            # Ctrl-C is for who asks; the socket tells this process when that one has ended.
            self._process = subprocess.Popen(
                words, cwd=ROOT, env=environment, pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip

    def run(
        self, words: Sequence[str], folder: Path, environment: Mapping[str, str], said: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line in a fork. `said`: its standard input."""
        request = json.dumps([words, str(folder), dict(environment)]).encode() + b"\n"
        with TemporaryFile("w+") as stdin, TemporaryFile("w+") as out, TemporaryFile("w+") as error:
            stdin.write(said)
            stdin.seek(0)
            streams = [stream.fileno() for stream in (stdin, out, error)]
            sent = socket.send_fds(self._socket, [request], streams)
            self._socket.sendall(request[sent:])
            answer = self._socket.recv(_MOST_BYTES)
            assert answer, "the process that makes the forks has ended"
            return subprocess.CompletedProcess(
                words, json.loads(answer), _content(out), _content(error)
            )

    def end(self) -> None:
        """End the process, and Node.js with it."""
        self._socket.close()
        self._process.wait()


def _content(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _serve(listener: socket.socket) -> None:
    """Answer each request with the exit code of a fork, until nobody is there to ask."""
    while True:
        request, streams, _flags, _address = socket.recv_fds(listener, _MOST_BYTES, 3)
        if not request:
            return
        while not request.endswith(b"\n"):
            request += listener.recv(_MOST_BYTES)
        pid = os.fork()
        if pid == 0:
            listener.close()
            words, folder, environment = json.loads(request)
            _run(words, folder, environment, streams)
        for stream in streams:
            os.close(stream)
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        listener.send(json.dumps(code).encode())
        if code < 0:  # killed: it may have left an answer of Node.js unread
            return


def _run(
    words: Sequence[str], folder: str, environment: dict[str, str], streams: Sequence[int]
) -> NoReturn:
    """Be a process that has just been started, as far as can be; never return."""
    code = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)
        sys.argv = ["ira-manifests", *words]
        runpy.run_module("ira_manifests", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001  as Python itself does
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # Node.js is the parent's, so nothing is to be ended at the exit


def _get_ready() -> None:
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # as ira_manifests.__main__ does
    from ira_manifests.cli import app

    for name in app.COMMANDS:
        import_module(f"ira_manifests.cli.{name}")
    import_module("ira_manifests.cli.process")
    import_module("ira_manifests.rules.check_objects")
    import_module("ira_manifests.render")  # starts Node.js


if __name__ == "__main__":
    _get_ready()
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        _serve(listener)
