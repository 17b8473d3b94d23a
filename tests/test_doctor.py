"""`doctor`: what it finds on the machine, and what it says of what is not there."""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ira_manifests
from testing.project import PROFILES, copy_profiles
from tests.support import CACHE, ira_alone


def doctor(
    folder: Path, *words: str, code: int = 0, **environment: str
) -> dict[str, dict[str, Any]]:
    """Run it, and return its checks by name."""
    run = ira_alone("doctor", "--json", *words, cwd=folder, env=environment)
    assert run.returncode == code, run.stdout + run.stderr
    document = json.loads(run.stdout)
    assert document["ok"] is (code == 0)
    assert all(each.keys() == {"name", "state", "detail"} for each in document["checks"])
    return {each["name"]: each for each in document["checks"]}


def test_it_finds_what_is_there(tmp_path: Path) -> None:
    copy_profiles(tmp_path)

    found = doctor(tmp_path)

    assert found["ira_manifests"]["detail"].startswith(f"{ira_manifests.__version__} in ")
    assert found["Python"]["detail"].startswith(".".join(map(str, sys.version_info[:3])))
    assert found["Node.js"]["detail"].endswith("/node")
    assert found["profiles"]["detail"] == "7 cells (profiles)"
    assert found["cache"]["detail"] == f"{CACHE.name}/ira_manifests"
    assert found["huggingface_hub"]["detail"] == version("huggingface_hub")
    assert {found[name]["state"] for name in ("kubectl", "profiles", "cache")} == {"ok"}


def test_what_is_optional_fails_nothing(tmp_path: Path) -> None:
    for name in ("huggingface_hub", "argcomplete"):
        assert version(name)
    program = (
        "import importlib.metadata as m\n"
        "known = m.version\n"
        "def version(name):\n"
        "    if name != 'ira-manifests': raise m.PackageNotFoundError(name)\n"
        "    return known(name)\n"
        "m.version = version\n"
    )
    (tmp_path / "sitecustomize.py").write_text(program)
    path = f"{tmp_path}{os.pathsep}{PROFILES.parent}"

    found = doctor(tmp_path, PATH=str(tmp_path), PYTHONPATH=path, XDG_CACHE_HOME="/dev/null/x")

    for name in ("kubectl", "Go", "huggingface_hub", "argcomplete", "cache"):
        assert found[name]["state"] == "optional", name
    assert found["kubectl"]["detail"] == "not on PATH; to apply what is written"
    assert "packaged" in found["profiles"]["detail"]


def test_without_a_node_it_fails_and_says_what_to_install(tmp_path: Path) -> None:
    found = doctor(tmp_path, code=1, JSII_NODE=str(tmp_path / "nowhere"))

    assert found["Node.js"]["state"] == "failed"
    assert "install Node.js 22 or newer" in found["Node.js"]["detail"]


def test_broken_profiles_fail_with_the_first_problem(tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    (profiles / "platform.yaml").write_text("nonsense: 1\nmore: 2\n")

    found = doctor(tmp_path, code=1)

    assert found["profiles"]["state"] == "failed"
    assert found["profiles"]["detail"].startswith("profiles/platform.yaml:1:1: bucket_suffix: is")
    assert found["profiles"]["detail"].endswith("more problems; see check")
    assert "is not a folder" in doctor(tmp_path, "-p", "x", code=1)["profiles"]["detail"]


def test_an_old_kubectl_is_told(tmp_path: Path) -> None:
    program = tmp_path / "kubectl"
    program.write_text("#!/bin/sh\necho 'Client Version: v1.26.3'\n")
    program.chmod(0o755)

    found = doctor(tmp_path, PATH=f"{tmp_path}:/usr/bin:/bin")

    assert found["kubectl"] == {
        "name": "kubectl",
        "state": "optional",
        "detail": f"1.27 or newer is needed, and it is 1.26.3 at {program}",
    }


def test_a_program_that_says_nothing_is_no_traceback(tmp_path: Path) -> None:
    for name, text in (("kubectl", "#!/bin/sh\n"), ("go", "no program")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)

    found = doctor(tmp_path, PATH=f"{tmp_path}:/usr/bin:/bin")

    assert "does not print its version" in found["kubectl"]["detail"]
    assert "can't be run" in found["Go"]["detail"]


def test_people_read_it_in_80_columns(tmp_path: Path) -> None:
    run = ira_alone("doctor", "-p", "nowhere", cwd=tmp_path)

    assert run.returncode == 1
    lines = run.stdout.splitlines()
    assert lines[-1] == "9 checks, 1 failed."
    assert any(line.startswith("failed    profiles ") for line in lines)
    assert all(len(line) <= 80 or "/" in line.split()[-1] for line in lines)
