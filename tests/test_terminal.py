"""Output on a real terminal: colours, a progress bar that is removed, and wrapped names."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

import pytest

from ira_manifests.cli.terminal import Text, say_table
from testing.project import ROOT, copy_profiles
from tests.support import CACHE, ira

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
TO_THE_END = "\x1b[K"


def on_a_terminal(
    *words: str | Path, columns: int = 80, env: Mapping[str, str] = {}, code: int = 0
) -> str:
    """Return the output of a command on a terminal of this width."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = {
        key: value for key, value in os.environ.items() if key not in ("COLUMNS", "NO_COLOR")
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "ira_manifests", *map(str, words)],
        cwd=ROOT, stdin=theirs, stdout=theirs, stderr=theirs,
        env={**inherited, "XDG_CACHE_HOME": CACHE.name, "TERM": "xterm", **env},
    )  # fmt: skip
    os.close(theirs)
    sent = b""
    try:
        while part := os.read(ours, 1 << 16):
            sent += part
    except OSError:  # on Linux, the other end is closed
        pass
    os.close(ours)
    assert process.wait(timeout=60) == code
    return sent.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("command", ["list", "explain h100 llama3"])
def test_a_terminal_gets_colours_and_the_same_words(command: str) -> None:
    shown = on_a_terminal(*command.split())

    assert COLOUR.search(shown)
    assert COLOUR.sub("", shown) == ira(*command.split(), env={"COLUMNS": "80"}).stdout


@pytest.mark.parametrize(
    ("when", "env", "coloured"),
    [
        ("auto", {}, True),
        ("auto", {"NO_COLOR": "1"}, False),
        ("never", {}, False),
        ("always", {"NO_COLOR": "1"}, True),
        ("always", {"TERM": "dumb"}, True),
    ],
)
def test_an_option_decides_on_colours(when: str, env: dict[str, str], coloured: bool) -> None:
    assert bool(COLOUR.search(on_a_terminal("list", "--color", when, env=env))) is coloured


def test_colours_in_a_pipe_are_asked_for() -> None:
    plain = ira("list").stdout

    assert COLOUR.search(plain) is None
    assert ira("list", "--color", "auto").stdout == plain
    shown = ira("list", "--color=always").stdout
    assert COLOUR.search(shown)
    assert COLOUR.sub("", shown) == plain
    assert COLOUR.search(ira("check", "--profiles-only", "--color", "always").stdout)


def test_another_word_for_colours_is_bad_input() -> None:
    run = ira("list", "--color", "allways")

    assert (run.returncode, run.stdout) == (2, "")
    assert "argument --color: invalid choice: 'allways'" in run.stderr
    assert "did you mean 'always'?" in run.stderr


@pytest.mark.parametrize("columns", [40, 80, 120])
def test_text_has_the_width_of_the_terminal_and_whole_words(columns: int) -> None:
    shown = COLOUR.sub("", on_a_terminal("explain", "h100/llama3", columns=columns))
    words = ira("explain", "h100/llama3", env={"COLUMNS": "1000"}).stdout.split()

    assert shown.split() == words
    sentences = [each for each in shown.splitlines() if each.startswith("    ")]
    assert any(len(each) > columns - 20 for each in sentences)
    too_long = [each for each in shown.splitlines() if len(each) > columns]
    assert columns < 80 or not [each for each in too_long if " " in each.strip()]


@pytest.mark.parametrize("wish", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=str)
def test_a_terminal_that_wants_no_colours_gets_none(wish: dict[str, str]) -> None:
    assert "\x1b" not in on_a_terminal("list", env=wish)


@pytest.mark.parametrize("columns", [30, 80])
def test_the_bar_is_one_line_and_leaves_nothing(tmp_path: Path, columns: int) -> None:
    shown = on_a_terminal("synth", "--out", tmp_path / "out", columns=columns)

    bar, _, report = shown.rpartition("\r" + TO_THE_END)
    drawn = bar.split("\r")[1:]
    assert re.search(r" (\d+)/\1 ", drawn[-1])
    assert all(line.endswith(TO_THE_END) for line in drawn)
    assert max(len(line.removesuffix(TO_THE_END)) for line in drawn) < columns
    assert "\n" not in bar
    assert COLOUR.sub("", report).startswith("directory")


def test_a_dumb_terminal_gets_no_bar(tmp_path: Path) -> None:
    shown = on_a_terminal("synth", "--out", tmp_path / "out", env={"TERM": "dumb"})

    assert "\r" not in shown
    assert "\x1b" not in shown


@pytest.mark.parametrize("columns", [40, 64, 70])
def test_a_name_goes_on_in_the_next_line_of_a_narrow_terminal(columns: int) -> None:
    lines = COLOUR.sub("", on_a_terminal("list", columns=columns)).splitlines()

    table = lines[: lines.index("")]
    assert max(map(len, table)) <= max(columns, 64)
    assert "online-inference-gpu-h200-llama4-scout" in "".join(line.split()[0] for line in table)


def test_numbers_that_are_wider_than_the_terminal_leave_room_for_the_name(
    capsys: pytest.CaptureFixture[str],
) -> None:
    name, number = "online-inference-gpu-h200-llama4-scout", "9" * 200

    say_table([[Text("directory"), Text("number")]], [[Text(name), Text(number)]], "<>")

    _head, _rule, first, second = capsys.readouterr().out.splitlines()
    assert first.split()[1] == number
    assert first.split()[0] + second == name


@pytest.mark.parametrize("columns", [64, 70, 120])
def test_a_long_name_is_broken_between_its_parts(columns: int, tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    model = "qwen3-coder-480b-a35b-fp8"
    (profiles / "models/llama3.yaml").rename(profiles / f"models/{model}.yaml")

    for command in (["list"], ["synth"]):
        run = ira(*command, cwd=tmp_path, env={"COLUMNS": str(columns)})

        table = run.stdout.split("\n\n")[0].splitlines()
        starts = [line.split("  ")[0] for line in table]
        directory = f"online-inference-gpu-h100-{model}"
        assert max(map(len, table)) <= columns
        if columns == 120 or command == ["list"]:
            assert directory in starts
        else:
            at = next(n for n, part in enumerate(starts) if part.startswith(directory[:30]))
            assert "".join(starts[at : at + 2]) == directory
            assert starts[at].endswith("-")


def test_a_name_without_parts_is_broken_where_the_line_ends(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")

    say_table([[Text("name"), Text("n")]], [[Text("x" * 60), Text("1")]], "<>")

    assert [line.rstrip(" 1") for line in capsys.readouterr().out.splitlines()[2:]] == [
        "x" * 27, "x" * 27, "x" * 6,
    ]  # fmt: skip


def test_a_row_keeps_its_indent_in_every_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")

    say_table(
        [[Text("name"), Text("n")]],
        [
            [Text("  prod/online-inference-gpu-h100"), Text("1")],
            [Text("  two words" * 4), Text("")],
        ],
        "<>",
    )

    assert capsys.readouterr().out.splitlines()[2:] == [
        "  prod/online-inference-     1",
        "  gpu-h100",
        "  two words  two words  two",
        "  words  two words",
    ]


def test_wide_letters_take_two_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    wide = "\u6a21\u578b"  # two letters in four columns

    say_table(
        [[Text("name"), Text("n")]],
        [[Text(wide), Text("1")], [Text("ab\u0301cd"), Text("2")], [Text(wide * 8), Text("3")]],
        "<>",
    )

    _, _, first, second, third, fourth = capsys.readouterr().out.splitlines()
    assert first == wide + " " * 25 + "1"
    assert second == "ab\u0301cd" + " " * 25 + "2"
    assert (third, fourth) == (wide * 6 + wide[0] + "   3", wide[1] + wide)


@pytest.mark.parametrize("columns", ["", "0", "wide", "-1", "9" * 5000])
def test_an_invalid_width_is_80(columns: str) -> None:
    assert ira("list", env={"COLUMNS": columns}).stdout == ira("list").stdout


def test_a_table_has_letters_that_the_encoding_has() -> None:
    rule = ira("list", env={"PYTHONIOENCODING": "ascii"}).stdout.splitlines()[2]

    assert set(rule) == {"-"}


def test_findings_are_wrapped_on_a_terminal_alone() -> None:
    words = ("check", "--profiles-only")
    shown = COLOUR.sub("", on_a_terminal(*words)).splitlines()
    plain = ira(*words).stdout

    assert max(map(len, shown)) <= 80
    assert len(shown) > len(plain.splitlines())
    assert max(map(len, plain.splitlines())) > 80
    assert " ".join(shown).split() == plain.split()
    assert on_a_terminal(*words, "--format", "json") == ira(*words, "--format", "json").stdout


def test_the_note_of_init_is_wrapped_on_a_terminal(tmp_path: Path) -> None:
    shown = COLOUR.sub("", on_a_terminal("init", tmp_path / "new"))

    note = shown[shown.index("note: left out") :].splitlines()
    assert len(note) > 3
    assert max(map(len, note)) <= 80


def test_the_place_of_a_finding_stays_in_one_line_on_a_terminal(tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path / ("a b, c" * 15))
    shown = COLOUR.sub("", on_a_terminal("check", "--profiles-only", "--profiles", profiles))

    file = profiles / "models/gemma3-27b.yaml"
    lines = file.read_text().splitlines()
    of_cell = lines.index("  h100:")
    line = lines.index("    max_model_len: 131072", of_cell) + 1
    found = f"{file}:{line}:20: warning IRA002 little-margin"
    assert found in shown.splitlines()


@pytest.mark.parametrize("columns", [60, 80])
def test_errors_are_wrapped_on_a_terminal_behind_their_place(columns: int, tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path / ("a b, c" * 15))
    platform = profiles / "platform.yaml"
    platform.write_text(platform.read_text() + "enginge: 1\n")
    words = ("check", "--profiles", profiles)
    line = len(platform.read_text().splitlines())
    plain = ira(*words).stderr
    first, *others = on_a_terminal(*words, columns=columns, code=2).splitlines()

    assert first == f"{platform}:{line}:1:"
    assert max(map(len, others)) <= columns
    assert " ".join([first, *others]).split() == plain.split()
    assert plain.splitlines()[0].startswith(f"{first} enginge: is an unknown key; allowed: ")
