"""A run in a fork prints, writes and exits like a run in a new process."""

from __future__ import annotations

from pathlib import Path

import pytest

from testing.project import ROOT, copy_edited
from tests.support import ira, ira_alone

BUCKETS = '["acme-ira-model"]'


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ("", 2),
        ("explain --help", 0),
        ("synht", 2),
        ("list --profiles nowhere", 2),
        ("list", 0),
        ("explain h100 llama3", 0),
        ("check --format sarif", 1),
        ("synth --terraform-output -", 0),
        ("synth --check --only l4/*", 1),
    ],
)
def test_words_give_the_same_either_way(tmp_path: Path, words: str, code: int) -> None:
    seen = []
    for run_of in (ira, ira_alone):
        folder = tmp_path / run_of.__name__ / "same"
        folder.mkdir(parents=True)
        copy_edited(folder, "h100/llama3", ("max_model_len: 131072", "max_model_len: auto"))
        run = run_of(*words.split(), cwd=folder, input=BUCKETS, env={"COLUMNS": "60"})
        written = {
            str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mode)
            for path in folder.rglob("*.*")
        }
        seen.append((run.returncode, run.stdout, run.stderr, written))

    assert seen[0] == seen[1]
    assert seen[0][0] == code


def test_a_run_knows_nothing_of_the_one_before(tmp_path: Path) -> None:
    edit = ("model_id: meta-llama/", "model_id: ../")
    broken = copy_edited(tmp_path, "llama3", edit).parent
    first = ira("list")

    assert ira("list", cwd=broken).returncode == 2
    assert ira("synth", cwd=broken, env={"XDG_CACHE_HOME": "/dev/null"}).returncode == 2
    assert ira("list", cwd=ROOT).stdout == first.stdout
