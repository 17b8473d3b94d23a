"""Secrets in plain text: found at their lines, and never printed."""

from pathlib import Path

import pytest

from ira_manifests.profiles.secrets import is_secret
from testing.project import copy_edited
from tests.support import ira

# In the form of https://huggingface.co/docs/hub/security-tokens.
TOKEN = "hf_" + "Gh3imn1s" * 4
BEFORE = "    max_model_len: 131072\n"


def given(folder: Path, lines: str) -> Path:
    copy_edited(folder, "h100/llama3", (BEFORE, f"{BEFORE}{lines}"))
    return folder


@pytest.mark.parametrize(
    ("lines", "field"),
    [
        (f"    env: {{HF_TOKEN: {TOKEN}}}\n", "env.HF_TOKEN"),
        (f"    env: {{db_password: {TOKEN}}}\n", "env.db_password"),
        (f"    env: {{EXTRA: 'Bearer {TOKEN}'}}\n", "env.EXTRA"),
        (f"    args: [--api-key={TOKEN}]\n", "args[0]"),
        (f"    args: [--api-key, $(MODEL_ID), {TOKEN}]\n", "args[2]"),
        (f"    args: [--hf-tok={TOKEN}]\n", "args[0]"),
        (f"    args: [--middleware, {TOKEN}]\n", "args[1]"),
    ],
)
def test_a_secret_is_found_and_not_printed(lines: str, field: str, tmp_path: Path) -> None:
    project = given(tmp_path, lines)
    check = ira("check", "--profiles-only", "--only", "h100/llama3", cwd=project)
    explain = ira("explain", "h100/llama3", cwd=project)
    value = ira("explain", "h100/llama3", "spec.template.spec.containers", cwd=project)

    assert f"cells.h100.{field}: " in check.stdout
    assert "IRA065" in check.stdout
    assert check.returncode == 1
    assert "not shown" in explain.stdout
    for run in (check, explain, value):
        assert TOKEN not in run.stdout.replace("\n", "") + run.stderr


def test_a_key_of_a_secret_is_none_in_plain_text(tmp_path: Path) -> None:
    env = "    env: {HF_TOKEN: {secret: hub, key: token}, TOKENIZERS_PARALLELISM: 'false'}\n"
    args = "    args: [--api-key=$(HF_TOKEN)]\n"
    project = given(tmp_path, env + args)

    run = ira("check", "--profiles-only", "--only", "h100/llama3", cwd=project)
    assert "IRA065" not in run.stdout
    assert "IRA014" not in run.stdout


@pytest.mark.parametrize(
    ("name", "text"),
    [("HF_TOKEN", ""), ("TLS_KEY", "/etc/tls/tls.key"), ("SIGNING_PUBLIC_KEY", "abc"),
     ("API_KEY", "$(OTHER)"), ("TOKENIZER", "x"), ("MONKEY", "x")],
)  # fmt: skip
def test_other_values_are_no_secrets(name: str, text: str) -> None:
    assert not is_secret(name, text)
