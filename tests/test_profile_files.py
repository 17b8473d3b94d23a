"""Files and folders of profiles: which are read, and the effect of others on a run."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from testing.project import ROOT, copy_profiles
from tests.support import UNPRIVILEGED, ira, occupy


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """The models of a copy of the shipped profiles."""
    return copy_profiles(tmp_path) / "models"


def test_what_is_no_file_is_a_problem_and_is_not_waited_for(tmp_path: Path, models: Path) -> None:
    messages = {
        "circle": "its symbolic links form a loop",
        "dangling link": "no such file or directory",
        "device": "it is not a regular file",
        "folder": "it is a folder",
        "pipe": "it is not a regular file",
        "socket": "it is not a regular file",
    }
    for kind in messages:
        occupy(models / f"{kind}.yaml", kind)

    run = ira("list", cwd=tmp_path, timeout=60)

    assert run.returncode == 2
    assert run.stderr.splitlines() == [
        *(f"profiles/models/{k}.yaml:1:1: can't be read: {m}" for k, m in messages.items()),
        "6 problems in 6 files.",
    ]


@pytest.mark.parametrize("name", ["platform.yaml", "known-models.yaml"])
def test_the_files_of_all_models_are_no_pipes_either(
    tmp_path: Path, models: Path, name: str
) -> None:
    (models.parent / name).unlink()
    occupy(models.parent / name, "pipe")

    run = ira("list", cwd=tmp_path, timeout=60)

    assert run.returncode == 2
    assert f"profiles/{name}:1:1: can't be read: it is not a regular file" in run.stderr


def test_a_link_to_a_profile_is_read(tmp_path: Path, models: Path) -> None:
    (models / "llama3.yaml").rename(tmp_path / "elsewhere.yaml")
    (models / "llama3.yaml").symlink_to("../../elsewhere.yaml")

    assert "h100 × llama3" in ira("list", cwd=tmp_path).stdout


def test_no_more_is_read_of_a_profile_than_it_may_hold(tmp_path: Path, models: Path) -> None:
    with (models / "x.yaml").open("wb") as file:
        file.truncate(1 << 40)  # sparse: as long as a disk, without any stored byte

    run = ira("list", cwd=tmp_path, timeout=60)

    assert run.returncode == 2
    assert "models/x.yaml:1:1: has more than 1048576 bytes" in run.stderr


def test_a_profile_of_just_the_most_bytes_is_read(tmp_path: Path, models: Path) -> None:
    text = (models / "llama3.yaml").read_bytes() + b"#"
    (models / "llama3.yaml").write_bytes(text.ljust(1 << 20, b"x"))
    assert ira("list", cwd=tmp_path).returncode == 0

    (models / "llama3.yaml").write_bytes(text.ljust((1 << 20) + 1, b"x"))
    assert ira("list", cwd=tmp_path).returncode == 2


def test_a_byte_order_mark_is_no_part_of_a_profile(tmp_path: Path, models: Path) -> None:
    profile = models / "llama3.yaml"
    before = ira("list", "--json", cwd=tmp_path)
    profile.write_bytes(b"\xef\xbb\xbf" + profile.read_bytes())

    assert before.returncode == 0
    assert ira("list", "--json", cwd=tmp_path).stdout == before.stdout
    profile.write_bytes(b"\xef\xbb\xbfmodel: 1\n")
    assert "llama3.yaml:1:1: model: is an unknown key" in ira("list", cwd=tmp_path).stderr


@pytest.mark.parametrize("folder", ["models", "gpus", "."])
def test_a_profile_with_another_ending_is_not_silently_left_out(
    tmp_path: Path, models: Path, folder: str
) -> None:
    paths = [Path("profiles", folder, f"x{end}") for end in (".YAML", ".Yml", ".json", ".yml")]
    for path in paths:
        (tmp_path / path).touch()

    run = ira("list", cwd=tmp_path)

    assert run.returncode == 2
    assert run.stderr.splitlines()[:-1] == [
        f"{path}:1:1: is not read; name it with the ending .yaml" for path in paths
    ]


@pytest.mark.parametrize("folder", ["models", "gpus", "environments"])
def test_a_folder_of_profiles_is_not_silently_left_out(
    tmp_path: Path, models: Path, folder: str
) -> None:
    above = Path("profiles", folder)
    for name, file in (("eu", "prod.yaml"), ("notes", "README.md"), (".cache", "x.yaml")):
        (tmp_path / above / name).mkdir(parents=True)
        (tmp_path / above / name / file).touch()

    run = ira("list", cwd=tmp_path)

    assert run.returncode == 2
    assert run.stderr.splitlines()[0] == (
        f"{above}/eu:1:1: is a folder, whose files are not read; move them to the folder above"
    )
    assert run.stderr.splitlines()[1:] == ["1 problem in 1 file."]


def test_what_editors_and_people_leave_beside_profiles_is_not_read(
    tmp_path: Path, models: Path
) -> None:
    for name in ("README.md", "x.yaml~", "x.yaml.bak", ".#llama3.yaml", "._x.yaml"):
        (models / name).symlink_to("user@host.4711")  # as Emacs locks a file

    assert ira("list", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("folder", "mode", "named"),
    [
        ("profiles/models", 0o000, []),
        ("profiles/gpus", 0o300, []),
        ("profiles", 0o000, []),
        ("profiles", 0o300, ["--profiles", "profiles"]),
    ],
)
def test_a_folder_that_may_not_be_read_is_one_sentence(
    tmp_path: Path, models: Path, folder: str, mode: int, named: list[str]
) -> None:
    (tmp_path / folder).chmod(mode)

    run = ira("list", *named, cwd=tmp_path, prefix=UNPRIVILEGED)

    (tmp_path / folder).chmod(0o755)
    assert run.returncode == 2
    assert folder in run.stderr
    assert "permission is denied" in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize("path", ["profiles/models/llama3.yaml", "profiles/models"])
def test_files_that_may_not_be_read_are_problems_of_their_own(
    tmp_path: Path, models: Path, path: str
) -> None:
    (tmp_path / path).chmod(0o444 if path.endswith("models") else 0o000)

    run = ira("list", cwd=tmp_path, prefix=UNPRIVILEGED)

    (tmp_path / path).chmod(0o755)
    assert run.returncode == 2
    assert "models/llama3.yaml:1:1: can't be read: permission is denied" in run.stderr


@pytest.mark.parametrize("parts", [1, 20])
@pytest.mark.parametrize(
    "options", [["--profiles"], ["--out"], ["--check", "--out"], ["--terraform-output"]]
)
def test_a_path_that_is_too_long_is_one_sentence(parts: int, options: list[str]) -> None:
    run = ira("synth", *options, "/".join(["a" * 300] * parts))

    assert run.returncode == 2
    assert run.stderr.startswith("error: ")
    assert run.stderr.count("\n") == 1


@pytest.mark.parametrize("option", ["--profiles", "--out", "--terraform-output"])
def test_an_empty_path_is_one_sentence_that_names_the_option(option: str) -> None:
    run = ira("synth", option, "")

    assert run.returncode == 2
    assert run.stderr.startswith(f"error: {option} is empty")
    assert run.stderr.count("\n") == 1


def test_an_empty_folder_of_profiles_is_not_taken_for_none(tmp_path: Path) -> None:
    (tmp_path / "profiles").mkdir()

    run = ira("synth", cwd=tmp_path)

    assert run.returncode == 2
    assert "profiles is empty" in run.stderr
    assert not (tmp_path / "dist").exists()


def test_packaged_profiles_are_named_wherever_they_are_read(tmp_path: Path) -> None:
    note = "note: ./profiles does not exist; using the packaged profiles\n"

    assert ira("synth", cwd=tmp_path).stderr == note
    assert ira("explain", "h100/llama3", cwd=tmp_path).stderr == note
    assert ira("list", "--profiles", ROOT / "profiles", cwd=tmp_path).stderr == ""


def test_a_folder_of_profiles_of_another_program_is_left_alone_and_that_is_said(
    tmp_path: Path,
) -> None:
    without = ira("list", cwd=tmp_path)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles/work.ini").touch()

    run = ira("list", cwd=tmp_path)

    assert (without.returncode, run.returncode) == (0, 0)
    assert without.stderr == "note: ./profiles does not exist; using the packaged profiles\n"
    assert run.stdout == without.stdout
    assert run.stderr == "note: ./profiles holds no profiles; using the packaged profiles\n"


def test_letters_that_steer_a_terminal_are_shown_as_escapes(tmp_path: Path, models: Path) -> None:
    steering = ["\x1b[31m", "\n", "\u202e", "\x07", "\x9b", "\u200b"]
    for number, letters in enumerate(steering):
        quoted = json.dumps(f"a{letters}b")
        (models / f"key{number}.yaml").write_text(f"{quoted}: 1")
        (models / f"value{number}.yaml").write_text(f"model_id: {quoted}\ncells: {{}}")
        (models / f"name{number}{letters}.yaml").write_text("a: 1")

    run = ira("list", cwd=tmp_path)

    assert run.returncode == 2
    *problems, total = run.stderr.splitlines()
    assert "in 18 files" in total
    assert all(line.isprintable() and line.startswith("profiles/models/") for line in problems)
    for shown in (r"\x1b[31m", r"\n", r"\u202e", r"\x07", r"\x9b", r"\u200b"):
        assert sum(shown in line for line in problems) >= len(("name", "key", "value"))


def test_a_name_that_is_no_text_is_a_problem(tmp_path: Path, models: Path) -> None:
    name = os.fsencode(models) + b"/\xff.yaml"
    try:
        Path(os.fsdecode(name)).write_text("a: 1\n")
    except OSError:
        pytest.skip("this file system takes only text")

    run = ira("list", cwd=tmp_path)

    assert run.returncode == 2
    assert r"profiles/models/\udcff.yaml:1:1" in run.stderr
