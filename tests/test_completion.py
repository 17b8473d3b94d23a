"""Completion in the real shells: bash always, zsh and fish where they are installed."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from testing.project import copy_profiles
from tests.bad_profiles.case import TINY
from tests.support import CACHE, ira, ira_alone

_DEADLINE = 60
_MARK = "typed:"
HERE = Path(sys.executable).parent
START = {
    "bash": ["bash", "--norc", "--noprofile", "-i"],
    "zsh": ["zsh", "-f", "-i"],
}
SET_UP = {
    "bash": 'eval "$(ira-manifests completion bash)"\n',
    "zsh": 'autoload -U compinit; compinit -u -D; eval "$(ira-manifests completion zsh)"\n',
}
installed = pytest.mark.parametrize(
    "shell",
    [
        pytest.param(name, marks=[] if shutil.which(name) else pytest.mark.skip(f"no {name}"))
        for name in (*START, "fish")
    ],
)


def environment(folder: Path) -> Mapping[str, str]:
    path = os.pathsep.join([str(HERE), "/usr/bin", "/bin"])
    return {
        "PATH": path, "HOME": str(folder), "XDG_CACHE_HOME": CACHE.name, "TERM": "dumb",
        "COLUMNS": "300", "LANG": "C.UTF-8",
    }  # fmt: skip


def completed(shell: str, line: str, folder: Path) -> str:
    """Type the beginning of a command in a shell, then a tab, and return what the line is then."""
    (folder / "home").mkdir(exist_ok=True)
    return completed_by_fish(line, folder) if shell == "fish" else typed(shell, line, folder)


def completed_by_fish(line: str, folder: Path) -> str:
    """Ask fish itself, which has a command for it; its prompt needs a terminal that answers."""
    program = f"ira-manifests completion fish | source; complete --do-complete '{line}'"
    run = subprocess.run(
        ["fish", "--no-config", "-c", program], cwd=folder, capture_output=True, text=True,
        check=True, env=environment(folder / "home"),
    )  # fmt: skip
    (offer,) = run.stdout.splitlines()
    return f"{line.rpartition(' ')[0]} {offer.partition(chr(9))[0]}"


def typed(shell: str, line: str, folder: Path) -> str:
    """Type at the shell's prompt, in a terminal."""
    master, slave = pty.openpty()
    process = subprocess.Popen(
        START[shell], stdin=slave, stdout=slave, stderr=slave, cwd=folder,
        env=environment(folder / "home"), start_new_session=True,
    )  # fmt: skip
    os.close(slave)
    try:
        os.write(master, SET_UP[shell].encode() + b"echo re''ady\n")
        read_until(master, "ready")
        # In front of the line: it is printed, and not run.
        os.write(master, f"{line}\t\x01echo {_MARK} \n".encode())
        shown = read_until(master, f"\n{_MARK} ", f"\r{_MARK} ")
        return shown.rpartition(f"{_MARK} ")[2].strip()
    finally:
        process.kill()
        process.wait()
        os.close(master)


def read_until(descriptor: int, *ends: str) -> str:
    """Read from a terminal until a line begins with one of the texts, and to that line's end."""
    text, deadline = "", time.monotonic() + _DEADLINE
    while not any(end in text and "\n" in text.rpartition(end)[2] for end in ends):
        assert time.monotonic() < deadline, text
        if select.select([descriptor], [], [], 1)[0]:
            text += os.read(descriptor, 4096).decode("utf-8", "replace")
    return text


@installed
@pytest.mark.parametrize(
    ("line", "whole"),
    [
        ("ira-manifests sch", "ira-manifests schema"),
        ("ira-manifests list --max", "ira-manifests list --max-model-len"),
        ("ira-manifests check --format sar", "ira-manifests check --format sarif"),
        ("ira-manifests explain l4/", "ira-manifests explain l4/gemma3-27b"),
        ("ira-manifests explain h200 llama4", "ira-manifests explain h200 llama4-scout"),
        ("ira-manifests add --gpu h2", "ira-manifests add --gpu h200"),
        ("ira-manifests list meta-llama/Llama-4", "ira-manifests list meta-llama/Llama-4-Scout-"),
        ("ira-manifests schema kn", "ira-manifests schema known-models"),
        ("ira-manifests upgrade --engine 0.12", "ira-manifests upgrade --engine 0.12.0"),
    ],
)  # fmt: skip
def test_a_tab_completes(shell: str, line: str, whole: str, tmp_path: Path) -> None:
    copy_profiles(tmp_path)

    assert completed(shell, line, tmp_path).startswith(whole)


def offered(line: str, folder: Path, variables: Mapping[str, str] | None = None) -> list[str]:
    """Ask the program for completions as argcomplete's scripts do."""
    script = "exec 8>&1 9>&2; exec ira-manifests"
    given = {
        "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n", "_ARGCOMPLETE_SUPPRESS_SPACE": "1",
        "_ARGCOMPLETE_COMP_WORDBREAKS": " \t\n", "COMP_LINE": line, "COMP_POINT": str(len(line)),
        "COMP_TYPE": "9",
    }  # fmt: skip
    run = subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False,
        env={**environment(folder), **given, **(variables or {})},
    )  # fmt: skip
    assert run.stderr == ""
    return [each.strip() for each in run.stdout.split("\n") if each.strip()]


def test_every_command_is_offered_and_options_only_after_a_dash(tmp_path: Path) -> None:
    from ira_manifests.cli.app import COMMANDS

    assert offered("ira-manifests ", tmp_path) == [*COMMANDS]
    assert "--only" in offered("ira-manifests check -", tmp_path)


def test_names_are_those_of_the_profiles_that_are_read(tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    (profiles / "models/tiny.yaml").write_text(TINY)
    (profiles / "environments").mkdir()
    (profiles / "environments/prod-eu.yaml").write_text("namespace: llm\n")
    profiles.rename(tmp_path / "mine")

    assert offered("ira-manifests explain -p mine h100/t", tmp_path) == ["h100/tiny"]
    assert offered("ira-manifests explain h100/t", tmp_path) == []
    assert offered("ira-manifests check -p mine --only h100/t", tmp_path) == ["h100/tiny"]
    assert offered("ira-manifests list -p mine acme", tmp_path) == ["acme/tiny-1b"]
    assert offered("ira-manifests list -p mine --environment p", tmp_path) == ["prod-eu"]
    assert offered("ira-manifests explain -p mine IRA00", tmp_path)[0] == "IRA000"


def test_broken_profiles_offer_nothing_and_say_nothing(tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    (profiles / "platform.yaml").write_text("a: [")

    assert offered("ira-manifests explain h", tmp_path) == []
    assert offered("ira-manifests explain -p nowhere h", tmp_path) == []


def test_folders_and_values_of_the_user_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "other.txt").touch()

    assert offered("ira-manifests check --out o", tmp_path) == ["out/"]
    assert offered("ira-manifests check --namespace o", tmp_path) == []


@pytest.mark.parametrize("shell", [*START, "fish"])
def test_the_script_is_that_of_the_shell(shell: str) -> None:
    run = ira("completion", shell)

    assert run.returncode == 0
    assert "ira-manifests" in run.stdout


def test_another_shell_is_bad_input() -> None:
    run = ira("completion", "tcsh")

    assert (run.returncode, run.stdout) == (2, "")
    assert "invalid choice: 'tcsh'" in run.stderr


def test_without_the_package_one_message_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "argcomplete.py").write_text("raise ImportError")

    run = ira_alone("completion", "bash", env={"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"})

    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert "the extra `completion`: pip install 'argcomplete>=3.5'" in run.stderr


def test_a_run_that_completes_nothing_does_not_import_it() -> None:
    run = ira_alone("--version", program=("-X", "importtime", "-m", "ira_manifests"))

    assert "ira_manifests.cli.app" in run.stderr
    assert "argcomplete" not in run.stderr
