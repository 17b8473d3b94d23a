"""`make package`: an sdist and a wheel that can be built again from the commit, byte for byte."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from hashlib import sha256
from pathlib import Path

import pytest
import yaml

from testing.project import ROOT
from tests.support import Run
from tests.test_ci import git, tool
from tools.package import SUMS


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All files of this project as a repository with one commit, tagged v0.2.0."""
    folder = tmp_path_factory.mktemp("repository")
    for name in git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    (folder / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n### Added\n\n- All.\n"
    )
    git(folder, "init", "--quiet")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "all")
    git(folder, "tag", "v0.2.0")
    return folder


@pytest.fixture(scope="module")
def package(repository: Path) -> Path:
    """What `make package` writes."""
    run = packaged(repository, "build/package")
    assert run.returncode == 0, run.stderr
    return repository / "build/package"


def packaged(repository: Path, folder: str) -> Run:
    return subprocess.run(
        [sys.executable, "-m", "tools.package", folder],
        cwd=repository, capture_output=True, text=True, check=False,
    )  # fmt: skip


def hatchling(target: str, source: Path, out: Path) -> Path:
    """Build as anybody does, in another process environment than `make package`."""
    time = git(source, "log", "-1", "--format=%ct")
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(out)]
    environment = {**os.environ, "TZ": "America/St_Johns", "SOURCE_DATE_EPOCH": time}
    subprocess.run(command, cwd=source, env=environment, umask=0o007, check=True)
    (built,) = out.iterdir()
    return built


def test_the_files_are_named_after_the_tag_with_their_digests(package: Path) -> None:
    names = ["ira_manifests-0.2.0-py3-none-any.whl", "ira_manifests-0.2.0.tar.gz"]
    assert sorted(path.name for path in package.iterdir()) == sorted([*names, SUMS])

    run = subprocess.run(
        ["sha256sum", "--check", SUMS], cwd=package, capture_output=True, text=True, check=True
    )

    assert run.stdout.splitlines() == [f"{name}: OK" for name in names]


@pytest.mark.parametrize("target", ["sdist", "wheel"])
def test_a_clone_builds_the_same_bytes(
    target: str, repository: Path, package: Path, tmp_path: Path
) -> None:
    """Also the wheel, although `make package` builds it from the sdist."""
    git(tmp_path, "clone", "--quiet", str(repository), "a clone elsewhere")

    built = hatchling(target, tmp_path / "a clone elsewhere", tmp_path / "out")

    assert digest(built) == digest(package / built.name)


def digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()


def test_the_workflow_takes_version_and_notes_of_the_tag(
    repository: Path, package: Path, tmp_path: Path
) -> None:
    """Its own script, in a copy of the repository after `make package`."""
    clone = shutil.copytree(repository, tmp_path / "clone")
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yaml").read_text())
    (script,) = (step for step in workflow["jobs"]["build"]["steps"] if step.get("id") == "notes")
    output = tmp_path / "output"

    def run(tag: str) -> Run:
        return tool("bash", "-eo", "pipefail", "-c", script["run"], cwd=clone, TAG=tag,
                    GITHUB_OUTPUT=str(output))  # fmt: skip

    done = run("v0.2.0")
    assert done.returncode == 0, done.stderr
    assert output.read_text() == "version=0.2.0\n"
    assert (clone / "build/package/notes.md").read_text() == "### Added\n\n- All.\n"
    assert run("v0.3.0").returncode != 0


def test_archives_have_the_time_of_the_commit_and_modes_of_no_umask(
    repository: Path, package: Path
) -> None:
    (sdist,), (wheel,) = package.glob("*.tar.gz"), package.glob("*.whl")
    with tarfile.open(sdist) as archive:
        members = archive.getmembers()
    modes = {info.external_attr >> 16 & 0o777 for info in zipfile.ZipFile(wheel).infolist()}

    assert {member.mtime for member in members} == {
        int(git(repository, "log", "-1", "--format=%ct"))
    }
    assert {(member.uid, member.gid, member.uname, member.gname) for member in members} == {
        (0, 0, "", "")
    }
    assert {member.mode & 0o777 for member in members} | modes <= {0o644, 0o755}


def test_the_sdist_has_what_the_wheel_is_built_of_and_nothing_else(
    repository: Path, package: Path
) -> None:
    (sdist,) = package.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    tops = {name.partition("/")[0] for name in names}
    assert tops == {
        ".gitignore", "CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "examples",
        "ira_manifests", "profiles", "pyproject.toml",
    }  # fmt: skip
    tracked = set(git(repository, "ls-files").splitlines())
    assert names - tracked == {"PKG-INFO"}
    assert {name for name in tracked if name.startswith(("ira_manifests/", "profiles/"))} <= names


def test_a_build_that_differs_is_no_package(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(repository), "clone")
    clone = tmp_path / "clone"
    (clone / "hatch_build.py").write_text(
        "import uuid\n"
        "from hatchling.builders.hooks.plugin.interface import BuildHookInterface\n"
        "class Hook(BuildHookInterface):\n"
        "    def initialize(self, version, build_data):\n"
        '        with open("ira_manifests/made.py", "w") as file:\n'
        "            file.write(f\"ID = '{uuid.uuid4()}'\\n\")\n"
    )
    with (clone / "pyproject.toml").open("a") as file:
        file.write(
            "\n[tool.hatch.build.targets.wheel.hooks.custom]\n"
            "[tool.hatch.build.targets.sdist.force-include]\n'hatch_build.py' = 'hatch_build.py'\n"
        )
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "random")

    run = packaged(clone, "build/package")

    assert run.returncode == 2
    assert run.stderr.startswith("error: two builds of this commit differ in ira_manifests-")
    assert run.stderr.endswith(".whl\n")
    assert not (clone / "build").exists()


def test_what_is_not_committed_is_told(repository: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", str(repository), "clone")
    (tmp_path / "clone/ira_manifests/new.py").touch()

    run = packaged(tmp_path / "clone", "build/package")

    assert (run.returncode, run.stderr) == (
        2,
        "error: what is packaged is the commit, and ira_manifests/new.py is not committed\n",
    )


def test_a_folder_with_files_is_not_written_to(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").touch()

    run = packaged(repository, str(tmp_path))

    assert run.returncode == 2
    assert run.stderr == f"error: {tmp_path} must be an empty folder, or not exist\n"
