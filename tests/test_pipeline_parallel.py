"""`pipeline_parallel` of a cell: its option, its GPUs, its machine and its memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from testing.project import ROOT, copy_edited, copy_profiles
from tests.support import ira

DIRECTORY = "dist/online-inference-gpu-h100-llama3"


def staged(folder: Path, tensor: int, stages: object, cell: str = "h100/llama3") -> Path:
    before = f"tensor_parallel: {4 if 'llama3' in cell else 1}"
    copy_edited(
        folder, cell, (before, f"tensor_parallel: {tensor}\n    pipeline_parallel: {stages}")
    )
    return folder


def row(folder: Path, model: str = "llama3") -> dict[str, object]:
    rows = json.loads(ira("list", "--json", cwd=folder).stdout)["cells"]
    (found,) = [row for row in rows if (row["gpu"], row["model"]) == ("h100", model)]
    return dict(found)


def test_the_cell_has_the_gpus_of_all_stages_and_tells_the_server(tmp_path: Path) -> None:
    folder = staged(tmp_path, 2, 2)
    run = ira("synth", cwd=folder)
    assert run.returncode == 0, run.stderr
    text = "\n".join(path.read_text() for path in (folder / DIRECTORY).rglob("*") if path.is_file())

    assert "--pipeline-parallel-size=2" in text
    assert 'nvidia.com/gpu: "4"' in text
    assert "TENSOR_PARALLEL_SIZE=2" in text
    assert row(folder)["gpus"] == 4
    assert row(folder)["verdict"] in ("fits", "tight")
    explained = ira("explain", "h100", "llama3", cwd=folder).stdout
    assert "of each of 4 GPUs" in explained
    assert "--pipeline-parallel-size: 2" in explained


def test_one_stage_is_what_there_is_without_the_field(tmp_path: Path) -> None:
    folder = staged(tmp_path, 4, 1)
    assert ira("synth", cwd=folder).returncode == 0
    name = f"{DIRECTORY}/deployment.yaml"
    assert (folder / name).read_text() == (ROOT / name).read_text()


def test_more_gpus_than_a_machine_has_are_refused(tmp_path: Path) -> None:
    run = ira("list", cwd=staged(tmp_path, 4, 4))
    assert run.returncode == 2
    assert "is 4 × pipeline_parallel 4; the largest machine of h100 has 8 GPUs" in run.stderr


@pytest.mark.parametrize("stages", ["0", "-1", "65", "two"])
def test_stages_are_a_whole_number(stages: str, tmp_path: Path) -> None:
    assert ira("list", cwd=staged(tmp_path, 4, stages)).returncode == 2


# Qwen/Qwen3-Next-80B-A3B-Instruct: config.json; the weights are only to be large enough.
STATES = """\
model_id: acme/with-states
weights: {total_gib: 40}
geometry:
  num_attention_heads: 16
  hidden_size: 2048
  vocab_size: 151936
  max_position_embeddings: 262144
  layers:
    - count: 36
      linear_num_key_heads: 16
      linear_num_value_heads: 32
      linear_key_head_dim: 128
      linear_value_head_dim: 128
      linear_conv_kernel_dim: 4
    - count: 12
      num_key_value_heads: 2
      head_dim: 256
cells:
  h100:
    tensor_parallel: 1
    pipeline_parallel: 2
    cpu: 20
    memory: 100G
    gpu_memory_utilization: 0.90
    max_model_len: 8192
"""


def test_stages_of_a_model_with_states_are_not_judged(tmp_path: Path) -> None:
    (copy_profiles(tmp_path) / "models/states.yaml").write_text(STATES)
    found = row(tmp_path, "states")
    assert found["verdict"] == "not judged"
    assert "pipeline_parallel" in str(found["why"])


def test_the_option_itself_is_refused_and_the_field_named(tmp_path: Path) -> None:
    copy_edited(
        tmp_path,
        "h100/llama3",
        ("tensor_parallel: 4", "tensor_parallel: 4\n    args: ['--pipeline-parallel-size=2']"),
    )
    run = ira("list", cwd=tmp_path)
    assert run.returncode == 2
    assert "can't be set in args: set pipeline_parallel" in run.stderr


@pytest.mark.parametrize(
    ("tensor", "stages", "layers", "field", "message"),
    [
        (1, 8, 4, "pipeline_parallel", "pipeline parallel 8 is more than 4 layers"),
        (3, 2, 80, "tensor_parallel", "tensor parallel 3 does not divide 64 heads"),
    ],
)
def test_what_can_not_be_split_is_found_at_its_field(
    tensor: int, stages: int, layers: int, field: str, message: str, tmp_path: Path
) -> None:
    folder = staged(tmp_path, tensor, stages)
    file = folder / "profiles/models/llama3.yaml"
    file.write_text(file.read_text().replace("80", f"{layers}"))
    found = json.loads(ira("check", "--format", "json", cwd=folder).stdout)

    (split,) = [item for item in found if item["rule"] == "IRA004"]
    assert split["field"] == f"cells.h100.{field}"
    assert message in split["message"]
