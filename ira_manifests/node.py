"""Node.js for cdk8s: found once, before `import cdk8s` starts it, and explained where it fails."""

from __future__ import annotations

import ast
import contextlib
import importlib
import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, TextIO, cast

from ira_manifests import cache, files, packaged_node
from ira_manifests.errors import IraError, NodeError

# The oldest release line that jsii supports: https://nodejs.org/en/about/previous-releases
OLDEST = 22
_READER = "process.stderr_sink"  # jsii's thread that hears what Node.js says on standard error
# All that it said: a process has one Node.js, however often it is asked for.
_said = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="replace", write_through=True)
_PATIENCE = 5  # seconds
_BOTH_WAYS = f"install Node.js {OLDEST} or newer, or run: pip install 'ira-manifests[node]'"


def prepare() -> None:
    """Make sure that jsii will start a Node.js that cdk8s supports.

    It is the one that JSII_NODE names, else that of the wheel of the extra `node`, else the
    `node` on PATH. Raises `NodeError` where there is none, or where it is too old.
    An app that has imported cdk8s before has its Node.js already.
    """
    if "cdk8s" in sys.modules:
        return
    _keep_packages()
    os.environ["TMPDIR"] = _temporary_folder()  # Node.js does not look for one that can be written
    named, packaged = os.environ.get("JSII_NODE"), packaged_node.find()
    if packaged is None or named not in (None, "", packaged):
        os.environ["JSII_NODE"] = _checked(named) if named else _on_path()
    else:
        os.environ["JSII_NODE"] = packaged  # its release is the wheel's, and need not be asked for


def _keep_packages() -> None:
    """Let jsii unpack cdk8s once, and not at every start, where there is a folder to keep it in.

    Its own choice of one fails or waits for minutes where the home folder can't be written.
    """
    if {"JSII_RUNTIME_PACKAGE_CACHE", "JSII_RUNTIME_PACKAGE_CACHE_ROOT"} & set(os.environ):
        return
    folder = cache.folder("jsii")
    if folder is None:
        os.environ["JSII_RUNTIME_PACKAGE_CACHE"] = "disabled"
    else:
        os.environ["JSII_RUNTIME_PACKAGE_CACHE_ROOT"] = str(folder)


@contextlib.contextmanager
def booting(module: str) -> Iterator[Callable[[], None]]:
    """Give a function that starts Node.js beside what the caller does; `wait` waits for it.

    `module`: cdk8s, or what imports it. What goes wrong there is left to the import that needs it,
    which says so. At the end what was begun is complete, and can be tidied up, unless Node.js
    hangs.
    """
    with explained():
        try:
            yield lambda: _boot(module)
        finally:
            wait(_PATIENCE)


def _boot(module: str) -> None:
    with contextlib.suppress(NodeError):
        prepare()
        # Until Node.js runs there is no wait to use, and two imports at once are slow.
        importlib.import_module("jsii")
        if _booted.is_set():
            _booted.clear()
            threading.Thread(target=_import, args=(module,), daemon=True).start()


def _import(module: str) -> None:
    with contextlib.suppress(Exception):
        importlib.import_module(module)
    _booted.set()


_booted = threading.Event()  # cleared while Node.js boots
_booted.set()


def wait(timeout: float | None = None) -> None:
    """Wait until a Node.js that was started early has booted.

    An import that waits for the one in the other thread does the same, but no signal ends it.
    """
    _booted.wait(timeout)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn what goes wrong between jsii and its Node.js into a `NodeError`.

    What Node.js says on standard error is part of it, and is dropped where nothing goes wrong.
    """
    screen = sys.stderr
    sys.stderr = cast("TextIO", _Apart(screen))
    try:
        yield
    except Exception as error:
        told = None if isinstance(error, IraError) else _explanation(error)
        sys.stderr = screen
        if told is None:
            raise
        raise told from error
    sys.stderr = screen  # not where a signal ends the run: Node.js may have last words yet


def _explanation(error: Exception) -> NodeError | None:
    if not _comes_from_jsii(error):
        return None
    _hear_out()
    return NodeError(
        f"Node.js ({os.environ.get('JSII_NODE', 'node')}) failed under cdk8s: {_reason(error)}; "
        f"{_forget_packages()}see that it is version {OLDEST} or newer, and that "
        f"{tempfile.gettempdir()} can be written and has space"
    )


def _forget_packages() -> str:
    """Remove what jsii has unpacked, in case it is damaged, and return what to do then."""
    folder = cache.folder("jsii")
    if folder is None or os.environ.get("JSII_RUNTIME_PACKAGE_CACHE_ROOT") != str(folder):
        return ""
    shutil.rmtree(folder, ignore_errors=True)
    return f"run it again, which unpacks {folder} anew; if that does not help, "


class _Apart:
    """Standard error, but for what jsii's thread passes on from Node.js."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        of_node = threading.current_thread().name == _READER
        return getattr(_said if of_node else self._stream, name)


def _hear_out() -> None:
    """Wait until jsii's thread has read what a Node.js that has died wrote at last."""
    for thread in threading.enumerate():
        if thread.name == _READER:
            thread.join(timeout=1)


def _comes_from_jsii(error: Exception) -> bool:
    frames = traceback.walk_tb(error.__traceback__)
    return any(frame.f_globals.get("__name__", "").startswith("jsii.") for frame, _ in frames)


def _reason(error: Exception) -> str:
    """Return the most telling line: Node.js' own words of its end, else what jsii made of it."""
    _said.seek(0)
    for line in _said:
        # jsii prints what is not its own as the representation of bytes.
        heard = (
            ast.literal_eval(line).decode("utf-8", "replace") if re.match(r"b['\"]", line) else line
        )
        match = re.search(r"\w*Error\b.*", heard)
        if match:
            return match[0].strip()
    if isinstance(error, ValueError | BrokenPipeError):  # jsii parses the answer that never came
        return "it ended without an answer"
    if isinstance(error, OSError):
        return f"{error.filename or 'it'} can't be used: {files.reason(error)}"
    return (str(error).splitlines() or [type(error).__name__])[0]


def _temporary_folder() -> str:
    try:
        return tempfile.gettempdir()
    except OSError:
        raise NodeError(
            "cdk8s needs a folder for temporary files, and none can be written: "
            "name one in the environment variable TMPDIR"
        ) from None


def _on_path() -> str:
    node = shutil.which("node")
    if node is None:
        raise NodeError(f"cdk8s needs Node.js, and there is none on PATH: {_BOTH_WAYS}")
    return _checked(node)


def _checked(node: str) -> str:
    version = _version(node)
    if version is None or version < OLDEST:
        found = "does not run as one" if version is None else f"is version {version}"
        raise NodeError(f"cdk8s needs Node.js {OLDEST} or newer, and {node} {found}: {_BOTH_WAYS}")
    return node


@lru_cache  # cdk8s may be asked for more than once
def _version(node: str) -> int | None:
    try:
        run = subprocess.run(  # noqa: S603  the user's own node
            [node, "--version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(r"v(\d+)\.", run.stdout)
    return int(match[1]) if match else None
