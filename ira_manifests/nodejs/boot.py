"""Starts and stops Node.js for cdk8s, limits its time, and explains its failures.

jsii starts Node.js when cdk8s is imported, without a time limit or signal handling. So this module
starts the process: in its own process group, which a signal from the terminal does not reach, and
with its own folder for what jsii and cdk8s unpack. `stop` ends the process and removes the folder.
"""

from __future__ import annotations

import atexit
import base64
import binascii
import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, cast

from ira_manifests import files
from ira_manifests.errors import IraError, NodeError
from ira_manifests.nodejs import cdk8s_copy
from ira_manifests.nodejs.processes import OLDEST, OWN_GROUP, kill, read_line, signals_held
from ira_manifests.nodejs.program import find

_ANSWER_LIMIT = 30  # seconds to start, or to render some dozens of directories; usually 0.5
_LAST_WORDS = 1  # seconds in which a Node.js that fails may still print errors
_LONGEST = 1 << 16  # bytes of a line of standard error
_MOST_LINES = 200  # lines of standard error that are kept
_OWN_FOLDERS = {"JSII_RUNTIME_PACKAGE_CACHE", "JSII_RUNTIME_PACKAGE_CACHE_ROOT"}


@contextlib.contextmanager
def booting() -> Iterator[None]:
    """Choose the Node.js that an import of cdk8s in this block starts.

    It is JSII_NODE, else the wheel of the extra `node`, else `node` on PATH. Raises `NodeError` if
    there is none, if it is too old, or if it fails. Does nothing if cdk8s is already imported.
    """
    if "cdk8s" in sys.modules:
        yield
        return
    program = find()
    own = not _OWN_FOLDERS & set(os.environ)  # else the user has set jsii's cache folder
    kept = cdk8s_copy.find() if own else None
    with signals_held():  # `stop` must know the folder before a signal ends the run
        folder = _new_folder()
        packages = (kept.folder if kept else folder / "packages") if own else None
        run = _Run(folder, program, packages, kept)
        _runs.append(run)
    atexit.register(stop)  # registered before jsii's handler, so it runs after it
    try:
        with explained(), _starting(run.folder):
            yield
    except BaseException:
        run.end()
        raise
    run.booted = True


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Limit the time of each answer of Node.js, and turn failures into a `NodeError`.

    The error contains what Node.js printed on standard error, which is discarded otherwise.
    """
    _strict.append(True)
    try:
        yield
    except Exception as error:
        told = None if isinstance(error, IraError) else _explanation(error)
        if told is None:
            raise
        raise told from error
    finally:
        _strict.pop()


def stop(*, well: bool = True) -> None:
    """End Node.js, and remove what it unpacked.

    `well`: whether the run succeeded, so that the unpacked files may be cached.
    """
    while _runs and _runs[-1].owner == os.getpid():  # a fork has no Node.js of its own
        run = _runs[-1]
        run.end()
        if run.booted and run.packages is not None and well:
            cdk8s_copy.keep(run.packages, run.kept)
        _remove(run.folder)
        _runs.remove(run)


class _Run:
    """A Node.js process, and the folder for what it unpacks."""

    def __init__(
        self, folder: Path, program: str, packages: Path | None, kept: cdk8s_copy.Copy | None
    ) -> None:
        self.folder, self.program = folder, program
        self.packages, self.kept = packages, kept
        self.owner = os.getpid()
        self.booted = False
        self.said: deque[bytes] = deque(maxlen=_MOST_LINES)
        self.all_said = threading.Event()
        self.process: subprocess.Popen[bytes] | None = None

    def environment(self, of_jsii: dict[str, str]) -> dict[str, str]:
        own = {**of_jsii, "TMPDIR": str(self.folder)}
        if self.packages is None:
            return own
        # Days after which jsii would remove unused packages from the cached folder.
        lasting = {"JSII_RUNTIME_PACKAGE_CACHE_TTL": "36500"}
        return own | lasting | {"JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(self.packages)}

    def end(self) -> None:
        if self.process is None:
            return
        kill(self.process)
        for name in ("stdin", "stdout"):
            with contextlib.suppress(OSError):  # unsent data
                pipe = getattr(self.process, name, None)
                if pipe is not None:
                    pipe.close()


_runs: list[_Run] = []  # at most one, unless an import of cdk8s is repeated
_strict: list[bool] = []  # not empty while `explained` is active


class _Process(subprocess.Popen[bytes]):
    """Changes how jsii's process is started; other processes are unaffected."""

    def __init__(self, args: Any, **options: Any) -> None:
        environment = options.get("env") or {}
        run = _runs[-1] if "JSII_AGENT" in environment else None
        if run is None:
            super().__init__(args, **options)
            return
        run.process = self
        options["env"] = run.environment(environment)
        with signals_held():  # until its id is known, nobody can end it
            super().__init__([run.program, *args[1:]], **options, **OWN_GROUP)
        self.stdout = cast("IO[bytes]", _Answers(run, cast("IO[bytes]", self.stdout)))
        self.stderr = cast("IO[bytes]", _Words(run, cast("IO[bytes]", self.stderr)))


@contextlib.contextmanager
def _starting(folder: Path) -> Iterator[None]:
    """Have jsii start `_Process`, and make its own temporary folder in this one."""
    usual, place = subprocess.Popen, tempfile.tempdir
    setattr(subprocess, "Popen", _Process)  # noqa: B010  mypy refuses to assign to a class
    tempfile.tempdir = str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = place
        setattr(subprocess, "Popen", usual)  # noqa: B010


class _Answers:
    """Standard output of Node.js, read line by line, each within the time limit if one is set."""

    def __init__(self, run: _Run, pipe: IO[bytes]) -> None:
        self._run, self._pipe = run, pipe
        self._rest = b""

    def readline(self) -> bytes:
        limit = _ANSWER_LIMIT if _strict else None
        line, self._rest = read_line(self._pipe.fileno(), self._rest, limit, self._run.program)
        return line

    def close(self) -> None:
        self._pipe.close()


class _Words:
    """Standard error of Node.js: passed on by jsii's thread, or kept for an error message."""

    def __init__(self, run: _Run, pipe: IO[bytes]) -> None:
        self._run, self._pipe = run, pipe

    def readline(self) -> bytes:
        while line := self._pipe.readline(_LONGEST):
            if not _strict:
                return line
            self._run.said.append(line)
        self._run.all_said.set()
        return b""

    def close(self) -> None:
        self._pipe.close()


def _new_folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="ira-manifests-"))
    except OSError:
        raise NodeError(
            "cdk8s needs a folder for temporary files, and none is writable: "
            "set the environment variable TMPDIR"
        ) from None


def _remove(folder: Path) -> None:
    for _ in range(20):  # a killed process may still complete a write
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return
        time.sleep(0.01)


def _explanation(error: Exception) -> NodeError | None:
    if not _comes_from_jsii(error):
        return None
    run = _runs[-1] if _runs else None
    if run is not None:
        run.all_said.wait(_LAST_WORDS)
    return NodeError(
        f"Node.js ({run.program if run else 'node'}) failed under cdk8s: {_reason(error, run)}; "
        f"check that it is version {OLDEST} or newer, and that "
        f"{tempfile.gettempdir()} is writable and has space"
    )


def _comes_from_jsii(error: Exception) -> bool:
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__", "").startswith("jsii.") for frame, _ in frames)


def _reason(error: Exception, run: _Run | None) -> str:
    """Return the most useful line: the error of Node.js itself, else jsii's."""
    for line in tuple(run.said) if run else ():
        for said in _text(line).splitlines():
            match = re.search(r"\w*Error\b.*", said)
            if match:
                return match[0].strip()
    if isinstance(error, ValueError | BrokenPipeError):  # jsii fails to parse a missing answer
        return "it ended without an answer"
    if isinstance(error, OSError):
        return f"{error.filename or 'it'} can't be used: {files.reason(error)}"
    return (str(error).splitlines() or [type(error).__name__])[0]


def _text(line: bytes) -> str:
    """Return the text of a line of standard error, which jsii wraps in JSON."""
    with contextlib.suppress(ValueError, TypeError, AttributeError, RecursionError, binascii.Error):
        console = json.loads(line)
        return base64.b64decode(console.get("stderr") or console["stdout"]).decode(
            "utf-8", "replace"
        )
    return line.decode("utf-8", "replace")
