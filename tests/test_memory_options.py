"""Options that change memory are computed as in the engine, or the cell is not judged."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from ira_manifests import load_matrix
from ira_manifests.memory import GIB, BatchLimits, EngineOptions, Geometry, LatentLayers, Weights
from ira_manifests.profiles.memory_options import Flags, batch, read
from ira_manifests.profiles.memory_readers import Asked
from ira_manifests.profiles.memory_table import LISTED, ROWS
from ira_manifests.rules.check_cells import check_cells
from testing.edits import edit_profile
from testing.project import copy_edited, copy_profiles
from tests.memory.models import GEMMA3_27B, LLAMA33_70B, full
from tests.support import ira
from tools import memory_page

DEFAULT = BatchLimits(8192, 1024)
ENGINE = "0.26.0"


def with_flags(folder: Path, *flags: str, gpus: int = 2, length: object = 131072) -> Path:
    """Copy the profiles with flags in h100/gemma3-27b."""
    copy_edited(
        folder, "h100/gemma3-27b",
        ("tensor_parallel: 1", f"args: {json.dumps(flags)}\n    tensor_parallel: {gpus}"),
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


def uncomputed(
    flags: list[str], geometry: Geometry = GEMMA3_27B, engine: str = ENGINE
) -> tuple[str, ...]:
    asked = Asked(geometry, 26 * GIB, tensor_parallel=2, held=Weights(Decimal("51.45")))
    return read(flags, engine, asked).uncomputed


@pytest.mark.parametrize(
    ("flags", "option"),
    [
        (["--dtype=float8"], "--dtype"),
        (["--quantization=mxfp8"], "--quantization"),
        (["-q", "experts_int8"], "--quantization"),
        (["--kv-cache-memory-bytes=many"], "--kv-cache-memory-bytes"),
        (["--num-gpu-blocks-override=0"], "--num-gpu-blocks-override"),
        (["--cpu-offload-gb=20"], "--cpu-offload-gb"),
        (["--cpu-offload-gb=nan"], "--cpu-offload-gb"),
        (["--block-size=48"], "--block-size"),
        (["--enable-lora"], "--enable-lora"),
        (["--lora-target-modules", "q_proj"], "--lora-target-modules"),
        (['--speculative-config={"method":"ngram"}'], "--speculative-config"),
        (
            ['--speculative-config={"method":"mtp","num_speculative_tokens":1}'],
            "--speculative-config",
        ),
        (["--speculative-config.method=ngram"], "--speculative-config"),
        (["--limit-mm-per-prompt.image=0"], "--limit-mm-per-prompt"),
        (['--limit-mm-per-prompt={"image":{"count":1,"width":512}}'], "--limit-mm-per-prompt"),
        (["--limit-mm-per-prompt=[1]"], "--limit-mm-per-prompt"),
        (["--use-fp64-gumbel"], "--use-fp64-gumbel"),
        (["--logprobs-mode=raw_logits"], "--logprobs-mode"),
        (["-pp", "2"], "--pipeline-parallel-size"),
        (["-dp=2"], "--data-parallel-size"),
        (["-dcp=2"], "--decode-context-parallel-size"),
        (["-O4"], "--optimization-level"),
        (["--cudagraph-capture-sizes", "1", "1024"], "--cudagraph-capture-sizes"),
        (["--compilation-config.cudagraph_mode=SOME"], "--compilation-config"),
        (['--compilation-config={"mode":0}'], "--compilation-config"),
        (["--compilation-config=null"], "--compilation-config"),
        (["--no-enable-chunked-prefill"], "--enable-chunked-prefill"),
        (["--hf-overrides={}"], "--hf-overrides"),
        (["--max-num-seqs=$(SEQS)"], "--max-num-seqs"),
        (["--block-size=$(SIZE)"], "--block-size"),
    ],
)
def test_an_option_that_changes_memory_and_is_not_computed_is_named(
    flags: list[str], option: str
) -> None:
    assert uncomputed(flags) == (option,)


@pytest.mark.parametrize(
    ("flags", "changes"),
    [
        (["--block-size=32"], {"block_tokens": 32}),
        (["--enforce-e"], {"capture_sizes": ()}),
        (["--enforce-eager", "--no-enforce-eager"], {}),
        (["-O0"], {"capture_sizes": ()}),
        (["-O", "3"], {}),
        (["-cc.cudagraph_mode=none"], {"capture_sizes": ()}),
        (["-cc.cudagraph_mode=FULL_AND_PIECEWISE"], {}),
        (["-cc.cudagraph_mode=PIECEWISE"], {"both_graphs": False}),
        (["-cc.cudagraph_mode=full"], {"both_graphs": False}),
        (["-cc.cudagraph_mode=FULL_DECODE_ONLY"], {"both_graphs": False}),
        (["-O1"], {"both_graphs": False}),
        (['-cc={"cudagraph_capture_sizes":[1,2]}'], {"capture_sizes": (1, 2)}),
        (["--cudagraph-capture-sizes", "1", "8"], {"capture_sizes": (1, 8)}),
        (["--enforce-eager", "--cudagraph-capture-sizes", "1"], {"capture_sizes": ()}),
        (["--cudagraph-capture-sizes", "1", "-O0"], {"capture_sizes": ()}),
        (["--max-cudagraph-capture-size=64"], {"largest_capture": 64}),
        (["--disable-hybrid-kv-cache"], {"hybrid_cache": False}),
        (["--no-disable-hybrid-kv-cache-manager"], {}),
        (["--no-async-scheduling"], {"async_scheduling": False}),
        (["--kv-cache-memory-bytes", "8G"], {"kv_cache_bytes": 8 * 1024**3}),
        (["--kv-cache-memory-bytes=8g"], {"kv_cache_bytes": 8 * 1000**3}),
        (["--kv-cache-memory-bytes=0"], {}),
        (["--num-gpu-blocks-override=1", "--num_gpu_blocks_override=9"], {"kv_cache_blocks": 9}),
        (["--cpu-offload-gb=1.5"], {"cpu_offload_bytes": 3 * GIB // 2}),
        (["--cpu-offload-gb=0"], {}),
    ],
)
def test_what_is_computed_is_read_as_the_engine_reads_it(
    flags: list[str], changes: dict[str, object]
) -> None:
    """Expected: the parser's rules, and the files of vLLM that the table names."""
    found = read(flags, ENGINE, Asked(GEMMA3_27B, 26 * GIB, tensor_parallel=2))
    assert found == Flags(EngineOptions(**changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "flag",
    [
        "--max-num-seqs=16",
        "--dtype=auto",
        "--dtype=bfloat16",
        "--quantization=awq",
        "--no-enforce-eager",
        "--enable-chunked-prefill",
        "--swap-space=4",
        "--seed=1",
        "--enable-prefix-caching",
        "--load-format=safetensors",
        "--limit-mm-per-prompt.image=2",
        "--enable-expert-parallel",
        "--decode-context-parallel-size=1",
        "--served-model-name=x",
        "--no-enable-lora",
    ],
)
def test_what_leaves_memory_as_it_is_is_judged(flag: str) -> None:
    found = read([flag], ENGINE, Asked(GEMMA3_27B, 26 * GIB, tensor_parallel=2))
    assert found == Flags()


QWEN3_235B = replace(LLAMA33_70B, layers=(full(94, 4, 128),))
"""64 query heads and 4 of keys and values, as Qwen3-235B-A22B has."""
DEEPSEEK = replace(
    LLAMA33_70B, num_attention_heads=128, layers=(LatentLayers(61, 512, 64, 128, 128),)
)


@pytest.mark.parametrize(
    ("geometry", "gpus", "shards", "taken"),
    [
        (QWEN3_235B, 8, 2, True),
        (QWEN3_235B, 16, 4, True),
        (QWEN3_235B, 8, 4, False),  # more than 8 // 4
        (QWEN3_235B, 4, 2, False),  # no more GPUs than KV heads
        (replace(QWEN3_235B, num_attention_heads=12), 12, 2, False),  # 3 queries for a KV head
        (DEEPSEEK, 8, 8, True),
        (DEEPSEEK, 8, 3, False),
        (replace(DEEPSEEK, layers=(LatentLayers(61, 512, 64, 128, 128, index_head_dim=128),)), 8, 8,
         False),
        (GEMMA3_27B, 32, 2, False),  # windows
    ],
)  # fmt: skip
def test_tokens_are_divided_where_the_engine_does(
    geometry: Geometry,
    gpus: int,
    shards: int,
    taken: bool,
) -> None:
    """config/model.py and parallel.py; v1/core/single_type_kv_cache_manager.py for windows."""
    asked = Asked(geometry, 26 * GIB, tensor_parallel=gpus)
    found = read([f"-dcp={shards}"], ENGINE, asked)
    if taken:
        assert found == Flags(EngineOptions(context_shards=shards))
    else:
        assert found == Flags(uncomputed=("--decode-context-parallel-size",))


@pytest.mark.parametrize("engine", ["0.18.0", "0.28.0"])
def test_no_option_is_computed_of_a_release_whose_source_was_not_compared(engine: str) -> None:
    assert uncomputed(["--enforce-eager"], engine=engine) == ("--enforce-eager",)
    assert uncomputed(["--no-enforce-eager"], engine=engine) == ()


@pytest.mark.parametrize(("engine", "found"), [("0.20.0", ("--num-gpu-blocks-override",)),
                                               ("0.20.1", ())])  # fmt: skip
def test_blocks_are_computed_from_the_release_that_checks_requests_against_them(
    engine: str, found: tuple[str, ...]
) -> None:
    """Expected: `adjusted_memory` in get_kv_cache_configs of v1/core/kv_cache_utils.py.

    Before, a request must also fit into the memory that was profiled.
    """
    assert uncomputed(["--num-gpu-blocks-override=9000"], engine=engine) == found


@pytest.mark.parametrize(
    ("name", "judged"),
    [
        ("VLLM_LOGGING_LEVEL", True),
        ("VLLM_API_KEY", True),
        ("VLLM_IMAGE_FETCH_TIMEOUT", True),
        ("NCCL_DEBUG", True),
        ("TZ", True),
        # Where vLLM reads them: distributed/utils.py, config/vllm.py, v1/worker/gpu_worker.py.
        ("VLLM_PP_LAYER_PARTITION", False),
        ("VLLM_USE_V2_MODEL_RUNNER", False),
        ("VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS", False),
        ("NCCL_BUFFSIZE", False),
        ("CUDA_MODULE_LOADING", False),
        ("PYTORCH_CUDA_ALLOC_CONF", False),
    ],
)
def test_a_variable_that_may_change_memory_leaves_the_cell_not_judged(
    name: str, judged: bool, tmp_path: Path
) -> None:
    folder = copy_profiles(tmp_path)
    edit_profile(folder, "llama3", {"weights:\n": f"env: {{{name}: x}}\nweights:\n"})
    cells = load_matrix(folder)

    assert (cells["h100", "llama3"].budget is not None) is judged
    assert cells["h100", "gemma3-27b"].budget is not None
    findings = [item for item in check_cells(cells, cells.values()) if item.rule_id == "IRA003"]
    assert not findings if judged else all(name in item.message for item in findings)
    assert {item.field for item in findings} == (set() if judged else {f"env.{name}"})


def test_the_options_are_those_of_a_release_and_each_is_in_one_row() -> None:
    from ira_manifests.vllm import option_strings, releases

    known = set().union(*(option_strings(release) for release in releases()))
    names = [name for row in ROWS for name in row.options]
    assert known >= set(names)
    assert len(names) == len(set(names)) == len(LISTED) + 2


def test_the_table_of_the_documentation_is_the_one_that_is_used() -> None:
    text = memory_page.FILE.read_text()
    assert memory_page.written(text) == text
    for row in ROWS:
        assert all(f"`{name}`" in text for name in row.options)


@pytest.mark.parametrize("flag", ["--max-num-batched-tokens=128k", "--max-num-batched-t=128k"])
def test_a_batch_of_128k_tokens_does_not_fit_two_h100(flag: str, tmp_path: Path) -> None:
    """1.9 GiB are missing: 256,000 tokens in flight in 6 groups, and the layers' activation.

    With the CUDA graphs, which the engine's profile leaves out, it would be 3.3.
    """
    cell = cell_of(with_flags(tmp_path, flag))

    assert cell["verdict"] == "does not fit"
    assert cell["kv_headroom_gib"] == pytest.approx(-1.9, abs=0.1)


def test_a_cell_with_such_an_option_is_not_judged_anywhere(tmp_path: Path) -> None:
    folder = with_flags(tmp_path, "--quantization=mxfp8")

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
    assert "cells.h100.args" in checked.stdout


def test_auto_says_with_which_option_it_can_not_be_computed(tmp_path: Path) -> None:
    run = ira("list", cwd=with_flags(tmp_path, "--enable-lora", length="auto"))

    assert run.returncode == 2
    assert "is auto, which can't be computed with --enable-lora; give a number" in run.stderr


@pytest.mark.parametrize(
    ("flags", "refused"),
    [((), True), (('--hf-overrides={"rope_scaling":{}}',), False), (("--seed=1",), True)],
)
def test_a_longer_context_is_refused_unless_the_models_config_is_overridden(
    flags: tuple[str, ...], tmp_path: Path, *, refused: bool
) -> None:
    run = ira("check", cwd=with_flags(tmp_path, *flags, length=262144))

    assert ("IRA007" in run.stdout) is refused


def test_a_cell_without_the_hybrid_cache_does_not_fit(tmp_path: Path) -> None:
    """One request takes 62 layers x 8192 blocks of 16 x 16 heads x 128 x 2 x 2 bytes: 62 GiB."""
    without = "--disable-hybrid-kv-cache-manager"
    cell = cell_of(with_flags(tmp_path / "off", without, gpus=1))
    other = cell_of(with_flags(tmp_path / "on", f"--no-{without[2:]}", gpus=1))

    assert cell["verdict"] == "does not fit"
    assert other["verdict"] in ("fits", "tight")
    explained = ira("check", cwd=tmp_path / "off").stdout
    assert "one request of 131072 tokens needs 62.0 GiB" in explained
