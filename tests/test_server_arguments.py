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
