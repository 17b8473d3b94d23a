"""Hints of the rules of cells name changes that are sufficient for all missed limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import pytest

from testing.edits import edit_file
from testing.project import copy_profiles
from tests.support import ira
from tests.test_rules_of_cells import in_cells

# https://huggingface.co/Qwen/Qwen3-32B/blob/main/config.json; 61.03 GiB of weights.
QWEN = """\
model_id: Qwen/Qwen3-32B
weights:
  total_gib: 61.03
geometry:
  num_attention_heads: 64
  hidden_size: 5120
  intermediate_size: 25600
  vocab_size: 151936
  max_position_embeddings: 40960
  layers:
    - count: 64
      num_key_value_heads: 8
      head_dim: 128
cells:
  l4:
    tensor_parallel: 2
    cpu: 20
    memory: 64G
    gpu_memory_utilization: 0.95
    max_model_len: 40960
"""
CELL = "l4/qwen3-32b"


def qwen(folder: Path, edits: Mapping[str, str] = {}) -> Path:
    profiles = copy_profiles(folder)
    file = profiles / "models/qwen3-32b.yaml"
    file.write_text(QWEN)
    edit_file(file, edits)
    return profiles


def findings(profiles: Path, *rules: str) -> list[tuple[str, str, str]]:
    return [
        (f.field, f.message, f.hint)
        for f in in_cells(profiles)
        if f.cell == CELL and f.rule_id in rules
    ]


def test_two_fields_that_must_change_together_are_named_and_are_enough(tmp_path: Path) -> None:
    ((field, message, hint),) = findings(qwen(tmp_path), "IRA001")

    assert hint == ("tensor_parallel: 8 and gpu_memory_utilization: 0.84 would keep the margin")
    assert field == "cells.l4.tensor_parallel"
    # 0.05 × 22.03 GiB are outside of the share, and start-up takes more than that there.
    assert re.search(r"18\.\d GiB are missing; 1\.\d GiB more are needed for sampler", message)
    mended = {"tensor_parallel: 2": "tensor_parallel: 8", "0.95": "0.84"}
    assert findings(qwen(tmp_path / "mended", mended), "IRA001", "IRA002") == []


@pytest.mark.parametrize("change", [{"tensor_parallel: 2": "tensor_parallel: 8"}, {"0.95": "0.84"}])
def test_one_of_the_two_is_not_enough(change: Mapping[str, str], tmp_path: Path) -> None:
    assert findings(qwen(tmp_path, change), "IRA001")


def test_a_smaller_share_and_less_context_come_before_more_gpus(tmp_path: Path) -> None:
    """At TP 8, 0.95 leaves too little outside, and 0.60 × 22.03 GiB hold 7.6 GiB and no request."""
    edits = {"tensor_parallel: 2": "tensor_parallel: 8", "max_model_len: 40960":
             "max_model_len: 4096000"}  # fmt: skip
    edits |= {"max_position_embeddings: 40960": "max_position_embeddings: 4096000"}
    ((field, _, hint),) = findings(qwen(tmp_path, edits), "IRA001")

    changes = re.match(r"(gpu_memory_utilization: \S+) and (max_model_len: \d+) would", hint)
    assert changes is not None
    assert field == "cells.l4.gpu_memory_utilization"
    mended = {**edits, "gpu_memory_utilization: 0.95": changes[1]}
    mended["max_model_len: 40960"] = changes[2]
    assert findings(qwen(tmp_path / "mended", mended), "IRA001", "IRA002") == []


def test_explain_names_all_limits_that_are_missed(tmp_path: Path) -> None:
    profiles = qwen(tmp_path)
    shown = " ".join(ira("explain", CELL, "--profiles", profiles).stdout.split())

    assert re.search(r"18\.\d GiB are missing; ", shown)
    assert "more are needed for sampler warm-up" in shown


def test_with_auto_the_share_may_shrink_as_the_context_does(tmp_path: Path) -> None:
    edits = {"tensor_parallel: 2": "tensor_parallel: 8", "len: 40960\n": "len: auto\n"}
    ((field, _, hint),) = findings(qwen(tmp_path, edits), "IRA001", "IRA002")

    value = re.match(r"gpu_memory_utilization: (0\.\d+)", hint)
    assert value is not None
    assert field == "cells.l4.gpu_memory_utilization"
    mended = {**edits, "0.95": value[1]}
    assert findings(qwen(tmp_path / "mended", mended), "IRA001", "IRA002") == []


def test_idle_gpus_of_the_smallest_machine_are_no_matter_of_a_smaller_one(tmp_path: Path) -> None:
    ((_, _, hint),) = findings(
        qwen(tmp_path, {"tensor_parallel: 2": "tensor_parallel: 3"}), "IRA005"
    )

    assert "no machine of l4 with 3 GPUs or more is smaller" in hint


def test_idle_gpus_of_a_named_machine_get_the_name_of_a_smaller_one(tmp_path: Path) -> None:
    named = {"    cpu: 20": "    compute_class: gpu-l4-24gb-x8\n    cpu: 20"}
    ((_, _, hint),) = findings(qwen(tmp_path, named), "IRA005")

    assert hint == "compute_class: gpu-l4-24gb-x2 has 2 GPUs"


def test_requests_are_listed_by_container(tmp_path: Path) -> None:
    edits = {"tensor_parallel: 2": "tensor_parallel: 8", "cpu: 20": "cpu: 200"}
    edits |= {"memory: 64G": "memory: 900G"}
    cpu, memory = findings(qwen(tmp_path, edits), "IRA006")

    assert cpu[1].startswith("inference-server 200 + fetch-safetensors 1 + Cloud Storage FUSE 0.25")
    # 900e9 bytes are 838.19 GiB.
    assert memory[1].startswith("inference-server 838.19 (900G) + fetch-safetensors ")
