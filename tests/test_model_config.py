"""Findings of `check` in base/ira-model-config.env, which the user writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ira_manifests.output.env_file import NEW_MODEL_CONFIG
from ira_manifests.rules.check_user_files import check_model_config
from ira_manifests.rules.user_files.subjects import Ids
from testing.project import copy_profiles
from tests.support import ira

GEMMA, LLAMA = "google/gemma-3-27b-it", "meta-llama/Llama-3.3-70B-Instruct"
SERVED = Ids({GEMMA: "online-inference-gpu-h100-gemma3-27b"}, [LLAMA])
KEY = "IRA_BUCKET_NAME"
AROUND = "blanks, quotes or a comment around the value become part of it"


def found(text: str) -> list[tuple[int, str, str, str]]:
    return [
        (item.line, item.rule_id, item.field, item.message)
        for item in check_model_config("base/ira-model-config.env", text.encode(), SERVED)
    ]


@pytest.mark.parametrize(
    "text",
    [
        f"IRA_BUCKET_NAME=acme-ira-model\nMODEL_ID={GEMMA}\n",
        f"\ufeff# ours\n\nMODEL_ID={GEMMA}\n  IRA_BUCKET_NAME=acme-ira-model",
        f"# ours\r\n\r\nIRA_BUCKET_NAME=acme-ira-model\r\nMODEL_ID={GEMMA}\r\n",
        f"IRA_BUCKET_NAME=acme-ira-model\r\nMODEL_ID={GEMMA}\r",
        f"\ufeffIRA_BUCKET_NAME=acme-ira-model\r\nMODEL_ID={GEMMA}\r\n",
    ],
)
def test_what_is_good_is_no_finding(text: str) -> None:
    assert found(text) == []


def test_placeholders_are_reported_by_key_and_line() -> None:
    assert found(NEW_MODEL_CONFIG.decode()) == [
        (4, "IRA039", "IRA_BUCKET_NAME", "the placeholder is still there"),
        (5, "IRA039", "MODEL_ID", "the placeholder is still there"),
    ]


@pytest.mark.parametrize(
    ("model_id", "said"),
    [
        ("google/gemma-3-27b", f"; did you mean {GEMMA!r}?"),
        ("google/gemma-3-270b-it", f"; did you mean {GEMMA!r}?"),
        ("acme/tiny-1b", f"; cells serve {GEMMA}"),
        (LLAMA, f"; cells serve {GEMMA}"),
    ],
)
def test_a_model_that_no_cell_serves_is_reported_with_the_nearest(model_id: str, said: str) -> None:
    assert found(f"IRA_BUCKET_NAME=acme-ira-model\nMODEL_ID={model_id}\n") == [
        (2, "IRA040", "MODEL_ID", f"no cell serves {model_id!r}{said}")
    ]


@pytest.mark.parametrize(
    ("bucket", "rule", "message"),
    [
        ("acme-ira-model # mine", "IRA025", AROUND),
        ('"acme-ira-model"', "IRA025", AROUND),
        ("acme-ira-model ", "IRA025", AROUND),
        (" acme-ira-model", "IRA025", AROUND),
        ("acme-ira-model\r\r", "IRA025", AROUND),
        ("acme\rira-model", "IRA025", "the CR inside the line becomes part of the value"),
        ("", "IRA033", "the value is empty"),
        ("gs://acme-ira-model", "IRA021", "'gs://acme-ira-model' is not a bucket's name"),
    ],
)
def test_a_value_that_kustomize_would_keep_as_it_is(bucket: str, rule: str, message: str) -> None:
    ((line, rule_id, field, said),) = found(f"MODEL_ID={GEMMA}\nIRA_BUCKET_NAME={bucket}\n")

    assert (line, rule_id, field) == (2, rule, "IRA_BUCKET_NAME")
    assert said.startswith(message)


@pytest.mark.parametrize(
    ("model_id", "rule", "message"),
    [
        ("Google/Gemma-3-27b-it", "IRA009", f"differs from {GEMMA!r} in organisation or case"),
        ("acme/gemma-3-27b-it", "IRA009", f"differs from {GEMMA!r} in organisation or case"),
        ("meta-llama/llama-3.3-70b-instruct", "IRA009", f"differs from {LLAMA!r}"),
        ("gemma-3-27b-it", "IRA021", "is not a Hugging Face Hub id"),
    ],
)
def test_a_model_that_would_land_in_another_folder(model_id: str, rule: str, message: str) -> None:
    ((line, rule_id, field, said),) = found(f"IRA_BUCKET_NAME=acme\nMODEL_ID={model_id}\n")

    assert (line, rule_id, field) == (2, rule, "MODEL_ID")
    assert message in said


@pytest.mark.parametrize(
    ("text", "place", "rule", "message"),
    [
        ("MODEL_ID=a/b\n", (1, KEY), "IRA033", "no line sets IRA_BUCKET_NAME"),
        (f"{KEY}\nMODEL_ID=a/b\n", (1, KEY), "IRA033", "no '=' follows IRA_BUCKET_NAME"),
        (f"{KEY}=a-b\nMODEL_ID=a/b\nMODEL_ID=a/c\n", (3, "MODEL_ID"), "IRA000", "a second time"),
        (f"{KEY}=a-b\nMODEL_ID=a/b\nMODELID=a/c\n", (3, "MODELID"), "IRA013", "unknown key"),
        (f"{KEY}=a-b\nMODEL_ID=a/b\n \ufeffX=1\n", (3, "\ufeffX"), "IRA013", "unknown key"),
        (f"{KEY}=a-b\nMODEL_ID=a/b\n#{'x' * 65_535}", (3, ""), "IRA033", "more than 65535 bytes"),
    ],
)
def test_keys_are_the_two_of_the_file(
    text: str, place: tuple[int, str], rule: str, message: str
) -> None:
    ((line, rule_id, field, said),) = [item for item in found(text) if item[1] != "IRA040"]

    assert (line, field, rule_id) == (*place, rule)
    assert message in said


def test_blanks_before_the_equals_sign_are_named_as_such() -> None:
    (first, second) = found(f"{KEY} =acme\nMODEL_ID={GEMMA}\n")

    assert first == (1, "IRA025", KEY, "blanks before the '=' become part of the key")
    assert second == (1, "IRA033", KEY, f"no line sets {KEY}")


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"\xff\xfe\x00binary" * 1000, "IRA000"),
        (b"x\n" * 262_144, "IRA013"),
        (b"#" * (1 << 20) + b"\n", "IRA000"),
        (b"".join(b"MODEL_ID%d=a/b\n" % number for number in range(50_000)), "IRA013"),
        (b"MODEL_ID=a/b\nIRA_BUCKET_NAME=acme\n" * 10_000, "IRA000"),
    ],
)
def test_nonsense_is_one_finding_with_the_first_places_and_a_count(
    content: bytes, rule: str
) -> None:
    told = [*check_model_config("base/ira-model-config.env", content, SERVED)]

    (one,) = [item for item in told if item.rule_id == rule]
    assert len(told) <= 3
    assert len(one.message) < 200
    if content.startswith(b"x"):
        assert "and 262143 more such findings, the next in lines 2, 3, 4, 5" in one.message


def test_check_names_the_line_and_exits_with_1(tmp_path: Path) -> None:
    copy_profiles(tmp_path)
    assert ira("synth", cwd=tmp_path).returncode == 0
    config = tmp_path / "dist/base/ira-model-config.env"
    config.write_text("IRA_BUCKET_NAME=acme-ira-model # mine\nMODEL_ID=google/Gemma-3-27b-it\n")

    run = ira("check", cwd=tmp_path)

    assert run.returncode == 1
    assert "dist/base/ira-model-config.env:1:1: error IRA025 comment-in-value" in run.stdout
    assert "dist/base/ira-model-config.env:2:1: error IRA009 unknown-model-id" in run.stdout
    assert "online-inference-gpu-h100-gemma3-27b serves" in run.stdout


@pytest.mark.parametrize("output_format", ["github", "sarif"])
def test_a_program_gets_the_path_of_the_file_in_git(tmp_path: Path, output_format: str) -> None:
    copy_profiles(tmp_path)
    assert ira("synth", "--only", "l4/gemma3-27b", cwd=tmp_path).returncode == 0

    run = ira("check", "--only", "l4/gemma3-27b", "--format", output_format, cwd=tmp_path)

    assert "dist/model-download/base/ira-model-config.env" in run.stdout
    assert not re.search(r"(file=|\"uri\": \")dist/base/", run.stdout)
