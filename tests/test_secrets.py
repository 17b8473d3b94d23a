"""Secrets in plain text: found at their lines, and never printed."""

from pathlib import Path

import pytest

from ira_manifests import InputError, load_matrix
from ira_manifests.profiles.secrets import is_secret
from testing.edits import edit_file, edit_profile
from testing.project import copy_edited, copy_profiles
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


MISPLACED = {
    "as a name": ("platform", {"# namespace: default": f"namespace: {TOKEN}"}),
    "as a bucket": ("platform", {"bucket_suffix:": f"bucket: {TOKEN}\nbucket_suffix:"}),
    "in the place of its place": ("platform", {"  exclude:\n": f"  token: {TOKEN}\n  exclude:\n"}),
    "as its Secret": ("platform", {"  exclude:\n": f"  token: {{secret: {TOKEN}}}\n  exclude:\n"}),
    "as a version": (
        "platform",
        {"  exclude:\n": f"  token: {{secret_manager: {TOKEN}}}\n  exclude:\n"},
    ),
    "as a key": ("platform", {"  exclude:\n": f"  {TOKEN}: true\n  exclude:\n"}),
    "as a registry": ("platform", {"bucket_suffix:": f"image_registry: {TOKEN}/\nbucket_suffix:"}),
    "as a number": ("platform", {"  fs_group: 10000": f"  fs_group: {TOKEN}"}),
    "after an option": ("h100/llama3", {BEFORE: f"{BEFORE}    args: [--max-num-seqs={TOKEN}]\n"}),
    "as a release": ("h100/llama3", {BEFORE: f"{BEFORE}    engine: {{version: {TOKEN}}}\n"}),
    "as a model": ("llama3", {"model_id: meta-llama/": f"model_id: {TOKEN}//"}),
}
"""Profiles with a token where none may be: the file, and its edits."""


@pytest.mark.parametrize("where", MISPLACED)
@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_no_message_repeats_a_token(where: str, form: str, tmp_path: Path) -> None:
    subject, edits = MISPLACED[where]
    profiles = copy_profiles(tmp_path)
    if "/" in subject:
        edit_profile(profiles, subject, edits)
    else:
        name = "platform.yaml" if subject == "platform" else f"models/{subject}.yaml"
        edit_file(profiles / name, edits)

    checked = ira("check", "--profiles-only", "--format", form, cwd=tmp_path)
    listed = ira("list", cwd=tmp_path)

    said = checked.stdout + checked.stderr + listed.stdout + listed.stderr
    assert TOKEN[:20] not in said.replace("\n", "").replace(" ", "")
    assert "not shown" in said
    assert checked.returncode in (1, 2)


def test_an_app_is_not_told_a_token() -> None:
    with pytest.raises(InputError) as caught:
        load_matrix(namespace=TOKEN)

    assert TOKEN[:20] not in str(caught.value)
