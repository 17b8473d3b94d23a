"""What clients of the API see: the model's names, its prompts, tools and reasoning."""

from __future__ import annotations

from pathlib import Path

import pytest

from ira_manifests import load_matrix
from testing.edits import edit_profile
from testing.project import copy_profiles
from tests.support import ira

CELL = ("h100", "llama3")


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    return copy_profiles(tmp_path)


def words(profiles: Path) -> list[str]:
    return [argument.text for argument in load_matrix(profiles)[CELL].server_arguments]


def of_cell(profiles: Path, lines: str) -> None:
    first = "    tensor_parallel: 4\n"
    edit_profile(profiles, "/".join(CELL), {first: first + lines})


def test_given_names_replace_the_id_and_the_path(profiles: Path) -> None:
    of_cell(profiles, "    served_model_names: [chat, llama]\n")

    assert words(profiles) == ["--trust-remote-code", "--served-model-name", "chat", "llama"]


@pytest.mark.parametrize(
    ("file", "path"),
    [
        ("chat_template.jinja", "/gcs/$(MODEL_ID)/chat_template.jinja"),
        ("/vllm-workspace/examples/tools.jinja", "/vllm-workspace/examples/tools.jinja"),
    ],
)
def test_a_template_is_of_the_models_folder_or_of_the_image(
    file: str, path: str, profiles: Path
) -> None:
    of_cell(profiles, f"    chat_template: {file}\n")

    assert f"--chat-template={path}" in words(profiles)


# vllm/tool_parsers/__init__.py and vllm/reasoning/__init__.py of 0.26.0 register these names.
def test_parsers_of_the_release_are_taken(profiles: Path) -> None:
    of_cell(profiles, "    tool_call_parser: llama3_json\n    reasoning_parser: qwen3\n")

    assert words(profiles)[-3:] == [
        "--enable-auto-tool-choice", "--tool-call-parser=llama3_json", "--reasoning-parser=qwen3",
    ]  # fmt: skip
    run = ira("check", "--profiles-only", "-p", str(profiles), cwd=profiles.parent)
    assert "llama3.yaml" not in run.stdout


@pytest.mark.parametrize("field", ["tool_call_parser", "reasoning_parser"])
@pytest.mark.parametrize("level", ["cell", "model", "platform"])
def test_a_parser_that_the_release_lacks_is_found_at_its_line(
    field: str, level: str, profiles: Path
) -> None:
    if level == "cell":
        of_cell(profiles, f"    {field}: lama3_json\n")
    elif level == "model":
        edit_profile(profiles, "llama3", {"weights:\n": f"{field}: lama3_json\nweights:\n"})
    else:
        edit_profile(
            profiles, "platform.yaml", {"inference:\n": f"inference:\n  {field}: lama3_json\n"}
        )
    run = ira("check", "--profiles-only", "-p", str(profiles), cwd=profiles.parent)

    assert run.returncode == 1
    line = next(line for line in run.stdout.splitlines() if "IRA010" in line)
    file, number, *_ = line.split(":")
    assert (
        f"{field}: lama3_json" in (profiles.parent / file).read_text().splitlines()[int(number) - 1]
    )


def test_args_of_the_platform_come_first_and_those_of_the_cell_last(profiles: Path) -> None:
    of_cell(profiles, "    args: [--seed=3]\n")
    edit_profile(profiles, "llama3", {"weights:\n": "args: [--seed=2]\nweights:\n"})
    platform = {"inference:\n": "inference:\n  args: [--max-num-seqs=64, --seed=1]\n"}
    edit_profile(profiles, "platform.yaml", platform)

    assert words(profiles)[-4:] == ["--max-num-seqs=64", "--seed=1", "--seed=2", "--seed=3"]
    batch = load_matrix(profiles)[CELL].serving_with(max_model_len=1024)
    assert batch is not None
    assert batch.batch is not None
    assert batch.batch.requests == 64


def test_an_option_of_the_platform_that_is_not_computed_is_named_at_its_line(
    profiles: Path,
) -> None:
    platform = {"inference:\n": "inference:\n  args: ['--kv-transfer-config={}']\n"}
    edit_profile(profiles, "platform.yaml", platform)
    run = ira("check", "--profiles-only", "-p", str(profiles), cwd=profiles.parent)

    number = (profiles / "platform.yaml").read_text().splitlines().index("inference:") + 2
    found = [line for line in run.stdout.splitlines() if "IRA003" in line]
    assert found
    assert all(f"platform.yaml:{number}:" in line for line in found)


def test_an_option_that_a_field_sets_is_told_at_the_line_of_its_level(profiles: Path) -> None:
    platform = {"inference:\n": "inference:\n  args: [--enable-lora, --max-model-len=1]\n"}
    edit_profile(profiles, "platform.yaml", platform)
    run = ira("check", "--profiles-only", "-p", str(profiles), cwd=profiles.parent)

    number = (profiles / "platform.yaml").read_text().splitlines().index("inference:") + 2
    assert run.returncode == 2
    assert f"platform.yaml:{number}:25: inference.args[1]: '--max-model-len=1' can't" in run.stderr
    assert run.stderr.count("can't be set in args") == 1  # not for each cell
