"""Every case of bad_profiles/ gets its messages, each at its place, and nothing is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from ira_manifests import ProfileError, load_environments, load_matrix
from testing.edits import place_of, replace_once
from testing.project import copy_profiles
from tests.bad_profiles import CASES
from tests.bad_profiles.case import A100, MEASURED, TINY
from tests.support import ira


@pytest.mark.parametrize("name", sorted(CASES))
def test_a_bad_profile_gets_all_its_errors_with_their_places(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    profiles = copy_profiles(tmp_path)
    CASES[name].lay_over(profiles)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(ProfileError) as caught:
        load_environments()

    assert str(caught.value).splitlines() == CASES[name].expected(profiles)


def test_what_the_cases_edit_has_no_defect(tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    (profiles / "models/tiny.yaml").write_text(TINY)
    (profiles / "models/measured.yaml").write_text(MEASURED)
    (profiles / "gpus/a100.yaml").write_text(A100)

    assert ("h100", "tiny") in load_matrix(profiles)


@pytest.mark.parametrize("text", ["", "version: 1\nversion: 1\n"])
def test_an_edit_of_what_is_not_there_once_fails_and_says_so(text: str) -> None:
    with pytest.raises(AssertionError, match=r"'version: 1' occurs [02] times"):
        replace_once(text, "version: 1", "version: 2")


def test_a_place_is_that_of_the_mark() -> None:
    assert place_of("a: 1\nb:\n  c: 2\n", "c: |2") == (3, 6)


@pytest.mark.parametrize("name", ["errors_in_many_files", "alias_bomb", "not_utf8"])
def test_the_command_line_prints_them_exits_with_2_and_writes_nothing(
    name: str, tmp_path: Path
) -> None:
    profiles = copy_profiles(tmp_path)
    CASES[name].lay_over(profiles)

    run = ira("synth", cwd=tmp_path)

    expected = "".join(f"{line}\n" for line in CASES[name].expected(profiles))
    assert run.returncode == 2
    assert run.stderr.startswith(expected)
    assert run.stderr[len(expected) :].count("\n") == 1  # the count of problems
    assert run.stdout == ""
    assert not (tmp_path / "dist").exists()


def test_an_empty_folder_is_reported_with_what_it_lacks(tmp_path: Path) -> None:
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
