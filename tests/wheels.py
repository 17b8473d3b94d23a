"""The wheel of this project, and how a user installs it."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from testing.project import ROOT
from tests.locks import locked


def build(folder: Path) -> Path:
    """Build the wheel, and return its file."""
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    if find_spec("hatch_vcs") is None:
        pytest.skip("hatch-vcs is not installed: this environment is older than constraints.txt")
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    (built,) = folder.glob("*.whl")
    return built


def install(python: Path, what: str, folder: Path) -> None:
    """Install as a user does, with the wheel's dependencies at the tested versions.

    Uses this environment's pip, without compiling: both save more time than all the rest takes.
    """
    versions = folder / "constraints.txt"
    versions.write_text("\n".join(map(str, locked(ROOT / "constraints.txt"))))
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    command = [*pip, "install", "--quiet", "--no-compile", what]
    environment = {**os.environ, "PIP_CONSTRAINT": str(versions)}
    subprocess.run(command, env=environment, check=True)
