"""The memory and CPU of a node: what counts, the limits, and `explain`'s bars."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ira_manifests import load_matrix
from ira_manifests.kubernetes import gcsfuse, system_pods
from ira_manifests.rules import waivers
from ira_manifests.rules.check_cells import check_cells
from ira_manifests.rules.finding import Finding
from ira_manifests.vllm import cpus
from testing.edits import edit_file, edited
from testing.project import PROFILES, copy_profiles
from tests.support import ira

MIB, GIB = 2**20, 2**30

# 15 GiB of weights on a g2-standard-12, which has 12 vCPUs and 48 GiB. GKE leaves of it:
#   memory  49152 MiB - 934.016 (kernel) - 1.04 × 4589.12 (reserved) - 100 (eviction) = 43345.3 MiB
#   CPU     12 - 0.06 - 0.01 - 0.01 - 8 × 0.0025 = 11.9
# Beside the server, Pods ask for 1 (fetch-safetensors) + 0.25 (FUSE) + 1 (GKE) GiB and for
# 1 + 0.25 + 0.647 cores.
MODEL = """\
model_id: example/small
weights:
  total_gib: 15
geometry:
  num_attention_heads: 32
  hidden_size: 4096
  vocab_size: 128256
  max_position_embeddings: 131072
  layers:
    - count: 32
      num_key_value_heads: 8
      head_dim: 128
cells:
  l4:
    tensor_parallel: 1
    cpu: 8
    memory: 40G
    gpu_memory_utilization: 0.90
    max_model_len: 8192
    compute_class: gpu-l4-24gb-s12-x1
"""
WITH_WEIGHTS, CELLS = MODEL.index("weights:"), MODEL.index("cells:")


def profiles(folder: Path, edits: dict[str, str], text: str = MODEL) -> Path:
    copied = copy_profiles(folder)
    (copied / "models/small.yaml").write_text(edited(text, edits))
    return copied


def findings(folder: Path, rule: str) -> list[Finding]:
    matrix = load_matrix(folder)
    cell = matrix["l4", "small"]
    return [item for item in check_cells(matrix, [cell]) if item.rule_id == rule]


def test_the_file_cache_counts_beside_all_that_the_server_may_use(tmp_path: Path) -> None:
    """40G are 38147.0 MiB: with 2304 and 15360, 55811.0 of 43345.3 MiB."""
    (found,) = findings(profiles(tmp_path, {}), "IRA006")

    assert found.field == "cells.l4.memory"
    assert found.message == (
        "12.2 GiB are missing on g2-standard-12, which allocates 42.3 GiB: inference-server "
        "37.25 (40G) + fetch-safetensors 1 + Cloud Storage FUSE 0.25 + GKE's own Pods 1 = "
        "39.5 GiB are asked for, and the file cache takes 15.0 GiB of memory beside"
    )
    assert found.hint == "memory: 26G or compute_class: gpu-l4-24gb-s16-x1 would fit"


@pytest.mark.parametrize(
    ("old", "new", "fits"),
    [
        # 43345.3 - 2304 - 15360 = 25681.3 MiB, which are 26.93 GB.
        ("memory: 40G", "memory: 26928M", True),
        ("memory: 40G", "memory: 26929M", False),
        ("gpu-l4-24gb-s12-x1", "gpu-l4-24gb-s16-x1", True),
        # 43345.3 - 2304 - 38147.0 = 2894.3 MiB, which are 2.826 GiB.
        ("total_gib: 15", "total_gib: 2.82", True),
        ("total_gib: 15", "total_gib: 2.83", False),
    ],
)
def test_the_limit_is_what_is_left_of_the_machine(
    old: str, new: str, fits: bool, tmp_path: Path
) -> None:
    assert (findings(profiles(tmp_path, {old: new}), "IRA006") == []) is fits


@pytest.mark.parametrize(("size", "fits"), [("0", True), ("2894", True), ("2895", False)])
def test_a_limit_of_the_file_cache_counts(size: str, fits: bool, tmp_path: Path) -> None:
    copied = profiles(tmp_path, {})
    option = "file-cache:max-size-mb:"
    edit_file(copied / "platform.yaml", {f"{option}-1": f"{option}{size}"})

    assert (findings(copied, "IRA006") == []) is fits


def test_without_weights_the_cache_is_not_counted(tmp_path: Path) -> None:
    without = MODEL[:WITH_WEIGHTS] + MODEL[CELLS:]

    assert findings(profiles(tmp_path, {}, without), "IRA006") == []


@pytest.mark.parametrize(
    ("memory", "message"),
    [
        # 43345.3 - 2304 = 41041.3 MiB are 43.03 GB; the Pod is scheduled up to there.
        ("43G", "GiB are missing on g2-standard-12"),
        ("44G", "= 43.2 GiB are asked for, and g2-standard-12 allocates 42.3"),
    ],
)
def test_a_pod_that_is_never_scheduled_differs_from_one_that_is(
    memory: str, message: str, tmp_path: Path
) -> None:
    (found,) = findings(profiles(tmp_path, {"memory: 40G": f"memory: {memory}"}), "IRA006")

    assert message in found.message


@pytest.mark.parametrize(("cpu", "fits"), [("10", True), ("10003m", True), ("10004m", False)])
def test_the_cpus_of_the_sidecar_and_of_gke_count(cpu: str, fits: bool, tmp_path: Path) -> None:
    """11.9 - 1.897 are 10.003."""
    copied = profiles(tmp_path, {"cpu: 8": f"cpu: {cpu}", "memory: 40G": "memory: 20G"})

    assert (findings(copied, "IRA006") == []) is fits


@pytest.mark.parametrize(
    ("annotations", "cpu", "memory"),
    [
        ({}, 250, 256 * MIB),
        ({"cpu-limit": "0", "memory-limit": "0"}, 250, 256 * MIB),
        ({"cpu-limit": "2", "memory-limit": "1Gi"}, 2000, GIB),
        ({"cpu-request": "100m", "memory-request": "0"}, 100, 0),
        ({"cpu-request": "1", "cpu-limit": "0", "memory-limit": "0"}, 1000, 256 * MIB),
    ],
)
def test_the_sidecar_asks_for_what_its_webhook_gives_it(
    annotations: dict[str, str], cpu: int, memory: int
) -> None:
    """The cases of populateResource in the driver's pkg/webhook/config.go."""
    prefixed = {f"gke-gcsfuse/{key}": value for key, value in annotations.items()}

    assert gcsfuse.request(prefixed, "cpu") == cpu
    assert gcsfuse.request(prefixed, "memory") == memory


@pytest.mark.parametrize(
    ("options", "cached"),
    [
        (["implicit-dirs"], 0),
        (["file-cache:max-size-mb:-1"], 5 * GIB),
        (["file-cache:max-size-mb:0"], 0),
        (["file-cache:max-size-mb:1024"], GIB),
        (["file-cache:max-size-mb:10240"], 5 * GIB),
        (["file-cache:max-size-mb:-1", "file-cache:max-size-mb:1"], MIB),
        (["metadata-cache:stat-cache-max-size-mb:-1"], 0),
    ],
)
def test_the_cache_is_as_large_as_its_option_and_the_files_allow(
    options: list[str], cached: int
) -> None:
    assert gcsfuse.cached(options, 5 * GIB) == cached


def test_gkes_own_pods_are_the_sum_that_the_page_of_the_rule_names() -> None:
    assert system_pods.MILLICPUS == 105 + 100 + 19 + 15 + 55 + 5 + 205 + 100 + 25 + 10 + 8
    assert system_pods.MEMORY == GIB


@pytest.mark.parametrize(("gpus", "vcpus"), [(1, 6), (2, 8), (4, 12), (8, 20)])
def test_a_server_wants_two_vcpus_for_each_of_its_processes(gpus: int, vcpus: int) -> None:
    """One API server, one engine core and a worker for each GPU, each on a physical core."""
    assert cpus.least(gpus) == vcpus


@pytest.mark.parametrize(("cpu", "enough"), [("6", True), ("5999m", False)])
def test_fewer_cpus_than_processes_are_warned_of(cpu: str, enough: bool, tmp_path: Path) -> None:
    assert (findings(profiles(tmp_path, {"cpu: 8": f"cpu: {cpu}"}), "IRA046") == []) is enough


def test_the_references_eight_l4_are_waived_with_a_reason() -> None:
    """12 CPUs for eight GPUs, which want 20."""
    matrix = load_matrix(PROFILES)
    cell = matrix["l4", "gemma3-27b"]
    found = list(check_cells(matrix, [cell]))

    assert [item.field for item in found if item.rule_id == "IRA046"] == ["cells.l4.cpu"]
    assert "IRA046" not in {item.rule_id for item in waivers.apply(matrix, [cell], found)}


def node(output: str) -> tuple[str, dict[str, float]]:
    """Return the bar of the node's memory and its parts, in GiB by letter."""
    shown = output.split("Memory of the node, at most:\n\n")[1].split("\n\n", maxsplit=1)[0]
    bar, *lines = shown.splitlines()
    rows = [re.match(r"  (\S) +(-?[\d.]+) GiB  ", line) for line in lines]
    return bar, {row[1]: float(row[2]) for row in rows if row}


def test_explain_shows_the_node_beside_the_gpu() -> None:
    """160G and 51.45 GiB of weights on a g2-standard-96, which allocates 362.73 GiB."""
    run = ira("explain", "l4", "gemma3-27b")

    bar, parts = node(run.stdout)
    assert parts == {
        "S": 149.01, "C": 51.45, "F": 1.0, "B": 0.25, "G": 1.0, "+": 160.02, "=": 362.73,
    }  # fmt: skip
    assert set(bar) == set("SCFBG+")
    assert max(map(len, run.stdout.splitlines())) <= 80
    assert "13.90 cores asked for of 95.69" in run.stdout


def test_explain_marks_the_end_of_the_node_where_memory_is_missing(tmp_path: Path) -> None:
    run = ira("explain", "l4", "small", "--profiles", str(profiles(tmp_path, {})))

    bar, parts = node(run.stdout)
    assert parts["-"] == -12.17
    assert parts["="] == 42.33
    # 42.33 of 54.5 GiB.
    assert len(bar.split("|")[0]) / (len(bar) - 1) == pytest.approx(42.33 / 54.5, abs=0.02)


def test_explain_says_that_the_cache_of_unknown_weights_is_not_counted(tmp_path: Path) -> None:
    without = MODEL[:WITH_WEIGHTS] + MODEL[CELLS:]

    run = ira("explain", "l4", "small", "--profiles", str(profiles(tmp_path, {}, without)))

    _, parts = node(run.stdout)
    assert "C" not in parts
    assert "The file cache is not counted" in run.stdout
