"""The committed dist/ is what the profiles say, and holds nothing else."""

from __future__ import annotations

import subprocess

import pytest

from ira_manifests import load_matrix
from ira_manifests.output.tree import path_in
from ira_manifests.render import render
from tests.support import PROFILES, ROOT


def versioned() -> list[str]:
    """What git keeps or would keep; a new cell counts before it is committed."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "dist"]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        pytest.skip("this tree is no git checkout")
    return run.stdout.splitlines()


def test_every_committed_file_is_generated_but_the_users_own() -> None:
    generated = {
        f"dist/{path_in(directory.name, name)}"
        for directory in render(load_matrix(PROFILES))
        for name in directory.files
    }

    users = {"dist/base", "dist/model-download/base/ira-model-config.env"}
    assert set(versioned()) == generated | users


def test_no_token_file_is_committed() -> None:
    assert not [path for path in versioned() if "token" in path]
