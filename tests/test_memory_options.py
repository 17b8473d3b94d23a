"""Options that change memory: computed as the engine reads them, or the cell is not judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ira_manifests.memory import BatchLimits
from ira_manifests.profiles.memory_options import NOT_COMPUTED, batch, uncomputed
from testing.project import copy_edited
from tests.support import ira

DEFAULT = BatchLimits(8192, 1024)
ENGINE = "0.26.0"


def with_flags(folder: Path, *flags: str, gpus: int = 2, length: object = 131072) -> Path:
    """Copy the profiles with flags in h100/gemma3-27b."""
    copy_edited(
        folder, "h100/gemma3-27b",
        ("tensor_parallel: 1", f"flags: {json.dumps(flags)}\n    tensor_parallel: {gpus}"),
        ("max_model_len: 131072", f"max_model_len: {length}"),
    )  # fmt: skip
    return folder


def cell_of(folder: Path) -> dict[str, object]:
    run = ira("list", "--json", cwd=folder)
    assert run.returncode == 0, run.stderr
    rows = json.loads(run.stdout)["cells"]
    (found,) = [row for row in rows if (row["gpu"], row["model"]) == ("h100", "gemma3-27b")]
    return dict(found)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ((), DEFAULT),
        (("--max-num-batched-tokens=128k",), BatchLimits(128_000, 1024)),
        (("--max-num-batched-tokens=128K",), BatchLimits(131_072, 1024)),
        (("--max-num-ba=128k",), BatchLimits(128_000, 1024)),
        (("--max_num_seqs=16", "--max-num-seqs=32"), BatchLimits(8192, 32)),
        (("--max-num-batched-tokens", "4096"), BatchLimits(4096, 1024)),
        (("--max-num-seqs=0",), DEFAULT),
        (("--max-num-seqs=many",), DEFAULT),
    ],
)
def test_batches_are_read_as_the_engine_reads_them(
    flags: tuple[str, ...], expected: BatchLimits
) -> None:
    """Expected: human_readable_int of vllm/utils/argparse_utils.py."""
    assert batch(flags, ENGINE, DEFAULT) == expected


@pytest.mark.parametrize(
    ("flags", "option"),
    [
        (["--dtype=float32"], "--dtype"),
        (["--quantization=fp8"], "--quantization"),
        (["-q", "fp8"], "--quantization"),
        (["--kv-cache-memory-bytes=8G"], "--kv-cache-memory-bytes"),
        (["--num-gpu-blocks-override=100"], "--num-gpu-blocks-override"),
        (["--cpu-offload-gb=10"], "--cpu-offload-gb"),
        (["--block-size=32"], "--block-size"),
        (["--enforce-eager"], "--enforce-eager"),
        (["--enforce-e"], "--enforce-eager"),
        (["--disable-hybrid-kv-cache-manager"], "--disable-hybrid-kv-cache-manager"),
        (["--enable-lora"], "--enable-lora"),
        (["--max-loras=4"], "--max-loras"),
        (["--max-lora-rank=64"], "--max-lora-rank"),
        (['--speculative-config={"method":"ngram"}'], "--speculative-config"),
        (["--speculative-config.method=ngram"], "--speculative-config"),
        (["--limit-mm-per-prompt.image=0"], "--limit-mm-per-prompt"),
        (["-pp", "2"], "--pipeline-parallel-size"),
        (["-dp=2"], "--data-parallel-size"),
        (["--enable-expert-parallel"], "--enable-expert-parallel"),
        (["-dcp=2"], "--decode-context-parallel-size"),
        (["-O0"], "--optimization-level"),
        (["--cudagraph-capture-sizes", "1", "2"], "--cudagraph-capture-sizes"),
        (["--compilation-config.cudagraph_mode=NONE"], "--compilation-config"),
        (["--no-enable-chunked-prefill"], "--enable-chunked-prefill"),
        (["--no-async-scheduling"], "--async-scheduling"),
        (["--hf-overrides={}"], "--hf-overrides"),
        (["--max-num-seqs=$(SEQS)"], "--max-num-seqs"),
    ],
)
def test_an_option_that_changes_memory_is_named(flags: list[str], option: str) -> None:
    assert uncomputed(flags, ENGINE) == (option,)


@pytest.mark.parametrize(
    "flag",
    [
        "--max-num-seqs=16",
        "--dtype=auto",
        "--no-enforce-eager",
        "--enable-chunked-prefill",
        "--swap-space=4",
        "--seed=1",
        "--enable-prefix-caching",
        "--load-format=safetensors",
    ],
)
def test_what_leaves_memory_as_it_is_is_judged(flag: str) -> None:
    assert uncomputed([flag], ENGINE) == ()


def test_the_last_of_two_switches_counts() -> None:
    assert uncomputed(["--enforce-eager", "--no-enforce-eager"], ENGINE) == ()


def test_the_options_are_those_of_a_release() -> None:
    from ira_manifests.vllm import option_strings, releases

    known = set().union(*(option_strings(release) for release in releases()))
    assert known >= NOT_COMPUTED


@pytest.mark.parametrize("flag", ["--max-num-batched-tokens=128k", "--max-num-batched-t=128k"])
def test_a_batch_of_128k_tokens_does_not_fit_two_h100(flag: str, tmp_path: Path) -> None:
    """3.3 GiB are missing: 256,000 tokens in flight in 6 groups, and the layers' activation."""
    cell = cell_of(with_flags(tmp_path, flag))

    assert cell["verdict"] == "does not fit"
    assert cell["kv_headroom_gib"] == pytest.approx(-3.3, abs=0.1)


def test_a_cell_with_such_an_option_is_not_judged_anywhere(tmp_path: Path) -> None:
    folder = with_flags(tmp_path, "--quantization=fp8")

    cell = cell_of(folder)
    listed = ira("list", cwd=folder).stdout
    explained = ira("explain", "h100", "gemma3-27b", cwd=folder).stdout
    checked = ira("check", "--profiles", "profiles", cwd=folder)

    assert cell["verdict"] == "not judged"
    assert "--quantization" in str(cell["why"])
    assert cell["kv_headroom_gib"] is cell["concurrency"] is None
    assert "not judged" in listed
    assert "h100 × gemma3-27b: --quantization changes" in listed
    assert "memory: not judged, --quantization changes" in explained
    assert "IRA003" in checked.stdout
    assert "--quantization changes what it needs" in checked.stdout
    assert "cells.h100.flags" in checked.stdout


def test_auto_says_with_which_option_it_can_not_be_computed(tmp_path: Path) -> None:
    run = ira("list", cwd=with_flags(tmp_path, "--enforce-eager", length="auto"))

    assert run.returncode == 2
    assert "is auto, which can't be computed with --enforce-eager; give a number" in run.stderr


@pytest.mark.parametrize(
    ("flags", "refused"),
    [((), True), (('--hf-overrides={"rope_scaling":{}}',), False), (("--seed=1",), True)],
)
def test_a_longer_context_is_refused_unless_the_models_config_is_overridden(
    flags: tuple[str, ...], tmp_path: Path, *, refused: bool
) -> None:
    run = ira("check", cwd=with_flags(tmp_path, *flags, length=262144))

    assert ("IRA007" in run.stdout) is refused
