"""Helpers of several tests: runs of the command line, and obstacles in the file system."""

from __future__ import annotations

import atexit
import os
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings

from testing.project import ROOT
from tests import forks

# Root can read and write anywhere unless these capabilities are dropped.
UNPRIVILEGED = (
    ["setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner"] if os.getuid() == 0 else []
)

# A cache for this test run only, so that it uses nothing that another run has rendered.
CACHE = TemporaryDirectory(prefix="ira-manifests-tests-")

# The factor by which `make fuzz` multiplies the examples of each property.
_FUZZ = int(os.environ.get("IRA_FUZZ", "1"))

Run = subprocess.CompletedProcess[str]


def examples(count: int) -> settings:
    """Return the settings of a property test; `make fuzz` multiplies its number of examples."""
    return settings(max_examples=count * _FUZZ)


_OWN = {"PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": CACHE.name}


def _inherited() -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("JSII_")}


def ira(*arguments: str | Path, cwd: Path = ROOT, **options: Any) -> Run:
    """Run the command line, in a fork if the result is the same as in a new process."""
    named = options.get("env", {})
    if options.keys() <= {"env", "input"} and named.keys() <= forks.READ_BY_THE_RUN:
        environment = {**_inherited(), **_OWN, **named}
        said = options.get("input", "")
        return _forks().run(list(map(str, arguments)), cwd, environment, said)
    return ira_alone(*arguments, cwd=cwd, **options)


@cache
def _forks() -> forks.Server:
    server = forks.Server({**_inherited(), **_OWN})
    atexit.register(server.end)
    return server


def ira_alone(*arguments: str | Path, cwd: Path = ROOT, **options: Any) -> Run:
    """Run the command line in a new process, as a user does."""
    named = options.pop("program", ("-m", "ira_manifests"))
    program = [*options.pop("prefix", []), sys.executable, *named]
    command = [*program, *map(str, arguments)]
    environment = {**_inherited(), **_OWN, **options.pop("env", {})}
    return subprocess.run(
        command, cwd=cwd, text=True, capture_output=True, check=False, env=environment, **options
    )


def require(path: Path) -> None:
    """Skip the test where `make test` has not installed its program; `path`: a file in `build/`."""
    if not path.exists():
        folder = ROOT / "build" / path.relative_to(ROOT / "build").parts[0]
        pytest.skip(f"not installed: make {folder.relative_to(ROOT)}/.installed")


def line_of(field: str, profiles: Path, cell: str = "h100/llama3") -> str:
    """The line of a profile that `explain` names as the source of a field of a cell."""
    run = ira("explain", cell, field, "-p", profiles, cwd=profiles.parent)
    return line_named(run, profiles.parent)


def line_named(run: Run, folder: Path) -> str:
    """The line of the place, "file:line" from a folder, with which the output of a run ends."""
    assert run.returncode == 0, run.stderr
    file, number = run.stdout.split()[-1].rsplit(":", 1)
    return (folder / file).read_text().splitlines()[int(number) - 1]


def shell(script: str, cwd: Path = ROOT, **environment: str) -> Run:
    """Run a bash script, in which $IRA is the command line."""
    program = f"{sys.executable} -m ira_manifests"
    environment = {**_inherited(), **_OWN, "IRA": program, **environment}
    return subprocess.run(
        ["bash", "-c", script], cwd=cwd, text=True, capture_output=True, check=False,
        env=environment, timeout=120,
    )  # fmt: skip


def at_start(folder: Path, program: str) -> dict[str, str]:
    """Return an environment in which every Python runs a program before anything else."""
    (folder / "sitecustomize.py").write_text(program)
    return {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


def occupy(path: Path, kind: str) -> None:
    """Create something at a path that can't be read as a file."""
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        with socket.socket(socket.AF_UNIX) as listener:
            here = Path.cwd()
            os.chdir(path.parent)  # a socket's path is short
            listener.bind(path.name)
            os.chdir(here)
    elif kind == "device":
        path.symlink_to("/dev/zero")
    elif kind == "dangling link":
        path.symlink_to("nowhere")
    elif kind == "circle":
        path.symlink_to(path.name)
