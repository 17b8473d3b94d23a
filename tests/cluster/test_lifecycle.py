"""A control plane leaves no process and no folder behind, however it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from testing.project import ROOT
from tests.cluster import scratch
from tests.cluster.api import wait_until
from tests.cluster.controlplane import ControlPlane, ControlPlaneError
from tests.cluster.recipes import CONTROL_PLANE


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary folders are made, here and in child processes."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


@pytest.fixture
def run(programs: Path, temporary: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run of the harness's tests as make starts it, in a new process group."""
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", "-q", "-n", "1", "-p", "no:cacheprovider", _TESTS],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(temporary), "KUBEBUILDER_ASSETS": str(programs)},
        stdout=subprocess.DEVNULL,
        process_group=0,
    ) as process:
        yield process
        process.kill()


_TESTS = "tests/cluster/test_harness.py"


def test_stopping_leaves_nothing(programs: Path, temporary: Path) -> None:
    with ControlPlane.start(programs) as cluster:
        assert _programs_in(temporary) == set(CONTROL_PLANE.programs)
        assert cluster.site.folder.stat().st_mode & 0o777 == 0o700
    assert _leftovers(temporary) == []


def test_a_run_that_is_killed_in_the_middle_of_a_test_leaves_nothing(
    run: subprocess.Popen[bytes], temporary: Path
) -> None:
    wait_until(lambda: _kubectl_runs_in(temporary), "started: a test that calls kubectl")
    assert _programs_in(temporary) == set(CONTROL_PLANE.programs)
    run.kill()
    wait_until(lambda: not _leftovers(temporary), "gone: all of it", seconds=10)


def test_a_run_that_is_killed_with_its_process_group_leaves_nothing(
    run: subprocess.Popen[bytes], temporary: Path
) -> None:
    wait_until(
        lambda: _programs_in(temporary) == set(CONTROL_PLANE.programs), "started: all programs"
    )
    os.killpg(run.pid, signal.SIGKILL)
    wait_until(lambda: not _leftovers(temporary), "gone: all of it", seconds=10)


def test_a_run_that_is_killed_while_the_control_plane_starts_leaves_nothing(
    run: subprocess.Popen[bytes], temporary: Path
) -> None:
    wait_until(lambda: "kube-apiserver" in _programs_in(temporary), "started: the API server")
    run.kill()
    wait_until(lambda: not _leftovers(temporary), "gone: all of it", seconds=10)


def test_a_killed_supervisor_takes_the_programs_with_it(programs: Path, temporary: Path) -> None:
    cluster = ControlPlane.start(programs)
    os.kill(cluster.supervisor_pid, signal.SIGKILL)
    wait_until(lambda: not _programs_in(temporary), "gone: the programs", seconds=10)
    with pytest.raises(ControlPlaneError, match="supervisor"):
        cluster.check()
    cluster.stop()
    assert _leftovers(temporary) == []


def test_a_program_that_ends_is_named_with_its_log_and_the_rest_is_ended(
    programs: Path, temporary: Path, tmp_path: Path
) -> None:
    for name in CONTROL_PLANE.programs:
        (tmp_path / name).symlink_to(programs / name)
    (tmp_path / "kube-apiserver").unlink()
    (tmp_path / "kube-apiserver").write_text("#!/bin/sh\necho out of order\nexit 3\n")
    (tmp_path / "kube-apiserver").chmod(0o755)
    message = r"kube-apiserver ended with code 3\n.*\nout of order"
    with pytest.raises(ControlPlaneError, match=message):
        ControlPlane.start(tmp_path)
    assert _leftovers(temporary) == []


def test_a_start_removes_abandoned_folders_but_none_in_use(temporary: Path) -> None:
    abandoned, lock_of_abandoned = scratch.locked_folder()
    used, lock_of_used = scratch.locked_folder()
    new, lock_of_new = scratch.locked_folder()
    lock_of_abandoned.close()
    lock_of_new.close()
    for folder in (abandoned, used):
        os.utime(folder, (0, 0))
    scratch.remove_abandoned_folders()
    assert set(temporary.iterdir()) == {used, new}
    lock_of_used.close()


def _leftovers(temporary: Path) -> list[str]:
    folders = [str(path) for path in temporary.glob("control-plane-*")]
    return folders + _processes_with(str(temporary))


def _programs_in(temporary: Path) -> set[str]:
    folder = f"{temporary}/control-plane-"
    names = {Path(line.split()[0]).name for line in _processes_with(folder)}
    return names & set(CONTROL_PLANE.programs)


def _kubectl_runs_in(temporary: Path) -> bool:
    return any("/kubectl " in line for line in _processes_with(f"{temporary}/control-plane-"))


def _processes_with(text: str) -> list[str]:
    """The processes that have a text in their arguments or environment."""
    listing = subprocess.run(
        ["ps", "axeww", "-o", "args="],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    return [line for line in listing.stdout.splitlines() if text in line]
