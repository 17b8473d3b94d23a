"""The version is that of the tag, and says so where none is known."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.version import Version

from testing.project import ROOT
from tests.test_ci import git

DECIDE = ("pyproject.toml", ".gitattributes", ".git_archival.txt")


def version(folder: Path, **environment: str) -> Version:
    """Return what a build of a folder has."""
    run = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "hatchling", "version"],
        cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return Version(run.stdout.strip())


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The files that decide it, as a repository with one commit and no tag."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for name in DECIDE:
        shutil.copy(ROOT / name, folder)
    git(folder, "init", "--quiet")
    commit(folder, "first")
    return folder


def commit(folder: Path, message: str) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)


def unpacked(repository: Path) -> Path:
    """Return a folder as in an archive of the commit, such as a forge offers for download."""
    git(repository, "archive", "--format=tar", "--output=../archive.tar", "HEAD")
    folder = repository.parent / "archive"
    shutil.unpack_archive(repository.parent / "archive.tar", folder)
    return folder


@pytest.mark.parametrize("annotated", [[], ["--annotate", "--message", "0.2.0"]])
def test_a_tagged_commit_has_the_version_of_its_tag(repository: Path, annotated: list[str]) -> None:
    git(repository, "tag", *annotated, "v0.2.0")

    assert str(version(repository)) == "0.2.0"
    assert str(version(unpacked(repository))) == "0.2.0"


def test_a_later_commit_is_a_development_version_of_the_next_release(repository: Path) -> None:
    git(repository, "tag", "v0.2.0")
    commit(repository, "second")
    commit(repository, "third")
    short = git(repository, "rev-parse", "--short=7", "HEAD")

    for found in (version(repository), version(unpacked(repository))):
        assert found.public == "0.2.1.dev2"
        assert re.match(f"g{short}", found.local or "")
        assert Version("0.2.0") < found < Version("0.2.1")


@pytest.mark.parametrize(
    "other", ["v0", "v0.3", "v0.3.0rc1", "v0.3.0-preview", "v0.3.0.1", "docs-2027", "gke-1.35.2"]
)
def test_other_tags_are_no_versions(repository: Path, other: str) -> None:
    git(repository, "tag", "v0.2.0")
    commit(repository, "second")
    git(repository, "tag", other)

    assert version(repository).public == "0.2.1.dev1"
    assert version(unpacked(repository)).public == "0.2.1.dev1"


def test_without_a_tag_the_version_is_called_unknown_and_names_the_commit(
    repository: Path, tmp_path: Path
) -> None:
    found = version(repository)

    assert found.is_devrelease
    short = git(repository, "rev-parse", "--short=7", "HEAD")
    assert re.match(rf"unknown\.g{short}", found.local or "")


def test_a_shallow_clone_is_built_and_its_version_is_called_unknown(
    repository: Path, tmp_path: Path
) -> None:
    git(repository, "tag", "v0.2.0")
    commit(repository, "second")
    git(tmp_path, "clone", "--quiet", "--depth=1", repository.as_uri(), "shallow")

    assert (version(tmp_path / "shallow").local or "").startswith("unknown.g")


def test_a_shallow_clone_of_a_tag_has_its_version(repository: Path, tmp_path: Path) -> None:
    git(repository, "tag", "v0.2.0")
    commit(repository, "second")
    options = ("--quiet", "--depth=1", "--branch=v0.2.0")
    git(tmp_path, "clone", *options, repository.as_uri(), "shallow")

    assert str(version(tmp_path / "shallow")) == "0.2.0"


def test_a_folder_without_git_is_built_and_its_version_is_called_unknown(
    repository: Path,
) -> None:
    shutil.rmtree(repository / ".git")

    assert str(version(repository)) == "0.0.0+unknown"


def test_without_the_program_git_the_version_is_called_unknown(repository: Path) -> None:
    git(repository, "tag", "v0.2.0")

    assert str(version(repository, PATH="/nowhere")) == "0.0.0+unknown"


def test_whoever_packages_it_sets_the_version(repository: Path) -> None:
    """Without the project's name, which hatch-vcs does not tell setuptools-scm."""
    name = "SETUPTOOLS_SCM_PRETEND_VERSION"

    assert str(version(repository, **{name: "0.2.0.post1"})) == "0.2.0.post1"
