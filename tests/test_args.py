"""`args` of a profile: those that the engine takes are taken, and reach the container as is."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from ira_manifests import load_matrix
from ira_manifests.profiles.env import CONSTRUCTS
from testing.project import copy_edited
from tests.support import ira

BEFORE = "    max_model_len: 131072\n"
TAKEN = [
    "--tokenizer_mode=mistral",
    '--hf-overrides={"rope_scaling": {"factor": 4.0}, "sizes": [1, 2]}',
    "--chat-template={{ messages }} and a text",
    "--enable-lora",
    "--lora-modules=sql=/p",
    "-O3",
    "--response-role=$(MODEL_ID)",
    "--speculative-config.num_speculative_tokens=3",
    *("--max-num-seqs", "64", "--seed", "-1"),
    *("--cudagraph-capture-sizes", "1", "2", "4"),
    "--no-enable-prefix-caching",
]


def with_flags(folder: Path, *flags: str) -> Path:
    text = "".join(f"      - {json.dumps(flag)}\n" for flag in flags)
    return copy_edited(folder, "h100/llama3", (BEFORE, f"{BEFORE}    args:\n{text}"))


def check(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        ira("check", "--only", "h100/llama3", "--format", "json", cwd=folder).stdout
    )
    # Nothing is rendered here, and a flag's effect on memory is not tested.
    return [item for item in found if item["rule"] not in ("IRA003", "IRA028")]


def test_flags_that_the_engine_takes_are_its_arguments(tmp_path: Path) -> None:
    with_flags(tmp_path, *TAKEN)
    run = ira("synth", "--only", "h100/llama3", cwd=tmp_path)
    assert run.returncode == 0, run.stderr
    file = tmp_path / "dist/online-inference-gpu-h100-llama3/deployment.yaml"
    containers = yaml.safe_load(file.read_text())["spec"]["template"]["spec"]["containers"]
    (server,) = [item for item in containers if "nvidia.com/gpu" in str(item.get("resources"))]
    start = server["args"].index(TAKEN[0])
    assert server["args"][start : start + len(TAKEN)] == TAKEN


@pytest.mark.parametrize(
    ("flag", "rule", "said"),
    [
        ("--api-key=$(KEY)", "IRA014", "$(KEY) stays as it is"),
        ("--dtype=banana", "IRA010", "auto, bfloat16, float, float16"),
        ("--quantization=fp9", "IRA010", "awq"),
        ("--tool-call-parser=bogus", "IRA010", "hermes"),
        ("--max-num-seqs=0", "IRA010", "0 is not >=1"),
        ('--hf-overrides={"a": ', "IRA010", "must be JSON"),
        ('--speculative-config={"method":', "IRA010", "must be JSON"),
        ("--runner=foo", "IRA010", "pooling"),
        ("--load-format=foo", "IRA010", "safetensors"),
        ("--enable-auto-tool-choice", "IRA010", "add --tool-call-parser"),
        ("--device=cuda", "IRA010", "short for --device-ids"),
        ("--load-format=mistral", "IRA045", "consolidated*.safetensors"),
    ],
)
def test_a_flag_is_judged_by_what_the_release_does_with_it(
    flag: str, rule: str, said: str, tmp_path: Path
) -> None:
    with_flags(tmp_path, flag)
    assert [(item["rule"], said in item["message"]) for item in check(tmp_path)] == [(rule, True)]


def test_flags_that_the_engine_refuses_together_are_reported_at_the_later_one(
    tmp_path: Path,
) -> None:
    with_flags(tmp_path, "--max-num-seqs=512", "--max-num-batched-tokens=100")
    (found,) = check(tmp_path)
    assert found["rule"] == "IRA010"
    assert "--max-num-seqs 512 is more than --max-num-batched-tokens 100" in found["message"]


def test_weights_that_the_model_keeps_are_not_left_out(tmp_path: Path) -> None:
    file = with_flags(tmp_path, "--load-format=mistral") / "models/llama3.yaml"
    keep = "download:\n  keep:\n    - consolidated*.safetensors\n"
    file.write_text(file.read_text() + keep)
    assert check(tmp_path) == []


# vllm/utils/argparse_utils.py of 0.26.0 leaves these forms to argparse.
@pytest.mark.parametrize(
    "args",
    [
        ("--max-num-seqs=64",),
        ("--max_num_seqs=64",),
        ("--max-num-seqs", "64"),
        ("--max-num-se", "64"),
        ("--cudagraph-capture-sizes", "1", "2", "--max-num-seqs", "64"),
    ],
)
def test_every_form_of_an_option_counts_for_the_memory(
    args: tuple[str, ...], tmp_path: Path
) -> None:
    cell = load_matrix(with_flags(tmp_path, *args))["h100", "llama3"]
    assert cell.serving is not None
    assert cell.serving.batch is not None
    assert cell.serving.batch.requests == 64


@pytest.mark.parametrize(
    ("args", "index", "said"),
    [
        (("--seed", "1", "2"), 2, "neither an option nor an option's value"),
        (("--max-num-seqs", "--seed=1"), 0, "its value is missing"),
        (("--enable-prefix-caching", "x"), 1, "it takes no value"),
    ],
)
def test_a_stray_or_missing_value_is_told_at_its_word(
    args: tuple[str, ...], index: int, said: str, tmp_path: Path
) -> None:
    with_flags(tmp_path, *args)
    (found,) = check(tmp_path)
    assert found["rule"] == "IRA010"
    assert found["field"] == f"cells.h100.args[{index}]"
    assert said in found["message"]


def test_a_variable_that_does_not_exist_is_told_before_anything_is_rendered(
    tmp_path: Path,
) -> None:
    folder = with_flags(tmp_path, "--response-role=$(MODEL_ID)", "--middleware=$(NOPE)")
    run = ira("check", "--profiles-only", "-p", str(folder), cwd=tmp_path)
    assert "cells.h100.args[1]: $(NOPE) stays as it is" in run.stdout
    assert run.stdout.count("IRA014") == 1


def test_variables_of_the_server_are_those_that_its_container_has(tmp_path: Path) -> None:
    folder = copy_edited(tmp_path, "h100/llama3", (BEFORE, BEFORE))
    run = ira("synth", "--only", "h100/llama3", cwd=tmp_path)
    assert run.returncode == 0, folder
    file = tmp_path / "dist/online-inference-gpu-h100-llama3/deployment.yaml"
    server = yaml.safe_load(file.read_text())["spec"]["template"]["spec"]["containers"][0]
    assert {item["name"] for item in server["env"]} == CONSTRUCTS.keys()
