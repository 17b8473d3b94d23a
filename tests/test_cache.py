"""The user's cache is used only if no other user can change it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from tests.support import UNPRIVILEGED, Run, at_start, ira_alone

ONE = "--only", "l4/gemma3-27b"
OTHER = 65534 if os.getuid() == 0 else None  # only root can act as another user


@pytest.fixture
def base() -> Iterator[Path]:
    """A folder that every user can access."""
    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "cache"


def synth(tmp_path: Path, base: Path, **options: Any) -> Run:
    env = {"XDG_CACHE_HOME": str(base)}
    return ira_alone("synth", *ONE, "--out", tmp_path / "out", env=env, **options)


def assert_unused(run: Run, place: Path) -> None:
    """Assert that a run succeeds, and says in one line why it uses no cache."""
    assert run.returncode == 0, run.stderr
    assert run.stderr.startswith(f"note: the cache is not used: {place}"), run.stderr
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize("mode", [0o775, 0o777, 0o757])
@pytest.mark.parametrize("name", ["", "ira_manifests", "ira_manifests/cdk8s"])
def test_a_folder_that_others_can_write_to_is_not_used(
    tmp_path: Path, base: Path, name: str, mode: int
) -> None:
    folder = base / name
    folder.mkdir(parents=True)
    folder.chmod(mode)

    assert_unused(synth(tmp_path, base), folder)
    assert not list(folder.rglob("*.json")) or name.endswith("cdk8s")
    assert not [path for path in base.glob("ira_manifests/cdk8s/*") if path.is_file()]


def test_a_folder_below_one_that_others_can_write_to_is_not_used(
    tmp_path: Path, base: Path
) -> None:
    base.mkdir(mode=0o700)
    base.chmod(0o777)

    assert_unused(synth(tmp_path, base / "mine"), base)
    assert list(base.iterdir()) == []


def test_a_folder_below_a_sticky_one_is_used(tmp_path: Path, base: Path) -> None:
    base.mkdir()
    base.chmod(0o1777)

    run = synth(tmp_path, base / "mine")

    assert (run.returncode, run.stderr) == (0, "")
    assert list(base.glob("mine/ira_manifests/cdk8s/*"))


@pytest.mark.parametrize("name", ["ira_manifests", "ira_manifests/cdk8s"])
def test_a_link_in_the_place_of_a_folder_is_not_followed(
    tmp_path: Path, base: Path, name: str
) -> None:
    place, elsewhere = base / name, tmp_path / "elsewhere"
    place.parent.mkdir(parents=True, mode=0o700)
    elsewhere.mkdir(mode=0o700)
    place.symlink_to(elsewhere)

    assert_unused(synth(tmp_path, base), place)
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077])
def test_the_folders_are_the_users_alone_whatever_the_umask(
    tmp_path: Path, base: Path, umask: int
) -> None:
    run = synth(tmp_path, base, umask=umask)

    assert (run.returncode, run.stderr) == (0, "")
    made = [base, *base.rglob("*")]
    assert {oct(path.stat().st_mode & 0o777) for path in made if path.is_dir()} == {"0o700"}
    assert {oct(path.stat().st_mode & 0o777) for path in made if path.is_file()} == {"0o600"}
    kept = {path.name for path in base.rglob("*") if path.suffix in ("", ".js")}
    assert {"ira_manifests", "cdk8s", "synth", "app.js"} <= kept


@pytest.mark.parametrize("name", ["", "ira_manifests", "ira_manifests/synth"])
def test_a_folder_of_somebody_else_is_not_used(tmp_path: Path, base: Path, name: str) -> None:
    folder = base / name
    folder.mkdir(parents=True, mode=0o700)
    if OTHER is None:  # such a folder can't be made; one that this user can't write to is alike
        folder.chmod(0o500)
    else:
        os.chown(folder, OTHER, OTHER)

    assert_unused(synth(tmp_path, base), folder)
    assert not [path for path in base.rglob("*") if path.is_file() and name in ("", path.parent)]


NO_SPACE = """
import errno, os, sys
made = []
def hook(event, arguments):
    if event == "open" and "/.files-" in str(arguments[0]) and arguments[2] & os.O_CREAT:
        made.append(arguments[0])
        if len(made) > 100:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), arguments[0])
sys.addaudithook(hook)
"""


def test_a_cache_without_space_is_not_used(tmp_path: Path) -> None:
    """The system refuses the hundredth file, as with a full disk."""
    base = tmp_path / "cache"
    env = {"XDG_CACHE_HOME": str(base), **at_start(tmp_path, NO_SPACE)}

    run = ira_alone("synth", *ONE, "--out", tmp_path / "out", env=env)

    assert_unused(run, base / "ira_manifests/cdk8s")
    assert "no space is left" in run.stderr
    assert list(base.glob("ira_manifests/cdk8s/*")) == []
    assert list(base.glob("ira_manifests/cdk8s/.*")) == []


def test_a_cache_that_can_not_be_written_is_not_used(tmp_path: Path, base: Path) -> None:
    base.mkdir(mode=0o500)

    assert_unused(synth(tmp_path, base, prefix=UNPRIVILEGED), base)
