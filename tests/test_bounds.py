"""Nonsensical profiles of the largest allowed size are refused with short messages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ira_manifests.errors import Problem, ProfileError, did_you_mean, one_of
from testing.project import PROFILES, copy_edited, copy_profiles
from tests.support import ira

MANY = 50_000
CELL = "model_id: acme/tiny-1b\ncells:\n  h100:\n"
SOUND = (
    "    tensor_parallel: 1\n    cpu: 1\n    memory: 1Gi\n    gpu_memory_utilization: 0.9\n"
    "    max_model_len: 1024\n"
)


def keys(count: int, indent: int) -> str:
    return "".join(f"{' ' * indent}flag{number}: 1\n" for number in range(count))


NONSENSE: dict[str, tuple[str, str]] = {
    "unknown keys": (CELL + keys(MANY, 4), "has more than 1000 entries"),
    "args": (
        CELL + SOUND + "    args:\n" + "    - --bogus\n" * MANY,
        "cells.h100.args: has more than 1000 entries",
    ),
    "waivers": (
        CELL + SOUND + "    waive:\n" + keys(MANY // 2, 6).replace(": 1", ": a b c"),
        "cells.h100.waive: has more than 1000 entries",
    ),
    "cells": (f"model_id: acme/tiny-1b\ncells:\n{keys(MANY, 2)}", "cells: has more than 1000"),
    "the same key": ("model_id: acme/tiny-1b\n" * 40_000, "is one value too many"),
    "lists of lists": (
        CELL + "    args: [" + "[x,x,x,x,x,x,x,x,x]," * 50_000 + "]",
        "is one value too many: a profile has 4000 at most",
    ),
    "a key": ("k" * 1_000 + ": 1\n", "has a key of 1000 characters; a key has 253 at most"),
    "a key without an end": ("k" * 1_000_000 + ": 1\n", "has 1000000 characters"),
    "a value": (f"model_id: {'x' * 1_000_000}\n", "has 1000000 characters; a value has 8192"),
    "a flag": (CELL + f"    args: [--{'x' * 1_000_000}]", "has 1000002 characters"),
    "a number": (CELL + f"    tensor_parallel: {'9' * 8000}\n", "is the text '9999"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_a_nonsensical_file_gets_a_short_message(name: str, tmp_path: Path) -> None:
    text, message = NONSENSE[name]
    (copy_profiles(tmp_path) / "models/x.yaml").write_text(text)

    run = ira("check", "--profiles-only", cwd=tmp_path, timeout=60)

    assert run.returncode == 2
    assert message in run.stderr
    assert len(run.stderr) < 20_000


@pytest.mark.parametrize(
    "text",
    [
        CELL + keys(999, 4),
        CELL + SOUND + "    waive:\n" + keys(999, 6).replace(": 1", ": a b c"),
        f"model_id: acme/tiny-1b\ncells:\n{keys(999, 2)}",
        "".join(f"a: {number}\n" for number in range(999)),
    ],
    ids=["unknown keys", "unknown waivers", "unknown GPU types", "one key"],
)
def test_of_many_problems_the_first_are_reported_and_the_others_counted(
    text: str, tmp_path: Path
) -> None:
    (copy_profiles(tmp_path) / "models/x.yaml").write_text(text)

    run = ira("check", "--profiles-only", cwd=tmp_path)

    *problems, last, total = run.stderr.splitlines()
    assert run.returncode == 2
    assert len(problems) == 100
    assert "more problems from here on; fix the first ones" in last
    assert total == "101 problems in 1 file."


def test_an_error_that_is_raised_again_keeps_its_problems_and_their_number() -> None:
    names = ["a.yaml"] * 101 + ["b.yaml"] * 150
    error = ProfileError(Problem(name, line, 1, "x", "is wrong") for line, name in enumerate(names))

    again = ProfileError(error.problems)

    of_a, of_b = error.problems[:101], error.problems[101:]
    assert {(each.file, each.message) for each in of_a} == {("a.yaml", "is wrong")}
    assert len(of_b) == 101
    assert of_b[-1].message == "and 50 more problems from here on; fix the first ones"
    assert again.problems == error.problems


def test_of_many_findings_the_first_are_reported_and_json_has_all(tmp_path: Path) -> None:
    text = CELL + SOUND + "    args:\n" + "".join(f"    - --bogus{n}\n" for n in range(999))
    (copy_profiles(tmp_path) / "models/x.yaml").write_text(text)

    run = ira("check", "--profiles-only", cwd=tmp_path)

    assert run.returncode == 1
    assert run.stdout.count("\nprofiles/") < 200
    assert "more findings; --format json has all of them" in run.stdout.splitlines()[-2]
    as_json = ira("check", "--profiles-only", "--format", "json", cwd=tmp_path)
    assert as_json.stdout.count('"IRA010"') == 999


@pytest.mark.parametrize(
    "words",
    [
        ["x" * 100_000],
        ["list", "--" + "x" * 100_000],
        ["synth", "--namespace", "x" * 100_000],
        ["synth", "--workload-name", "{gpu}" + "x" * 100_000],
        ["synth", "--model-id", "x" * 100_000],
        ["synth", "--bucket", "x" * 100_000],
        ["synth", "--only", "x" * 100_000],
        ["explain", "x" * 100_000],
        ["explain", "h100/llama3", "x" * 100_000],
        ["explain", "ira" + "0" * 100_000],
    ],
    ids=lambda words: " ".join(words)[:30],
)
def test_a_nonsensical_option_gets_a_short_message(words: list[str], tmp_path: Path) -> None:
    run = ira(*words, "--profiles", PROFILES, cwd=tmp_path, timeout=60)

    assert run.returncode == 2
    assert run.stderr.startswith("error: ")
    assert len(run.stderr) < 5_000


@pytest.mark.parametrize("tell", [one_of, lambda words: did_you_mean("x" * 10**6, words)])
def test_messages_list_no_more_than_people_read(tell: Callable[[list[str]], str]) -> None:
    assert len(tell([f"word{number}" for number in range(10_000)])) < 1000


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("engine.version", "1.0", "'1.0' is not a release's number"),
        ("engine.version", "26", "vLLM version '26' is no version"),
        ("bucket_suffix", "1.5", "'1.5' is not a valid name"),
        ("namespace", "12", "is the number 12; it must be text in quotes"),
    ],
)
def test_quotes_are_asked_for_where_they_help(
    field: str, value: str, message: str, tmp_path: Path
) -> None:
    file = copy_profiles(tmp_path) / "platform.yaml"
    lines = file.read_text().splitlines()
    name = field.rpartition(".")[2]
    indent = "  " if "." in field else ""
    kept = [line for line in lines if not line.startswith(f"{indent}{name}:")]
    at = kept.index("engine:") + 1 if indent else 0
    file.write_text("\n".join([*kept[:at], f"{indent}{name}: {value}", *kept[at:]]))

    run = ira("check", "--profiles-only", cwd=tmp_path)

    assert run.returncode == 2
    assert f"{field}: {message}" in run.stderr
    if "quotes" in message:
        text = file.read_text().replace(f"{name}: {value}", f'{name}: "{value}"')
        file.write_text(text)
        assert ira("list", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("version", ["1.33", "1.10", "1.33.0"])
def test_a_version_of_two_numbers_needs_no_quotes(version: str, tmp_path: Path) -> None:
    edit = ("min_engine: ", f"min_engine: {version} # ")

    run = ira("check", "--profiles-only", cwd=copy_edited(tmp_path, "gemma3-27b", edit).parent)

    assert run.returncode == 1
    assert "IRA008" in run.stdout
    assert version in run.stdout
