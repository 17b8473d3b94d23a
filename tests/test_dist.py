"""The committed dist/ is the output of the profiles, and holds nothing else."""

from __future__ import annotations

import subprocess

import pytest

from ira_manifests.output.directory import Directory
from ira_manifests.output.tree import path_in
from testing.project import ROOT


def versioned() -> list[str]:
    """Return the files that git tracks or would track, so that a new cell counts."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "dist"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        pytest.skip("this tree is no git checkout")
    return run.stdout.splitlines()


def generated(directories: dict[str, Directory]) -> dict[str, bytes]:
    return {
        f"dist/{path_in(directory.name, name)}": content
        for directory in directories.values()
        for name, content in directory.files.items()
    }


def test_every_committed_file_is_generated_but_the_users_own(
    directories: dict[str, Directory],
) -> None:
    users = {"dist/base", "dist/model-download/base/ira-model-config.env"}

    assert set(versioned()) == generated(directories).keys() | users


def test_a_committed_file_is_byte_for_byte_what_is_generated(
    directories: dict[str, Directory],
) -> None:
    for path, content in generated(directories).items():
        assert (ROOT / path).read_bytes() == content, path


def test_no_token_file_is_committed() -> None:
    assert not [path for path in versioned() if "token" in path]
