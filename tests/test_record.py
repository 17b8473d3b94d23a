"""Directories that are not rendered again have the content that a rendering would give."""

from __future__ import annotations

import json
import shutil
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from ira_manifests import render_cache
from ira_manifests.render_cache import RenderCache
from testing.edits import edit_file, edit_profile
from testing.project import ROOT, copy_profiles
from tests.support import Run, ira, ira_alone

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
        edit_file(file, {"replicas: 1": "replicas: 2"})
    else:
        file.unlink()

    assert synth(profiles, tmp_path / "out", node=False).returncode == 2
    synth(profiles, tmp_path / "out")
    assert generated(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("h100/llama3", "memory: 512G", "memory: 500G"),
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
    edit_profile(profiles, file, {old: new})
    synth(profiles, tmp_path / "out")
    synth(profiles, tmp_path / "fresh")

    assert generated(tmp_path / "out") == generated(tmp_path / "fresh") != before


def rewrite(record: Path, content: str) -> None:
    """Write a record as this program does: after the hash of its content."""
    record.write_text(f"{sha256(content.encode()).hexdigest()}\n{content}")


def entries_of(record: Path) -> dict[str, list[Any]]:
    entries: dict[str, list[Any]] = json.loads(record.read_text().partition("\n")[2])
    return entries


ENTRIES = [
    "1", '["a", "b"]', '["a", {}, "[1]", []]',
    '["a", {}, ["b"], []]', '[["a"], {}, "[2, [], []]", []]',
    '["a", {}, "[2, [], []]"]', '["a", {}, "[2, [], []]", "b"]', '["a", {}, "[2, [], []]", [1]]',
]  # fmt: skip
RIGHT = ["a", ["b", 0], "Service", "c", "Pod", {"d": "e"}, [["d", "In", ["e"]]]]
INDEXES = [
    [[["a", {"b": "c"}]], []],  # of an older program
    [1, [], []],
    [2, [["Pod", "a", {"b": 1}]], []],
    [2, [["Pod", ["a"], {"b": "c"}]], []],
    [2, [["Node", "a", {"b": "c"}]], []],
    *(
        [2, [], [[*RIGHT[:place], wrong, *RIGHT[place + 1 :]]]]
        for place, wrong in [
            (0, 1), (1, "b"), (1, [["b"]]), (1, [True]), (2, ["Service"]), (3, None), (4, "Node"),
            (5, ["d"]), (5, {"d": 1}), (6, "abc"), (6, [["d", "In", "e"]]), (6, [["d", "In"]]),
        ]
    ),
]  # fmt: skip
SHAPES = ["", "{", "[]", "1" * 5000, "[" * 200_000, '{"base": ' + "[" * 200_000]
SHAPES += [f'{{"base": {entry}}}' for entry in ENTRIES]
SHAPES += [json.dumps({"base": ["a", {}, json.dumps(index), []]}) for index in INDEXES]
SHAPES += [json.dumps({"base": ["a", {}, "[" * 100_000, []]})]


@pytest.mark.parametrize("content", SHAPES, ids=range(len(SHAPES)))
def test_a_record_of_another_shape_is_none(content: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        RenderCache(out, []).keep([], [], partial=False)
        rewrite(record_of(out), content)

        assert render_cache._read(out) == {}  # noqa: SLF001


def test_a_record_of_the_right_shape_is_read(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        RenderCache(out, []).keep([], [], partial=False)
        index = json.dumps([2, [["Pod", "a", {"b": "c"}]], [RIGHT]])
        rewrite(record_of(out), json.dumps({"base": ["a", {}, index, ["Job a"]]}))

        assert render_cache._read(out) == {"base": ("a", {}, index, ["Job a"])}  # noqa: SLF001


@pytest.mark.parametrize("damage", ["one letter", "brackets", "nothing", "too large"])
def test_a_damaged_record_costs_a_rendering(damage: str, profiles: Path, tmp_path: Path) -> None:
    synth(profiles, tmp_path / "out")
    found = record_of(tmp_path / "out")
    text = found.read_text()
    if damage == "too large":
        with found.open("r+b") as file:
            file.truncate(1 << 40)
    else:
        other = {"one letter": text.replace("vllm-l4", "vllm-l5"), "brackets": "[" * 200_000}
        found.write_text(other.get(damage, ""))

    assert synth(profiles, tmp_path / "out", node=False).returncode == 2
    assert synth(profiles, tmp_path / "out").stderr == ""
    assert synth(profiles, tmp_path / "out", node=False).returncode == 0


def test_what_a_record_says_falsely_refuses_nothing(profiles: Path, tmp_path: Path) -> None:
    synth(profiles, tmp_path / "out")
    found = record_of(tmp_path / "out")
    entries = entries_of(found)
    version, targets, selectors = json.loads(entries[QUEUED][2])
    targets[0][1] = "another-name"  # whose Pods the Service of the twin selects then
    entries[QUEUED][2] = json.dumps([version, targets, selectors])
    rewrite(found, json.dumps(entries))

    assert synth(profiles, tmp_path / "out", node=False).returncode == 2
    assert synth(profiles, tmp_path / "out").stderr == ""
    assert synth(profiles, tmp_path / "out", node=False).returncode == 0


def test_the_record_of_another_program_is_ignored(profiles: Path, tmp_path: Path) -> None:
    synth(profiles, tmp_path / "out")
    found = record_of(tmp_path / "out")
    entries = entries_of(found)
    entries[QUEUED][0] = "0" * 64
    rewrite(found, json.dumps(entries))

    assert synth(profiles, tmp_path / "out", node=False).returncode == 2


def test_some_cells_leave_the_record_of_the_others(profiles: Path, tmp_path: Path) -> None:
    synth(profiles, tmp_path / "out")
    synth(profiles, tmp_path / "out", "--only", "h100/*")

    assert synth(profiles, tmp_path / "out", node=False).returncode == 0


def test_a_cache_that_cannot_be_written_is_no_obstacle(profiles: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    run = ira_alone(
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
