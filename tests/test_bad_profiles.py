"""Every fixture of bad_profiles/ gives its messages, each at its place, and nothing is written.

A fixture is laid over the shipped profiles. `expected.txt` was written by hand from the defect.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from ira_manifests import ProfileError, load_matrix
from tests.support import copy_profiles, ira

FIXTURES = Path(__file__).parent / "bad_profiles"
NAMES = sorted(path.name for path in FIXTURES.iterdir())


def lay_over(fixture: Path, folder: Path) -> None:
    copy_profiles(folder)
    ignore = shutil.ignore_patterns("expected.txt")
    shutil.copytree(fixture, folder / "profiles", dirs_exist_ok=True, ignore=ignore)


@pytest.mark.parametrize("name", NAMES)
def test_a_bad_profile_gets_all_its_errors_with_their_places(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_over(FIXTURES / name, tmp_path)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ProfileError) as caught:
        load_matrix()

    assert str(caught.value).splitlines() == (
        (FIXTURES / name / "expected.txt").read_text().splitlines()
    )


@pytest.mark.parametrize("name", ["errors_in_many_files", "alias_bomb", "not_utf8"])
def test_the_command_line_prints_them_exits_with_2_and_writes_nothing(
    name: str, tmp_path: Path
) -> None:
    lay_over(FIXTURES / name, tmp_path)

    run = ira("synth", cwd=tmp_path)

    expected = (FIXTURES / name / "expected.txt").read_text()
    assert run.returncode == 2
    assert run.stderr.startswith(expected)
    assert run.stderr[len(expected) :].count("\n") == 1  # the count of problems
    assert run.stdout == ""
    assert not (tmp_path / "dist").exists()


def test_an_empty_folder_is_told_what_it_lacks(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()

    run = ira("synth", "--profiles", folder, cwd=tmp_path)

    assert run.returncode == 2
    assert f"{folder}/platform.yaml:1:1: can't be read: no such file or directory" in run.stderr
    assert f"{folder}/gpus:1:1: holds no profile" in run.stderr
    assert f"{folder}/models:1:1: holds no profile" in run.stderr


def test_a_missing_folder_is_one_sentence(tmp_path: Path) -> None:
    run = ira("synth", "--profiles", tmp_path / "nowhere", cwd=tmp_path)

    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "is not a folder" in run.stderr


def test_a_profile_that_is_a_folder_is_one_problem(tmp_path: Path) -> None:
    copy_profiles(tmp_path)
    (tmp_path / "profiles/models/tiny.yaml").mkdir()

    run = ira("synth", cwd=tmp_path)

    assert run.returncode == 2
    assert "profiles/models/tiny.yaml:1:1: can't be read: it is a folder" in run.stderr
