"""Properties of the text of both scripts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ira_manifests.kubernetes.expansion import expand
from testing.processes import DOWNLOAD, FETCH, INSTALL, SCRIPTS
from testing.project import ROOT

ENVIRONMENT = {
    "check_settings.sh": (
        "MODEL_ID",
        "IRA_BUCKET_NAME",
        "HUGGINGFACE_HUB_VERSION",
        "HUB_PACKAGES",
        "PYTHONPATH",
        "PATH",
    ),
    "install_huggingface_hub.sh": (
        "HUGGINGFACE_HUB_VERSION",
        "HUGGINGFACE_HUB_LOCK",
        "HOME",
        "PATH",
        "TMPDIR",
    ),
    "download_model.sh": (
        "MODEL_ID",
        "IRA_BUCKET_NAME",
        "HUGGING_FACE_TOKEN_FILE",
        "HUGGINGFACE_HUB_VERSION",
        "MODEL_REVISION",
        "MODEL_ROOT",
        "DOWNLOAD_ATTEMPTS",
        "DOWNLOAD_RETRY_SECONDS",
        "DOWNLOAD_EXCLUDE",
        "DOWNLOAD_EXCLUDE_DUPLICATES",
        "DOWNLOAD_BY_MODEL",
        "HF_HUB_DISABLE_XET",
        "HOME",
        "PATH",
        "TMPDIR",
    ),
    "fetch_safetensors.sh": ("MODEL_ID", "MODEL_ROOT", "FETCH_PARALLELISM", "PATH"),
}


def test_shellcheck_finds_nothing() -> None:
    shellcheck = Path(sys.executable).parent / "shellcheck"
    for text in (INSTALL, DOWNLOAD, FETCH):
        run = subprocess.run(
            [shellcheck, "-"], input=text, capture_output=True, text=True, check=False
        )
        assert (run.stdout, run.stderr) == ("", "")


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_kubernetes_leaves_the_text_as_it_is(name: str) -> None:
    text = (SCRIPTS / name).read_text()
    assert not [variable for variable in ENVIRONMENT[name] if f"$({variable})" in text]
    assert expand(text, dict.fromkeys(ENVIRONMENT[name], "expanded")) == text


@pytest.mark.parametrize("name", ENVIRONMENT)
def test_every_setting_that_the_script_reads_is_listed_here(name: str) -> None:
    text = (SCRIPTS / name).read_text()
    read = set(re.findall(r"\$\{?!?([A-Z][A-Z_]+)\b", text))
    read |= set(re.findall(r'environ(?:\.get)?[([]\s*"([A-Z_]+)"', text))
    set_by_the_script = {"HF_HOME", "PYTHONPATH"}
    assert read - set_by_the_script <= set(ENVIRONMENT[name])


def used_exit_codes() -> set[str]:
    found: set[str] = set()
    for name in ("check_settings.sh", "install_huggingface_hub.sh", "download_model.sh"):
        text = (SCRIPTS / name).read_text()
        code = "\n".join(line for line in text.splitlines() if not line.startswith("#"))
        found |= set(re.findall(r"\b(?:fail|_?exit)[ (](\d{2,3})\b", code))
    return found


def test_the_table_of_exit_codes_is_that_of_the_scripts() -> None:
    comments = [line for line in DOWNLOAD.splitlines() if line.startswith("#")]
    documented = re.findall(r" (\d{2,3})  (?=\w)", "\n".join(comments))
    assert set(documented) == used_exit_codes()
    assert len(documented) == len(set(documented))


def test_the_docs_explain_every_exit_code() -> None:
    page = (ROOT / "docs/containers.md").read_text()
    explained = re.findall(r"^\| (\d+) \|", page, re.MULTILINE)
    assert set(explained) == {"0", *used_exit_codes()}


def test_the_scripts_are_small_enough_for_an_argument() -> None:
    longest_argument = 128 * 1024
    assert max(len(DOWNLOAD), len(INSTALL), len(FETCH)) < longest_argument / 8
