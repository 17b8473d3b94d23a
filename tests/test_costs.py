"""Costs of commands as counts, which do not depend on the load of the machine."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks import matrix
from testing.project import PROFILES, ROOT
from tests.support import Run, ira

CELLS, QUEUED = 20, 8  # a queued cell is two directories
NO_NODE = {"JSII_NODE": "/no/such/node", "PATH": "/nowhere"}


@dataclass(frozen=True)
class Costs:
    crossings: int
    read: dict[str, int]
    written: dict[str, int]

    def read_below(self, folder: Path) -> list[int]:
        return [count for path, count in self.read.items() if path.startswith(f"{folder}/")]

    def written_below(self, folder: Path) -> int:
        return sum(self.written[path] for path in self.written if path.startswith(f"{folder}/"))


def costs(tmp_path: Path, *arguments: str | Path) -> Costs:
    report = tmp_path / "costs.json"
    run = ira(report, *arguments, program=[str(ROOT / "tests/counting.py")])
    assert run.returncode == 0, run.stderr
    counts = json.loads(report.read_text())
    return Costs(sum(counts["crossings"].values()), counts["read"], counts["written"])


def synth(tmp_path: Path, cells: int) -> Costs:
    profiles = tmp_path / f"profiles-{cells}"
    if not profiles.exists():
        matrix.write(profiles, cells)
    return costs(tmp_path, "synth", "--profiles", profiles, "--out", tmp_path / f"out-{cells}")


def test_a_cell_of_three_objects_is_one_crossing_and_one_of_eight_is_four(tmp_path: Path) -> None:
    """Besides, charts are made once and taken three times for some dozens of cells."""
    more = synth(tmp_path, 2 * CELLS).crossings - synth(tmp_path, CELLS).crossings

    assert more <= (CELLS - QUEUED) * 1 + QUEUED * 4 + 4


def test_the_shipped_matrix_is_fifty_crossings_at_most(tmp_path: Path) -> None:
    found = costs(tmp_path, "synth", "--profiles", PROFILES, "--out", tmp_path / "out")

    assert 0 < found.crossings <= 50


def test_a_profile_is_read_once_and_a_file_written_once(tmp_path: Path) -> None:
    found = synth(tmp_path, CELLS)

    assert max(found.read_below(tmp_path / f"profiles-{CELLS}")) == 1
    out = tmp_path / f"out-{CELLS}"
    files = [path for path in out.rglob("*") if path.is_file()]
    assert 0 < found.written_below(out) <= len(files)


def test_nothing_changed_is_no_crossing_and_no_file_written(tmp_path: Path) -> None:
    first = synth(tmp_path, CELLS)
    again = synth(tmp_path, CELLS)

    assert first.crossings > 0
    assert again.crossings == 0
    out = tmp_path / f"out-{CELLS}"
    assert again.written_below(out) == 0
    assert max(again.read_below(out)) == 1


def test_one_changed_profile_is_its_own_directories(tmp_path: Path) -> None:
    synth(tmp_path, CELLS)
    changed = tmp_path / f"profiles-{CELLS}/models/model-0.yaml"
    changed.write_text(matrix.model(0, cpu=11))
    again = synth(tmp_path, CELLS)

    # Four cells, two of them queued: ten files hold the number.
    assert 0 < again.written_below(tmp_path / f"out-{CELLS}") <= 4 + 2 * 3
    starting = 3  # constructs, cdk8s, and the module of our own are loaded
    assert 0 < again.crossings <= starting + 2 * 1 + 2 * 4 + 4


def synth_fleet(tmp_path: Path, environments: int) -> Costs:
    profiles = tmp_path / f"fleet-{environments}"
    if not profiles.exists():
        matrix.write_fleet(profiles, environments, CELLS)
    return costs(
        tmp_path, "synth", "--profiles", profiles, "--out", tmp_path / f"of-{environments}"
    )


def test_what_environments_have_in_common_is_rendered_once(tmp_path: Path) -> None:
    """The first has a cell of its own; the others differ in their bucket and their namespace."""
    assert synth_fleet(tmp_path, 5).crossings == synth_fleet(tmp_path, 2).crossings


def test_a_change_in_one_environment_is_its_own_directories(tmp_path: Path) -> None:
    synth_fleet(tmp_path, 3)
    out = tmp_path / "of-3"
    changed = tmp_path / "fleet-3/environments/env-01.yaml"
    changed.write_text(matrix.environment(1, own=2))
    again = synth_fleet(tmp_path, 3)

    written = {path for path in again.written if path.startswith(f"{out}/")}
    (cell,) = {str(Path(path).parent.relative_to(out)) for path in written}
    assert cell == "env-01/online-inference-gpu-gpu8-model-2"
    starting = 3  # constructs, cdk8s, and the module of our own are loaded
    assert again.crossings == starting + 1 + 1 + 1  # a chart, its workload, its objects


@pytest.mark.parametrize(
    "command",
    [
        ["--help"],
        ["list"],
        ["explain", "h100", "llama3"],
        ["explain", "h100", "llama3", "spec.replicas"],
        ["explain", "model-download", "spec.backoffLimit"],
        ["check", "--profiles-only"],
    ],
)
def test_these_start_no_node(command: list[str]) -> None:
    run: Run = ira(*command, env=NO_NODE)

    assert run.returncode == 0, run.stderr
