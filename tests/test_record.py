"""Directories that are not rendered again: never another content than a rendering would give."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support import ROOT, Run, copy_profiles, ira

NO_NODE = {"JSII_NODE": "/no/such/node", "PATH": "/nowhere"}
QUEUED = "online-inference-gpu-h100-llama3-queued"


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    return copy_profiles(tmp_path)


def synth(profiles: Path, out: Path, *options: str, node: bool = True) -> Run:
    cache = {"XDG_CACHE_HOME": str(out.parent / "cache")}
    env = cache if node else {**cache, **NO_NODE}
    run = ira("synth", "--profiles", profiles, "--out", out, *options, env=env)
    assert run.returncode == 0 or not node, run.stderr
    return run


def record_of(out: Path) -> Path:
    (found,) = (out.parent / "cache/ira_manifests/synth").iterdir()
    return found


def generated(out: Path) -> dict[str, bytes]:
    return {str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*.*")}


def test_what_is_on_disk_already_needs_no_node(profiles: Path, tmp_path: Path) -> None:
    synth(profiles, tmp_path / "out")
    before = generated(tmp_path / "out")

    assert synth(profiles, tmp_path / "out", node=False).returncode == 0
    assert generated(tmp_path / "out") == before


def test_checks_judge_what_they_render_themselves(profiles: Path, tmp_path: Path) -> None:
    synth(profiles, tmp_path / "out")

    assert synth(profiles, tmp_path / "out", "--check", node=False).returncode == 2
    assert synth(profiles, tmp_path / "out", "--check").returncode == 0


@pytest.mark.parametrize("damage", ["edited", "removed"])
def test_a_file_that_is_no_longer_as_it_was_written_is_rendered(
    damage: str, profiles: Path, tmp_path: Path
) -> None:
    synth(profiles, tmp_path / "out")
    before = generated(tmp_path / "out")
    file = tmp_path / "out" / QUEUED / "deployment.yaml"
    if damage == "edited":
        file.write_text(file.read_text().replace("replicas: 1", "replicas: 2"))
    else:
        file.unlink()

    assert synth(profiles, tmp_path / "out", node=False).returncode == 2
    synth(profiles, tmp_path / "out")
    assert generated(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("models/llama3.yaml", "memory: 512G", "memory: 500G"),
        ("gpus/h100.yaml", "compute_class: gpu-h100-80gb-high-x4", "compute_class: mine"),
        ("platform.yaml", "parallelism: 15", "parallelism: 16"),
        ("models/llama3.yaml", "weights:\n", "download:\n  keep:\n    - onnx/*\nweights:\n"),
        ("platform.yaml", "ttl_seconds_after_finished: 600", "ttl_seconds_after_finished: 60"),
        ("platform.yaml", "# namespace: default ", "namespace: llm "),
    ],
)
def test_a_changed_profile_gives_what_a_fresh_synth_gives(
    file: str, old: str, new: str, profiles: Path, tmp_path: Path
) -> None:
    synth(profiles, tmp_path / "out")
    before = generated(tmp_path / "out")
    profile = profiles / file
    assert old in profile.read_text()
    profile.write_text(profile.read_text().replace(old, new))
    synth(profiles, tmp_path / "out")
    synth(profiles, tmp_path / "fresh")

    assert generated(tmp_path / "out") == generated(tmp_path / "fresh") != before


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"base": 1}', '{"base": ["a", "b"]}', '{"base": ["a", {}, "[1]"]}']
)
def test_a_record_that_is_none_is_ignored(content: str, profiles: Path, tmp_path: Path) -> None:
    synth(profiles, tmp_path / "out")
    record = record_of(tmp_path / "out")
    record.write_text(content)

    synth(profiles, tmp_path / "out")
    assert synth(profiles, tmp_path / "out", node=False).returncode == 0


def test_the_record_of_another_program_is_ignored(profiles: Path, tmp_path: Path) -> None:
    synth(profiles, tmp_path / "out")
    record = record_of(tmp_path / "out")
    entries = json.loads(record.read_text())
    entries[QUEUED][0] = "0" * 64
    record.write_text(json.dumps(entries))

    assert synth(profiles, tmp_path / "out", node=False).returncode == 2


def test_some_cells_leave_the_record_of_the_others(profiles: Path, tmp_path: Path) -> None:
    synth(profiles, tmp_path / "out")
    synth(profiles, tmp_path / "out", "--only", "h100/*")

    assert synth(profiles, tmp_path / "out", node=False).returncode == 0


def test_a_cache_that_cannot_be_written_is_no_obstacle(profiles: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = ira(
        "synth", "--profiles", profiles, "--out", tmp_path / "out",
        env={"XDG_CACHE_HOME": str(tmp_path / "file")},
    )  # fmt: skip

    assert run.returncode == 0, run.stderr


def test_a_link_that_an_editor_leaves_in_the_package_is_no_obstacle(
    profiles: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / "ira_manifests", copy / "ira_manifests")
    (copy / "ira_manifests/.#folder.py").symlink_to("me@host.1:2")  # Emacs' lock

    run = ira(
        "synth", "--profiles", profiles, "--out", tmp_path / "out",
        env={"PYTHONPATH": str(copy)}, cwd=copy,
    )  # fmt: skip

    assert run.returncode == 0, run.stderr
