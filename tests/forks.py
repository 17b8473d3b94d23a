"""Runs the command line in a fork of a prepared process, instead of in a new process.

`python -m ira_manifests` takes some 0.2 s to import its modules and 0.3 s to start Node.js. Most
commands then take some hundredths of a second, and most tests are about that part. Here one process
imports every module, starts Node.js, checks the shipped profiles once, and waits. It forks for each
run. The fork has its own streams, working folder, environment and exit code, and runs the module
from its first line, as `python -m` does. Runs don't affect each other; all runs of a server share
one Node.js.

A fork does not cover imports, the start, failures and end of Node.js, variables that Python and
Node.js read when they start, or what is made when it is first used. Tests of these, of signals and
of limits use a new process: `tests.support.ira_alone`. `tests/test_forks.py` compares the two.
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
PROFILES = ROOT / "profiles"

# Those of huggingface_hub are read when a run imports it.
_OF_THE_HUB = {
    "HF_ENDPOINT",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HF_HUB_DISABLE_IMPLICIT_TOKEN",
    "HF_HUB_DOWNLOAD_TIMEOUT",
    "HF_HUB_OFFLINE",
    "HF_TOKEN",
    "HF_TOKEN_PATH",
    "HUGGING_FACE_HUB_TOKEN",
    "NO_PROXY",
    "SSL_CERT_FILE",
}

READ_BY_THE_RUN = frozenset({"XDG_CACHE_HOME", "COLUMNS", "NO_COLOR", "TERM", *_OF_THE_HUB})
"""Variables that may differ between a fork and its parent; others may be read before a run."""

_MOST_BYTES = 1 << 20  # bytes of a request


class Server:
    """The prepared process. It ends with this one, whose end closes the socket."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            # -W: since Python 3.12 a fork with threads warns; jsii's thread only reads a pipe.
            words = [sys.executable, "-W", "ignore", "-m", "tests.forks", str(theirs.fileno())]
            # In a new session, Ctrl-C reaches the tests only; the server ends with the socket.
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
        """End the process and its Node.js."""
        self._socket.close()
        self._process.wait()


def _content(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def _serve(listener: socket.socket) -> None:
    """Answer each request with the exit code of a fork, until the socket is closed."""
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
        if code < 0:  # killed, so an answer of Node.js may be unread
            return


def _run(
    words: Sequence[str], folder: str, environment: dict[str, str], streams: Sequence[int]
) -> NoReturn:
    """Run the command line as in a new process; never return."""
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
        os._exit(code)  # without exit handlers, because Node.js belongs to the parent


def _get_ready() -> None:
    os.environ["PYDANTIC_DISABLE_PLUGINS"] = "__all__"  # as ira_manifests.__main__ does
    from ira_manifests.cli import app

    for name in app.COMMANDS:
        import_module(app.module_of(name))
    import_module("ira_manifests.cli.process")
    import_module("httpx")  # huggingface_hub imports it, and itself reads variables then
    import_module("ira_manifests.rules.check_objects")
    import_module("ira_manifests.rendering")  # starts Node.js
    # What is made when it is first used, such as pydantic's validators and jsii's classes, takes
    # longer than most runs.
    loading, checking = map(import_module, ("ira_manifests.loading", "ira_manifests.checking"))
    checking.check(loading.load_matrix(PROFILES))


if __name__ == "__main__":
    _get_ready()
    with socket.socket(fileno=int(sys.argv[1])) as listener:
        _serve(listener)
