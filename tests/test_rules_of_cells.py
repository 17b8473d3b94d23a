"""Rules of cells: an edit of the shipped profiles, and the place of the expected finding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import pytest

from ira_manifests import load_matrix
from ira_manifests.rules import check_cells, waivers
from ira_manifests.rules.finding import Finding
from testing.edits import edit_file, edit_profile
from testing.project import PROFILES, copy_edited, copy_profiles
from tests.breaking import newly_found


def in_cells(profiles: Path) -> list[Finding]:
    """Return the findings of the cells of profiles that no waiver covers."""
    matrix = load_matrix(profiles)
    found = check_cells.check_cells(matrix, matrix.values())
    return waivers.apply(matrix, matrix.values(), found)


@cache
def in_shipped_cells() -> list[Finding]:
    return in_cells(PROFILES)


@dataclass(frozen=True)
class Break:
    """An edit of a shipped profile that makes a rule of cells fire in one of its cells.

    The subject is a model, or one of its cells, as `testing.edits.edit_profile` takes it.
    """

    subject: str
    edits: Mapping[str, str]
    field: str
    message: str
    cell: str = "h100/llama3"


JUDGED = """\
weights:
  total_gib: 131.42
geometry:
  num_attention_heads: 64
  hidden_size: 8192
  intermediate_size: 28672
  vocab_size: 128256
  max_position_embeddings: 131072
  num_hidden_layers: 80
  layers:
    - count: 80
      num_key_value_heads: 8
      head_dim: 128
"""
SPARSE = """\
      kv_lora_rank: 512
      qk_rope_head_dim: 64
      qk_nope_head_dim: 128
      v_head_dim: 128
      index_head_dim: 128
"""
WAIVER = "waive:\n  IRA043: The reference architecture serves it with this flag.\n"

CELL = "h100/llama3"
BREAKS = {
    # 131.42 GiB of weights do not fit one H100 of 79.19 GiB.
    "IRA001": Break(CELL, {"tensor_parallel: 4": "tensor_parallel: 1"},
                    "cells.h100.tensor_parallel", "weights take"),
    # 0.62 of 79.19 GiB are 49.1: 32.9 are weights, 10 are one request, 5.7 are vLLM's own.
    "IRA002": Break(CELL, {"0.95": "0.62"}, "cells.h100.gpu_memory_utilization", "KV cache has"),
    "IRA003": Break("llama3", {JUDGED: ""}, "model_id", "memory is not judged"),
    # 64 heads can't be shared by 3 GPUs.
    "IRA004": Break(CELL, {"tensor_parallel: 4": "tensor_parallel: 3"},
                    "cells.h100.tensor_parallel", "tensor parallel 3 does not divide 64 heads"),
    "IRA005": Break(CELL, {"    cpu:": "    compute_class: gpu-h100-80gb-high-x8\n    cpu:"},
                    "cells.h100.tensor_parallel", "4 GPUs idle"),
    # a3-highgpu-4g has 104 vCPUs and 936 GB.
    "IRA006": Break(CELL, {"cpu: 64": "cpu: 104"}, "cells.h100.cpu", "a3-highgpu-4g allocates"),
    "IRA007": Break(CELL, {"max_model_len: 131072": "max_model_len: 262144"},
                    "cells.h100.max_model_len", "are more than the model's own 131072"),
    "IRA008": Break("llama3", {"min_engine: 0.8.0": "min_engine: 0.30.0"}, "min_engine",
                    "needs engine 0.30.0, and 0.26.0 is pinned"),
    "IRA009": Break("llama3", {"model_id: meta-llama/": "model_id: meta/"}, "model_id",
                    "differs from the known 'meta-llama/Llama-3.3-70B-Instruct'"),
    "IRA043": Break("llama3", {WAIVER: ""}, "trust_remote_code",
                    "Python files that come with meta-llama/Llama-3.3-70B"),
    "IRA060": Break("llama3", {"min_engine:": "revision: refs/pr/1\nmin_engine:"}, "revision",
                    "'refs/pr/1' is a branch or a tag, which can move"),
    "IRA066": Break(CELL, {"    cpu:": "    env: {VLLM_LOGING_LEVEL: DEBUG}\n    cpu:"},
                    "cells.h100.env.VLLM_LOGING_LEVEL", "0.26.0 does not read VLLM_LOGING_LEVEL"),
    # vLLM wants 2 + 4 cores of two vCPUs each.
    "IRA046": Break(CELL, {"cpu: 64": "cpu: 11"}, "cells.h100.cpu",
                    "gets 11 CPUs and vLLM wants 12 for 4 GPUs"),
    # 8 GPUs share a layer, 4 of them on each machine.
    "IRA056": Break(CELL, {"tensor_parallel: 4": "tensor_parallel: 8\n    nodes: 2"},
                    "cells.h100.tensor_parallel", "tensor parallel 8 with 4 GPUs on each of 2"),
    "IRA047": Break("llama3", {"total_gib: 131.42": "total_gib: 131.42\n  quantization: gptq",
                               "h100:\n": "h100:\n    args: [--quantization=awq]\n"},
                    "cells.h100.args", "--quantization=awq: the checkpoint is quantised as gptq"),
    # No backend of sparse latents takes the compute capability 8.9 of an L4.
    "IRA048": Break("llama3", {"      num_key_value_heads: 8\n      head_dim: 128\n": SPARSE,
                               "  h100:\n    tensor_parallel: 4\n    cpu: 64\n    memory: 512G\n":
                               "  l4:\n    tensor_parallel: 4\n    cpu: 16\n    memory: 64G\n"},
                    "cells.l4", "no kernel for latent attention with a sparse", "l4/llama3"),
    # Pages of 96 and of 128 values a head: vLLM's unify_kv_cache_spec_page_size refuses them.
    "IRA038": Break("gemma3-27b", {"head_dim: 128\n    - count": "head_dim: 96\n    - count"},
                    "geometry", "cannot be made equal", "h100/gemma3-27b"),
}  # fmt: skip


def edited(folder: Path, item: Break) -> Path:
    profiles = copy_profiles(folder)
    edit_profile(profiles, item.subject, item.edits)
    return profiles


@pytest.mark.parametrize("rule", BREAKS)
def test_a_rule_of_cells_fires_at_its_field(rule: str, tmp_path: Path) -> None:
    item = BREAKS[rule]

    found = newly_found(rule, in_shipped_cells(), in_cells(edited(tmp_path, item)), item.cell)

    (finding,) = found
    assert finding.field == item.field
    assert item.message in finding.message
    assert finding.hint
    line = Path(finding.file).read_text().splitlines()[finding.line - 1]
    assert item.field.rsplit(".", 1)[-1] in line


def test_an_edit_after_which_nothing_new_is_found_is_refused() -> None:
    found = in_shipped_cells()
    assert "IRA002" in {each.rule_id for each in found}

    for rule in ("IRA001", "IRA002"):
        with pytest.raises(AssertionError):
            newly_found(rule, found, found)


def memory_findings(folder: Path, cell: str, *edits: tuple[str, str]) -> list[Finding]:
    profiles = copy_edited(folder, cell, *edits)
    return [f for f in in_cells(profiles) if f.cell == cell and f.rule_id in ("IRA001", "IRA002")]


def value_of(finding: Finding) -> str:
    """Return the first value that the hint names for the field of the finding."""
    field, _, value = finding.hint.split(" would")[0].split(" or ")[0].partition(": ")
    assert finding.field == f"cells.h100.{field}"
    return f"{field}: {value}"


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        # 0.30 of 79.19 GiB is less than a quarter of 131.42 GiB and one request: 0.95 was enough.
        ("gpu_memory_utilization: 0.95", "gpu_memory_utilization: 0.30", "gpu_memory_utilization"),
        # 0.80 GiB are left beside 0.99, and the CUDA context alone takes 0.53.
        ("gpu_memory_utilization: 0.95", "gpu_memory_utilization: 0.99", "gpu_memory_utilization"),
        ("tensor_parallel: 4", "tensor_parallel: 1", "tensor_parallel"),
    ],
)
def test_the_hint_names_what_works_and_the_finding_stands_there(
    old: str, new: str, field: str, tmp_path: Path
) -> None:
    (finding,) = memory_findings(tmp_path, "h100/llama3", (old, new))
    remedy = value_of(finding)

    assert remedy.startswith(f"{field}: ")
    again = memory_findings(tmp_path / "mended", "h100/llama3", (old, remedy))
    assert again == []


def test_the_hint_asks_for_no_more_gpus_than_are_needed(tmp_path: Path) -> None:
    (finding,) = memory_findings(
        tmp_path, "h100/llama3", ("tensor_parallel: 4", "tensor_parallel: 1")
    )

    assert "tensor_parallel: 4" in finding.hint  # there are machines of 8, too


def test_auto_that_finds_no_context_worth_serving_is_refused(tmp_path: Path) -> None:
    """0.49 of 79.19 GiB leave less than the margin beside a quarter of 131.42 GiB."""
    (finding,) = memory_findings(
        tmp_path, "h100/llama3",
        ("gpu_memory_utilization: 0.95", "gpu_memory_utilization: 0.49"),
        ("max_model_len: 131072", "max_model_len: auto"),
    )  # fmt: skip

    assert finding.rule_id == "IRA001"
    assert "auto finds no context of 1024 tokens" in finding.message
    assert value_of(finding).startswith("gpu_memory_utilization: 0.5")


def test_an_engine_counts_as_a_number_and_not_as_text(tmp_path: Path) -> None:
    for needed, is_needed in (('"0.26"', False), ("0.26.0rc1", False), ("0.26.1rc1", True)):
        item = replace(BREAKS["IRA008"], edits={"min_engine: 0.8.0": f"min_engine: {needed}"})
        rules = {f.rule_id for f in in_cells(edited(tmp_path / needed.strip('"'), item))}
        assert ("IRA008" in rules) is is_needed, needed


def test_a_pre_release_is_older_than_the_release_that_a_model_needs(tmp_path: Path) -> None:
    needs = {"min_engine: 0.8.0": "min_engine: 0.26.0"}
    profiles = edited(tmp_path, replace(BREAKS["IRA008"], edits=needs))
    before = in_cells(profiles)
    edit_file(profiles / "platform.yaml", {"version: 0.26.0": "version: 0.26.0rc1"})

    assert newly_found("IRA008", before, in_cells(profiles))


def test_the_case_of_a_known_id_counts_as_well(tmp_path: Path) -> None:
    other_case = {"Llama-3.3-70B-Instruct\nmin": "llama-3.3-70b-instruct\nmin"}
    item = replace(BREAKS["IRA009"], edits=other_case)

    found = newly_found("IRA009", in_shipped_cells(), in_cells(edited(tmp_path, item)))

    assert {f.cell for f in found} == {"h100/llama3", "h200/llama3"}


def test_memory_beyond_the_machine_is_found_as_well_as_cpu(tmp_path: Path) -> None:
    item = replace(BREAKS["IRA006"], edits={"memory: 512G": "memory: 936Gi"})

    (finding,) = newly_found("IRA006", in_shipped_cells(), in_cells(edited(tmp_path, item)))

    assert finding.field == "cells.h100.memory"


def test_auto_takes_a_context_that_keeps_the_margin(tmp_path: Path) -> None:
    automatic = ("max_model_len: 131072", "max_model_len: auto")
    profiles = copy_edited(tmp_path, "h100/gemma3-27b", automatic)
    matrix = load_matrix(profiles)
    cell = matrix["h100", "gemma3-27b"]

    assert 8192 < cell.max_model_len < 131072
    assert cell.max_model_len % 1024 == 0
    assert cell.runtime_values["MAX_MODEL_LEN"] == str(cell.max_model_len)
    assert not [
        f for f in check_cells.check_cells(matrix, [cell]) if f.rule_id in ("IRA001", "IRA002")
    ]


def test_auto_that_finds_nothing_is_refused(tmp_path: Path) -> None:
    profiles = copy_edited(
        tmp_path, CELL,
        ("tensor_parallel: 4", "tensor_parallel: 1"), ("cpu: 64", "cpu: 10"),
        ("memory: 512G", "memory: 64G"), ("max_model_len: 131072", "max_model_len: auto"),
    )  # fmt: skip

    assert newly_found("IRA001", in_shipped_cells(), in_cells(profiles), CELL)


def test_a_size_that_splits_nothing_is_reported_with_those_that_fit(tmp_path: Path) -> None:
    # 131 GiB of weights: one GPU of 79 GiB is too small, two hold no request of 131072 tokens.
    profiles = copy_edited(tmp_path, CELL, ("tensor_parallel: 4", "tensor_parallel: 3"))

    (found,) = newly_found("IRA004", in_shipped_cells(), in_cells(profiles))

    assert found.hint == "tensor_parallel: 4, 8 would fit"
