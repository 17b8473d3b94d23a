"""The table of vLLM's environment variables by release, and the findings of unread ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from ira_manifests import load_matrix
from ira_manifests.rules import check_cells
from ira_manifests.vllm import flag_problems, releases
from ira_manifests.vllm.environment import unread
from testing.project import copy_edited
from tools.vllm_source import Source, fetch
from tools.vllm_table import stored
from tools.vllm_variables import SECTION, TABLE, read


def test_the_table_holds_the_releases_of_the_options() -> None:
    assert tuple(stored(TABLE.file.read_text("utf-8"), SECTION)) == releases()


def test_names_are_read_wherever_the_source_has_them() -> None:
    files = {
        "vllm/envs.py": 'environment_variables = {"VLLM_A": lambda: os.getenv("VLLM_A", "B")}',
        "vllm/other.py": "x = os.environ.get('VLLM_C_2') or VLLM_D",
        "docker/Dockerfile": 'ENV X="VLLM_E"',
    }
    assert read(Source("1.0.0", files)) == {"VLLM_A": "read", "VLLM_C_2": "read"}


# vllm/envs.py of the releases: VLLM_USE_V1 is gone since 0.11.1, and VLLM_LOGGING_LEVEL stays.
@pytest.mark.parametrize(
    ("name", "version", "message"),
    [
        ("VLLM_LOGGING_LEVEL", "0.26.0", ""),
        ("VLLM_LOGING_LEVEL", "0.26.0",
         "vLLM 0.26.0 does not read VLLM_LOGING_LEVEL; did you mean 'VLLM_LOGGING_LEVEL'?"),
        ("VLLM_USE_V1", "0.10.0", ""),
        ("VLLM_NOTHING_SUCH_AS_THIS", "0.26.0",
         "vLLM 0.26.0 does not read VLLM_NOTHING_SUCH_AS_THIS"),
        ("NCCL_ANYTHING", "0.26.0", ""),
        ("VLLM_LOGING_LEVEL", "0.26.1rc1", ""),
        ("VLLM_LOGING_LEVEL", "0.99.0", ""),
    ],
)  # fmt: skip
def test_a_variable_that_a_release_does_not_read_is_told(
    name: str, version: str, message: str
) -> None:
    assert unread(name, version) == message


def test_a_variable_of_another_release_names_that_one() -> None:
    assert unread("VLLM_USE_V1", "0.26.0").endswith("is the last that does")
    assert unread("VLLM_ENFORCE_STRICT_TOOL_CALLING", "0.8.4").endswith("is the first that does")


def test_a_cell_with_such_a_variable_is_warned_about(tmp_path: Path) -> None:
    env = "env: {VLLM_LOGING_LEVEL: DEBUG, VLLM_LOGGING_LEVEL: INFO}\n    tensor_parallel: 4"
    matrix = load_matrix(copy_edited(tmp_path, "h100/llama3", ("tensor_parallel: 4", env)))

    found = check_cells.check_cells(matrix, [matrix["h100", "llama3"]])
    (finding,) = [item for item in found if item.rule_id == "IRA066"]

    assert finding.field == "cells.h100.env.VLLM_LOGING_LEVEL"


@pytest.mark.parametrize(
    ("method", "version", "taken"),
    # SpeculativeMethod of vllm/config.py, later vllm/config/speculative.py.
    [
        ("ngram", "0.9.2", True),
        ("mtp", "0.9.2", False),
        ("mtp", "0.26.0", True),
        ("medusa", "0.32.0", True),
        ("medusa", "0.33.0", False),
        ("anything", "0.8.4", True),  # its method is any text
    ],
)
def test_a_method_of_speculation_is_one_of_the_release(
    method: str, version: str, taken: bool
) -> None:
    as_json = f'--speculative-config={{"method": "{method}", "num_speculative_tokens": 2}}'
    problems = flag_problems(["model", as_json], version)
    assert (not problems) == taken
    for each in problems:
        assert f"method: '{method}' is not one of" in each.message


def test_a_dotted_key_is_checked_as_well() -> None:
    (problem,) = flag_problems(["m", "--speculative-config.method=ngrm"], "0.26.0")
    assert "did you mean 'ngram'?" in problem.message


@pytest.mark.index
def test_the_table_holds_what_a_published_release_has() -> None:
    assert read(fetch("0.19.0")) == stored(TABLE.file.read_text("utf-8"), SECTION)["0.19.0"]
