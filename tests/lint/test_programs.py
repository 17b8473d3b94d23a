"""The program that builds kustomizations: missing, unusable, hanging, and ended by a signal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ira_manifests.kustomizations import tool
from ira_manifests.kustomizations.tool import NoTool, Tool
from testing.kubectl import KUBECTL
from testing.project import ROOT
from tests.lint.trees import edited

# Works until it is to build the tree.
HANGS = """#!/bin/sh
if /bin/grep -q "name: trial" "$2/kustomization.yaml"; then exec {kubectl} "$@"; fi
/bin/sleep 600
"""


def program(folder: Path, text: str) -> Path:
    """Write a program that is called kubectl; return its folder."""
    folder.mkdir(parents=True)
    (folder / "kubectl").write_text(text)
    (folder / "kubectl").chmod(0o755)
    return folder


def alone(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    """Let only the programs of some folders be found."""
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, folders)))
    monkeypatch.setattr("sysconfig.get_path", lambda _name: "")
    monkeypatch.setattr(sys, "executable", "")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("#!/bin/sh\necho 'error: unknown command \"kustomize\"' >&2; exit 1\n", "unknown command"),
        ("#!/bin/sh\nexec asdf exec kubectl\n", "asdf: not found"),
        ("#!/bin/sh\necho 'kind: List'\n", "it is too old, or no kubectl"),
        ("#!/bin/sh\nkill -SEGV $$\n", "it ended by signal 11"),
        ("#!/bin/sh\nexit 7\n", "it ended with exit code 7"),
        ("no program", "can't be run: exec format error"),
    ],
)
def test_a_program_that_does_not_build_is_no_tool_and_the_next_one_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, why: str
) -> None:
    broken = program(tmp_path / "broken", text)
    works = program(tmp_path / "works", f'#!/bin/sh\nexec {KUBECTL} "$@"\n')

    alone(monkeypatch, broken)
    found = tool.find()
    alone(monkeypatch, broken, works)
    next_one = tool.find()

    assert isinstance(found, NoTool)
    assert found.why.startswith(f"{broken}/kubectl can't build kustomizations here (")
    assert why in found.why
    assert isinstance(next_one, Tool)
    assert next_one.words == (str(works / "kubectl"), "kustomize")


def test_without_any_program_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alone(monkeypatch, tmp_path)

    assert tool.find() == NoTool("there is no kubectl and no kustomize")


def test_a_program_that_hangs_or_prints_without_end_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool, "_MOST_OUTPUT", 1 << 20)
    hangs = program(tmp_path / "hangs", "#!/bin/sh\n/bin/sleep 600\n") / "kubectl"
    prints = program(tmp_path / "prints", "#!/bin/sh\nexec /usr/bin/yes 'a: b'\n") / "kubectl"

    late = Tool(str(hangs)).build(tmp_path, tmp_path, remote=False, seconds=1)
    large = Tool(str(prints)).build(tmp_path, tmp_path, remote=False)

    assert late == (b"", "the build took more than 1 seconds")
    assert large == (b"", "the build prints more than 1 MiB")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_builds_and_removes_the_copies(tmp_path: Path, number: int) -> None:
    tree = edited(tmp_path / "tree")
    copies = tmp_path / "copies"
    copies.mkdir()
    path = program(tmp_path / "bin", HANGS.format(kubectl=KUBECTL))
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PATH": f"{path}:/bin:/usr/bin"}
    run = subprocess.Popen(
        [sys.executable, "-m", "ira_manifests", "lint", "."],
        cwd=tree, env={**environment, "TMPDIR": str(copies)}, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    _wait(lambda: bool(_below(run.pid)) and len(list(copies.iterdir())) == 2)

    os.killpg(run.pid, number)
    said = run.communicate(timeout=60)

    assert said == ("", f"stopped by {signal.Signals(number).name}\n")
    assert run.returncode == -number
    assert list(copies.iterdir()) == []
    _wait(lambda: not _below(run.pid))


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


_started: set[str] = set()


def _below(parent: int) -> list[str]:
    """Return the programs that sleep in the place of a build, which a run started."""
    found = subprocess.run(
        ["ps", "-eo", "ppid,pid,args"], capture_output=True, text=True, check=True
    )
    rows = [line.split(None, 2) for line in found.stdout.splitlines()]
    _started.update(row[1] for row in rows if row[0] == str(parent))
    return [row[2] for row in rows if row[0] in _started and "sleep 600" in row[2]]
