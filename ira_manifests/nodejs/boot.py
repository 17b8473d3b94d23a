"""Node.js for cdk8s: found, started, limited in time, explained where it fails, and ended.

jsii starts Node.js when cdk8s is imported, and knows no limit and no signal. So its process is made
here: in a process group of its own, which a signal from the terminal does not reach, and with a
folder of its own for what jsii and cdk8s unpack. `stop` ends both, whatever state they are in.
"""

from __future__ import annotations

import atexit
import base64
import binascii
import contextlib
import json
import os
import re
import select
import shutil
import signal
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
from ira_manifests.nodejs import cdk8s_copy, packaged

# The oldest release line that jsii supports: https://nodejs.org/en/about/previous-releases
OLDEST = 22
_VERSION_LIMIT = 15  # seconds to say a version; some 0.03 are usual
_ANSWER_LIMIT = 30  # seconds to start, or to render some dozens of directories; 0.5 are usual
_LAST_WORDS = 1  # seconds in which a Node.js that fails may still print errors
_LONGEST = 1 << 16  # bytes of a line of standard error
_MOST_LINES = 200  # of standard error that are kept
_MOST_BYTES = 1 << 28  # of an answer; jsii's own limit of a line
_OWN_FOLDERS = {"JSII_RUNTIME_PACKAGE_CACHE", "JSII_RUNTIME_PACKAGE_CACHE_ROOT"}
_BOTH_WAYS = (
    f"install Node.js {OLDEST} or newer, or its wheel: pip install '{packaged.WHEEL}>={OLDEST}'"
)


@contextlib.contextmanager
def booting() -> Iterator[None]:
    """Have the imports of the block start a Node.js that cdk8s supports.

    It is the one that JSII_NODE names, else that of the wheel of the extra `node`, else the
    `node` on PATH. Raises `NodeError` where there is none, where it is too old, or where it fails.
    An app that has imported cdk8s before has its Node.js already.
    """
    if "cdk8s" in sys.modules:
        yield
        return
    program = _program()
    run = _Run(_new_folder(), program)
    _runs.append(run)
    atexit.register(stop)  # before jsii registers its own end, and so after that
    try:
        with explained(), _starting():
            yield
    except BaseException:
        run.end()
        raise
    run.booted = True


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Limit the time of each answer of Node.js, and turn what goes wrong into a `NodeError`.

    What Node.js says on standard error is part of it, and is dropped where nothing goes wrong.
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
    """End Node.js, and remove what it has unpacked.

    `well`: whether nothing went wrong, so that later runs may use it.
    """
    while _runs and _runs[-1].owner == os.getpid():  # a fork has no Node.js of its own
        run = _runs[-1]
        run.end()
        if run.booted and run.packages is not None and well:
            cdk8s_copy.keep(run.packages, run.kept)
        _remove(run.folder)
        _runs.remove(run)


class _Run:
    """A Node.js, and the folder for what it unpacks."""

    def __init__(self, folder: Path, program: str) -> None:
        self.folder, self.program = folder, program
        self.owner = os.getpid()
        self.booted = False
        self.said: deque[bytes] = deque(maxlen=_MOST_LINES)
        self.all_said = threading.Event()
        self.process: subprocess.Popen[bytes] | None = None
        # jsii has no use for a cache with one user, but for the index that it makes of a package.
        own = not _OWN_FOLDERS & set(os.environ)
        self.kept = cdk8s_copy.find() if own else None
        self.packages = (self.kept.folder if self.kept else folder / "packages") if own else None

    def environment(self, of_jsii: dict[str, str]) -> dict[str, str]:
        own = {**of_jsii, "TMPDIR": str(self.folder)}
        if self.packages is None:
            return own
        # jsii would remove in a kept folder what no run has touched for as many days.
        lasting = {"JSII_RUNTIME_PACKAGE_CACHE_TTL": "36500"}
        return own | lasting | {"JSII_RUNTIME_PACKAGE_CACHE_ROOT": str(self.packages)}

    def end(self) -> None:
        if self.process is None:
            return
        _kill(self.process)
        for name in ("stdin", "stdout"):
            with contextlib.suppress(OSError):  # what it was not told any more
                pipe = getattr(self.process, name, None)
                if pipe is not None:
                    pipe.close()


_runs: list[_Run] = []  # one at most, unless an import of cdk8s is tried again
_strict: list[bool] = []  # not empty while answers are limited in time, and errors kept apart


class _Process(subprocess.Popen[bytes]):
    """The process that jsii starts; any other one is as it would be without this class."""

    def __init__(self, args: Any, **options: Any) -> None:
        environment = options.get("env") or {}
        run = _runs[-1] if "JSII_AGENT" in environment else None
        if run is None:
            super().__init__(args, **options)
            return
        run.process = self
        options["env"] = run.environment(environment)
        super().__init__([run.program, *args[1:]], **options, **_OWN_GROUP)
        self.stdout = cast("IO[bytes]", _Answers(run, cast("IO[bytes]", self.stdout)))
        self.stderr = cast("IO[bytes]", _Words(run, cast("IO[bytes]", self.stderr)))


_OWN_GROUP: dict[str, Any] = {"process_group": 0} if os.name == "posix" else {}


@contextlib.contextmanager
def _starting() -> Iterator[None]:
    usual = subprocess.Popen
    setattr(subprocess, "Popen", _Process)  # noqa: B010  mypy refuses to assign to a class
    try:
        yield
    finally:
        setattr(subprocess, "Popen", usual)  # noqa: B010


class _Answers:
    """Standard output of Node.js, read line by line, each within the limit where there is one."""

    def __init__(self, run: _Run, pipe: IO[bytes]) -> None:
        self._run, self._pipe = run, pipe
        self._rest = b""

    def readline(self) -> bytes:
        limit = _ANSWER_LIMIT if _strict else None
        line, self._rest = _line(self._pipe.fileno(), self._rest, limit, self._run.program)
        return line

    def close(self) -> None:
        self._pipe.close()


def _line(descriptor: int, rest: bytes, limit: float | None, program: str) -> tuple[bytes, bytes]:
    """Return a line of a pipe, and what was read behind it. At its end the line is not complete."""
    deadline = None if limit is None else time.monotonic() + limit
    parts, size = [rest], len(rest)
    while b"\n" not in parts[-1]:
        left = None if deadline is None else max(deadline - time.monotonic(), 0)
        if not _readable(descriptor, left):
            raise NodeError(f"Node.js ({program}) did not answer within {limit} seconds; {_CHECK}")
        part = os.read(descriptor, 1 << 20)
        if not part or size > _MOST_BYTES:
            return b"".join(parts), b""
        parts.append(part)
        size += len(part)
    line, _, rest = b"".join(parts).partition(b"\n")
    return line + b"\n", rest


def _readable(descriptor: int, seconds: float | None) -> bool:
    """Wait until a pipe has something, or has come to its end; false where the time is over."""
    if not hasattr(select, "poll"):  # Windows has no way to ask a pipe
        return True
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    return bool(poll.poll(None if seconds is None else seconds * 1000))


_CHECK = f"see that it is version {OLDEST} or newer, and that NODE_OPTIONS asks for nothing odd"


class _Words:
    """Standard error of Node.js, which jsii's thread passes on, unless it is kept for a message."""

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


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and those that it has started, in the group of which it is the first."""
    if not getattr(process, "pid", None):  # it was not started
        return
    if process.returncode is None:  # as long as nobody has asked, the number is the process' own
        with contextlib.suppress(OSError):
            if os.name == "posix":
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
    process.wait()


def _new_folder() -> Path:
    try:
        return Path(tempfile.mkdtemp(prefix="ira-manifests-"))
    except OSError:
        raise NodeError(
            "cdk8s needs a folder for temporary files, and none can be written: "
            "name one in the environment variable TMPDIR"
        ) from None


def _remove(folder: Path) -> None:
    for _ in range(20):  # a process that was killed may complete what it is writing
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
        f"see that it is version {OLDEST} or newer, and that "
        f"{tempfile.gettempdir()} can be written and has space"
    )


def _comes_from_jsii(error: Exception) -> bool:
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__", "").startswith("jsii.") for frame, _ in frames)


def _reason(error: Exception, run: _Run | None) -> str:
    """Return the most telling line: Node.js' own words of its end, else what jsii made of it."""
    for line in tuple(run.said) if run else ():
        for said in _text(line).splitlines():
            match = re.search(r"\w*Error\b.*", said)
            if match:
                return match[0].strip()
    if isinstance(error, ValueError | BrokenPipeError):  # jsii parses the answer that never came
        return "it ended without an answer"
    if isinstance(error, OSError):
        return f"{error.filename or 'it'} can't be used: {files.reason(error)}"
    return (str(error).splitlines() or [type(error).__name__])[0]


def _text(line: bytes) -> str:
    """Return what a line of standard error says; jsii wraps in JSON what a program prints."""
    with contextlib.suppress(ValueError, TypeError, AttributeError, RecursionError, binascii.Error):
        console = json.loads(line)
        return base64.b64decode(console.get("stderr") or console["stdout"]).decode(
            "utf-8", "replace"
        )
    return line.decode("utf-8", "replace")


def _program() -> str:
    named, wheel = os.environ.get("JSII_NODE"), packaged.find()
    if wheel is not None and named in (None, "", wheel):
        return wheel  # its release is the wheel's, and need not be asked for
    program = named or shutil.which("node")
    if not program:
        raise NodeError(f"cdk8s needs Node.js, and there is none on PATH: {_BOTH_WAYS}")
    version = _version(program)
    if version is None or version < OLDEST:
        found = "does not print its version" if version is None else f"is version {version}"
        raise NodeError(
            f"cdk8s needs Node.js {OLDEST} or newer, and {program} {found}: {_BOTH_WAYS}"
        )
    return program


def _version(program: str) -> int | None:
    try:
        process = subprocess.Popen(  # noqa: S603  the user's own node
            [program, "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, **_OWN_GROUP,
        )  # fmt: skip
    except (OSError, ValueError):
        return None
    with contextlib.closing(cast("IO[bytes]", process.stdout)) as output:
        try:
            line, _ = _line(output.fileno(), b"", _VERSION_LIMIT, program)
        finally:
            _kill(process)
    match = re.match(rb"v(\d{1,6})\.", line)
    return int(match[1]) if match else None
