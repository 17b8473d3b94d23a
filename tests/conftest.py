from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

import ira_manifests  # before any test module imports cdk8s: it names the Node.js of the extra
from testing.kubectl import kustomize
from testing.objects import Json, objects_in
from testing.project import DIST, PROFILES, copy_filled

if TYPE_CHECKING:
    from cdk8s import Chart

    from ira_manifests import Cell
    from ira_manifests.output.directory import Directory

assert ira_manifests.__all__

# A shell starts what runs in the background with Ctrl-C ignored, and its children inherit that: the
# runs that tests interrupt would go on.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The gate tries the same examples each time; `make fuzz` looks for new ones, and prints what
# `@example` needs to pin one. No example has a deadline: machines are shared.
settings.register_profile("gate", derandomize=True, deadline=None)
settings.register_profile("fuzz", derandomize=False, deadline=None, print_blob=True)
settings.load_profile("gate")


@pytest.fixture(scope="session")
def directories() -> dict[str, Directory]:
    """What the shipped profiles render to: right in every respect."""
    from ira_manifests.render import render

    return {item.name: item for item in render(ira_manifests.load_matrix(PROFILES))}


@pytest.fixture(scope="session")
def filled_dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed dist/, with base/ filled in by the user."""
    return copy_filled(DIST, tmp_path_factory.mktemp("walkthrough") / "dist")


@pytest.fixture(scope="session")
def rendered_text(filled_dist: Path) -> dict[str, str]:
    """What kubectl makes of each directory of dist/."""
    return {path.name: kustomize(path) for path in sorted(filled_dist.iterdir()) if path.is_dir()}


@pytest.fixture(scope="session")
def rendered(rendered_text: dict[str, str]) -> dict[str, list[Json]]:
    return {name: objects_in(text) for name, text in rendered_text.items()}


@pytest.fixture
def cell() -> Cell:
    """A cell for constructs of somebody else's app."""
    return ira_manifests.load_matrix()["h100", "gemma3-27b"]


@pytest.fixture
def chart() -> Chart:
    """A chart of somebody else's app."""
    from cdk8s import App, Chart

    return Chart(App(), "inference", namespace="llm")
