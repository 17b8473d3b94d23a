"""The locks of `make` and of the download's container: pinned by hash, complete and installable."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ira_manifests import hub_lock, load_matrix
from testing.project import PROFILES, ROOT
from tests.locks import locked, versions
from tools.lock import IMAGE_MACHINES, IMAGE_PYTHON, NPM_FOLDERS, pinned_hub

CONSTRAINTS = ROOT / "constraints.txt"
PINNED = load_matrix(PROFILES).platform.model_download.huggingface_hub
HUB = ROOT / "ira_manifests" / "hub_lock" / hub_lock.file_name(PINNED)
OTHERS = (
    "tools/uv.txt",
    "tools/audit.txt",
    "tools/zensical.txt",
    "benchmarks/kubectl.txt",
    "tests/oldest-kubectl.txt",
)
LOCKS = [CONSTRAINTS, HUB, *(ROOT / name for name in OTHERS)]
PIP = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]


def declared() -> Iterator[Requirement]:
    """Return the requirements of pyproject.toml that `make` installs."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    yield from map(Requirement, project["project"]["dependencies"])
    for extra in project["project"]["optional-dependencies"].values():
        yield from map(Requirement, extra)
    yield from map(Requirement, [*groups["check"], *groups["test"]])
    yield from map(Requirement, project["build-system"]["requires"])


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_a_lock_holds_versions_and_hashes_and_no_address(lock: Path) -> None:
    assert locked(lock)
    assert "://" not in lock.read_text()


@pytest.mark.parametrize("folder", NPM_FOLDERS)
def test_a_lock_of_npm_holds_hashes_of_what_is_declared_and_no_address(folder: str) -> None:
    """https://docs.npmjs.com/cli/v11/configuring-npm/package-lock-json"""
    lock = json.loads((ROOT / folder / "package-lock.json").read_text())
    declared = json.loads((ROOT / folder / "package.json").read_text())
    root = lock["packages"].pop("")
    kinds = ("dependencies", "devDependencies")

    assert [root.get(kind) for kind in kinds] == [declared.get(kind) for kind in kinds]
    for name, package in lock["packages"].items():
        assert package.get("inBundle") or package["integrity"].startswith("sha512-"), name
        assert "resolved" not in package, name


def test_make_lock_writes_every_lock() -> None:
    """Of those that Git knows, here or in the clone that was made of it."""
    kept = ("build", ".venv", "node_modules")
    found = {path.relative_to(ROOT) for path in ROOT.rglob("package-lock.json")}
    found = {path for path in found if not {*path.parts} & {*kept}}

    assert found == {Path(folder, "package-lock.json") for folder in NPM_FOLDERS}


def test_what_make_installs_is_what_the_project_declares() -> None:
    found = versions(CONSTRAINTS)

    for requirement in declared():
        assert requirement.specifier.contains(found[canonicalize_name(requirement.name)])
    assert "pip" in found


def test_make_installs_nothing_without_a_hash_and_builds_nothing_but_the_project() -> None:
    text = (ROOT / "Makefile").read_text()
    commands = re.findall(r"pip install (.*)", text)

    assert "HASHED := $(QUIET) --require-hashes --only-binary :all:" in text
    assert len(commands) == 7
    others = [command for command in commands if not command.startswith("$(HASHED) ")]
    assert others == ["$(QUIET) --no-deps --no-build-isolation -e ."]


def test_the_container_installs_the_pin_of_the_profiles() -> None:
    assert pinned_hub((PROFILES / "platform.yaml").read_text()) == PINNED
    assert versions(HUB)[canonicalize_name("huggingface_hub")] == PINNED
    assert PINNED in hub_lock.releases()


def test_the_container_installs_what_the_tests_run() -> None:
    tested = {
        (each.name, str(each.specifier)): hashes for each, hashes in locked(CONSTRAINTS).items()
    }

    for requirement, hashes in locked(HUB).items():
        assert hashes <= tested[requirement.name, str(requirement.specifier)]


def test_the_containers_lock_is_complete() -> None:
    """By the metadata of the installed releases, for the image's Python and system."""
    image = {
        **{name: str(value) for name, value in default_environment().items()},
        "python_version": IMAGE_PYTHON,
        "python_full_version": f"{IMAGE_PYTHON}.2",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
        "extra": "",
    }
    needed, queue = set(), ["huggingface-hub"]
    while queue:
        name = queue.pop()
        if name not in needed:
            needed.add(name)
            queue += [
                canonicalize_name(each.name)
                for each in map(Requirement, requires(name) or [])
                if not each.marker or each.marker.evaluate(image)
            ]

    assert set(versions(HUB)) == needed


@pytest.mark.index
@pytest.mark.parametrize("machine", IMAGE_MACHINES)
def test_the_index_has_what_the_container_installs(machine: str, tmp_path: Path) -> None:
    """With the container's arguments of pip, for the image's Python 3.11 and glibc 2.36."""
    platforms = [f"--platform=manylinux_{glibc}_{machine}" for glibc in ("2_36", "2_28", "2_17")]
    command = [
        *PIP, "install", "--dry-run", "--ignore-installed", "--no-cache-dir", "--require-hashes",
        "--only-binary", ":all:", "--implementation=cp", f"--python-version={IMAGE_PYTHON}",
        *platforms, f"--target={tmp_path}", f"--requirement={HUB}",
    ]  # fmt: skip
    subprocess.run(command, check=True)
