"""`args` of a profile: those that the engine takes are taken, and reach the container as is."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

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
