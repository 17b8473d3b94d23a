"""The cluster that the tests of this folder share, and a namespace for each of them.

Without the programs the tests are skipped, and say so; with IRA_REQUIRE_CLUSTER=1 they fail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster import binaries, leader_worker_sets, lws_program
from tests.cluster.controlplane import ControlPlane
from tests.cluster.miniature import furnish
from tests.cluster.namespace import Namespace, namespace_on
from tests.cluster.provisioner import provisioning


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder of the control plane's programs."""
    return _found(binaries.find)


def _found(find: Callable[[], Path]) -> Path:
    try:
        return find()
    except binaries.MissingProgramsError as error:
        if os.environ.get("IRA_REQUIRE_CLUSTER") == "1":
            pytest.fail(f"IRA_REQUIRE_CLUSTER=1, but {error}", pytrace=False)
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def cluster(programs: Path) -> Iterator[ControlPlane]:
    """A control plane with GKE in miniature on it, for the whole run."""
    crds = [binaries.crd(programs, name) for name in binaries.CRDS]
    with ControlPlane.start(programs) as started:
        furnish(started.api, crds)
        with provisioning(started.api):
            yield started


@pytest.fixture(scope="session")
def with_lws(cluster: ControlPlane) -> ControlPlane:
    """The cluster, with the controller of LeaderWorkerSets on it."""
    leader_worker_sets.install(cluster, _found(lws_program.find))
    return cluster


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
