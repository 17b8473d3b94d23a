from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import ira_manifests  # before any test module imports cdk8s: it selects the extra's Node.js
from testing.kubectl import kustomize
from testing.objects import Json, objects_in
from testing.project import DIST, PROFILES, copy_filled
from tests import wheels

if TYPE_CHECKING:
    from cdk8s import Chart

    from ira_manifests import Cell
    from ira_manifests.output.directory import Directory

assert ira_manifests.__all__

# A shell starts background jobs with SIGINT ignored, and their children inherit that, so the runs
# that tests interrupt would not stop.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# `make test` tries the same examples each time; `make fuzz` looks for new ones, and prints the
# arguments of `@example` to keep one. Examples have no deadline, because machines are shared.
settings.register_profile("gate", derandomize=True, deadline=None)
settings.register_profile("fuzz", derandomize=False, deadline=None, print_blob=True)
settings.load_profile("gate")


@pytest.fixture(scope="session")
def directories() -> dict[str, Directory]:
    """The rendered directories of the shipped profiles, without any finding."""
    from ira_manifests.rendering import render

    return {item.name: item for item in render(ira_manifests.load_matrix(PROFILES))}


@pytest.fixture(scope="session")
def filled_dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed dist/, with base/ filled in by the user."""
    return copy_filled(DIST, tmp_path_factory.mktemp("walkthrough") / "dist")


@pytest.fixture(scope="session")
def rendered_text(filled_dist: Path) -> dict[str, str]:
    """The output of `kubectl kustomize` for each directory of dist/."""
    return {path.name: kustomize(path) for path in sorted(filled_dist.iterdir()) if path.is_dir()}


@pytest.fixture(scope="session")
def rendered(rendered_text: dict[str, str]) -> dict[str, list[Json]]:
    return {name: objects_in(text) for name, text in rendered_text.items()}


@pytest.fixture
def cell() -> Cell:
    """A cell for constructs in a user's own cdk8s app."""
    return ira_manifests.load_matrix()["h100", "gemma3-27b"]


@pytest.fixture
def chart() -> Chart:
    """A chart of a user's own cdk8s app."""
    from cdk8s import App, Chart

    return Chart(App(), "inference", namespace="llm")


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheels.build(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of a new environment with the wheel, without its extra."""
    venv = tmp_path_factory.mktemp("bare") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    wheels.install(venv / "bin/python", str(wheel), tmp_path_factory.mktemp("versions"))
    return venv / "bin/python"
