"""The cluster that the tests of this folder share, and a namespace for each of them.

Without the programs the tests are skipped, and say so; with IRA_REQUIRE_CLUSTER=1 they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster import argo_cd_controllers, binaries, flux_controller, leader_worker_sets
from tests.cluster.argo_cd_controllers import ArgoCd
from tests.cluster.controlplane import ControlPlane
from tests.cluster.flux_controller import Flux
from tests.cluster.miniature import furnish
from tests.cluster.namespace import Namespace, namespace_on
from tests.cluster.provisioner import provisioning
from tests.cluster.recipes import (
    ARGO_CD,
    CONTROL_PLANE,
    FLUX,
    LEADER_WORKER_SETS,
    REGISTRY,
    Recipe,
)


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of the control plane's programs."""
    return _built(CONTROL_PLANE)


@pytest.fixture(scope="session")
def cluster(programs: Path) -> Iterator[ControlPlane]:
    """A control plane with GKE in miniature on it, for the whole run."""
    with ControlPlane.start(programs) as started:
        furnish(started.api, binaries.manifests(programs))
        with provisioning(started.api):
            yield started


@pytest.fixture(scope="session")
def with_lws(cluster: ControlPlane) -> ControlPlane:
    """The cluster, with the controller of LeaderWorkerSets on it."""
    leader_worker_sets.install(cluster, _built(LEADER_WORKER_SETS))
    return cluster


@pytest.fixture(scope="session")
def flux(cluster: ControlPlane) -> Iterator[Flux]:
    """Flux on that control plane, for the whole run."""
    with flux_controller.running(cluster, _built(FLUX)) as started:
        yield started


@pytest.fixture(scope="session")
def argo_cd(cluster: ControlPlane) -> Iterator[ArgoCd]:
    """Argo CD on that control plane, for the whole run."""
    with argo_cd_controllers.running(cluster, _built(ARGO_CD)) as started:
        yield started


@pytest.fixture(scope="session")
def crane() -> Path:
    """The program of that name."""
    return _built(REGISTRY) / "crane"


def _built(recipe: Recipe) -> Path:
    try:
        return binaries.find(recipe=recipe)
    except binaries.MissingProgramsError as error:
        if os.environ.get("IRA_REQUIRE_CLUSTER") == "1":
            pytest.fail(f"IRA_REQUIRE_CLUSTER=1, but {error}", pytrace=False)
        pytest.skip(str(error))


@pytest.fixture
def namespace(cluster: ControlPlane) -> Iterator[Namespace]:
    """A namespace that enforces Pod Security `baseline`."""
    with namespace_on(cluster, "baseline") as made:
        yield made


@pytest.fixture
def restricted_namespace(cluster: ControlPlane) -> Iterator[Namespace]:
    """A namespace that enforces Pod Security `restricted`."""
    with namespace_on(cluster, "restricted") as made:
        yield made


@pytest.fixture
def dist(filled_dist: Path, tmp_path: Path) -> Path:
    """The committed dist/, filled in, for a test that changes it."""
    return Path(shutil.copytree(filled_dist, tmp_path / "dist", symlinks=True))
