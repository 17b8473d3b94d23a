"""A model's way from the Hub to vLLM's model path, with the manifests of dist/."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ira_manifests import load_matrix
from testing.edits import edit_file
from testing.hub import Hub
from testing.processes import eventually
from testing.project import DIST, PROFILES
from testing.rehearsal.pods import Container
from testing.rehearsal.stage import Cell, Stage, missing, warm_up
from testing.tiny_model import SHARDS, sharded_model
from tests.containers.faults import held_until
from tools import rehearse

CELLS = sorted(path.name for path in DIST.iterdir() if path.name.startswith("online-"))
MODEL_IDS = sorted({cell.model.model_id for cell in load_matrix(PROFILES).values()})
A_CELL, ITS_MODEL = "online-inference-gpu-h100-llama3", "meta-llama/Llama-3.3-70B-Instruct"
SIZE = 3 * 200_000


@pytest.fixture(scope="session")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    """A stage whose bucket holds every model of the matrix, each as its Job left it."""
    stage = Stage(tmp_path_factory.mktemp("rehearsal"))
    for model_id in MODEL_IDS:
        with Hub(model_id, sharded_model()) as hub:
            run = stage.download(hub)
            assert run.returncode == 0, run.stderr
            assert hub.files.keys() <= {
                str(path.relative_to(stage.bucket / model_id))
                for path in (stage.bucket / model_id).rglob("*")
            }
    return stage


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[tuple[Stage, Hub]]:
    with Hub(ITS_MODEL, sharded_model()) as hub:
        yield Stage(tmp_path / "stage"), hub


def served(cell: Cell, folder: Path) -> Path:
    """Return the folder at vLLM's model path."""
    return cell.server.root(folder) / cell.model_path.lstrip("/")


@pytest.mark.parametrize("directory", CELLS)
def test_the_path_that_vllm_is_given_holds_the_whole_model(
    stage: Stage, directory: str, tmp_path: Path
) -> None:
    cell = stage.cell(directory)

    assert missing(served(cell, tmp_path)) == []
    assert all(mount.read_only for mount in (*cell.server.mounts, *cell.warm_up.mounts))


@pytest.mark.parametrize("directory", CELLS)
def test_the_warm_up_reads_every_shard_that_vllm_loads(
    stage: Stage, directory: str, tmp_path: Path
) -> None:
    cell = stage.cell(directory)

    said = warm_up(cell.warm_up, tmp_path)

    assert f"done: 3 files, {SIZE} bytes" in said
    for shard in SHARDS:
        assert f"read {cell.model_path}/{shard}: 200000 bytes" in said


def test_nothing_else_of_the_bucket_is_left(stage: Stage) -> None:
    owners = {model_id.partition("/")[0] for model_id in MODEL_IDS}
    assert {"google", "meta-llama"} <= owners
    assert {path.name for path in stage.bucket.iterdir()} == owners


def test_a_server_that_starts_during_the_download_finds_no_model(
    empty: tuple[Stage, Hub], tmp_path: Path
) -> None:
    stage, hub = empty
    cell = stage.cell(A_CELL)
    (mount,) = cell.server.mounts
    last = threading.Event()
    hub.fail(SHARDS[2], held_until(last))
    with stage.downloading(hub):
        eventually(lambda: len(hub.downloads()) == len(hub.files))
        early = missing(served(cell, tmp_path))
        last.set()
        eventually(lambda: not missing(mount.source))
    assert "config.json" in early


# --- errors are detected --------------------------------------------------------------------------


def rewritten(container: Container, old: str, new: str) -> Container:
    """Return the container after a change of the Pod's text."""
    text = json.dumps(container.pod)
    assert old in text
    pod = json.loads(text.replace(old, new))
    (found,) = [each for each in pod["containers"] if each["name"] == container.json["name"]]
    return replace(container, json=found, pod=pod)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (f"only-dir:{ITS_MODEL}", f"only-dir:{ITS_MODEL.lower()}"),
        (f",only-dir:{ITS_MODEL}", ""),
        (f'"mountPath": "/gcs/{ITS_MODEL}"', '"mountPath": "/gcs"'),
        ('"/gcs/$(MODEL_ID)"', '"/models/$(MODEL_ID)"'),
    ],
    ids=["another case", "the whole bucket", "another mount", "another path"],
)
def test_a_manifest_with_another_path_for_vllm_is_detected(
    stage: Stage, tmp_path: Path, old: str, new: str
) -> None:
    cell = stage.cell(A_CELL)

    model = served(replace(cell, server=rewritten(cell.server, old, new)), tmp_path)

    assert "config.json" in missing(model)


def test_a_lost_shard_is_detected(stage: Stage, tmp_path: Path) -> None:
    model = served(stage.cell(A_CELL), tmp_path)
    (model / SHARDS[1]).unlink()

    assert missing(model) == [SHARDS[1]]


# --- make rehearse --------------------------------------------------------------------------------


def dist_of_one_cell(folder: Path) -> Path:
    for name in ("model-download", A_CELL):
        shutil.copytree(DIST / name, folder / name)
    (folder / "base").symlink_to("model-download/base")
    return folder


def test_the_account_names_every_step_and_fits_80_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = rehearse.main([str(dist_of_one_cell(tmp_path))])

    said = capsys.readouterr().out
    assert code == 0, said
    assert max(map(len, said.splitlines())) <= 80
    assert f"complete: gs://acme-dev-ira-model/{ITS_MODEL}/" in said
    assert f"/gcs/{ITS_MODEL}: the whole model" in said
    assert f"done: 3 files, {SIZE} bytes" in said
    assert "A load of 30 min is waited for." in said
    assert "gets no requests after 25 s" in said


def test_the_account_of_a_tree_that_cannot_work_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deployment = dist_of_one_cell(tmp_path) / A_CELL / "deployment.yaml"
    edit_file(deployment, {f"only-dir:{ITS_MODEL}": "only-dir:llama3"})

    code = rehearse.main([str(tmp_path)])

    assert code == 1
    assert f"NOT GOOD: /gcs/{ITS_MODEL}: lacks config.json" in capsys.readouterr().out
