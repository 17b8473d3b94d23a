"""Every block of shell commands on a page runs, in the folder that its reader has."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from testing import pages
from testing.kubectl import KUBECTL
from testing.pages import Block
from testing.project import ROOT
from tests.commands import settings
from tests.support import CACHE, require

STAND_INS = Path(__file__).with_name("stand_ins.sh")
CDK8S = ROOT / "build/cdk8s-cli/node_modules/.bin/cdk8s"

TOGETHER = ("docs/tutorial.md",)
"""Pages whose blocks are run one after the other, in one shell."""


def blocks_of(page: str) -> list[Block]:
    blocks = pages.blocks(page, "shell")
    if page in TOGETHER:
        return [replace(blocks[0], text="".join(block.text for block in blocks))]
    return blocks


BLOCKS = [block for page in pages.PAGES for block in blocks_of(page)]
SETTINGS: dict[str, settings.Setting] = {
    "README.md": settings.readme,
    "docs/adding-a-model.md": settings.empty,
    "docs/commands.md": settings.empty,
    "docs/gitops.md": settings.environment,
    "docs/import.md": settings.tree,
    "docs/library.md": settings.app,
    "docs/lint.md": settings.tree,
    "docs/recipes.md": settings.empty,
    "docs/releasing.md": settings.release,
    "docs/tutorial.md": settings.empty,
    "examples/accelerated-platforms/README.md": settings.example,
}
"""What the blocks of each page need; a page with a first block needs an entry."""

EXIT_CODES = {"docs/import.md": {1}, "docs/tutorial.md": {1}}
"""Those of commands that do what the page says and end with another code than 0."""


def run(block: Block, folder: Path) -> tuple[list[str], str]:
    """Run a block; return the commands that failed, each after its exit code, and the output."""
    failed = folder.with_name("failed")
    with SETTINGS[block.page](folder, block) as given:
        objects = folder.with_name("objects.yaml")
        objects.write_text(given.get("APPLIED", ""))
        environment = {
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT), "HOME": str(folder.parent), "XDG_CACHE_HOME": CACHE.name,
            "PYTHON": sys.executable, "KUBECTL": str(KUBECTL), "CDK8S": str(CDK8S),
            "ROOT": str(ROOT), "PACKAGES": str(Path(pytest.__file__).parents[1]),
            "FAILED": str(failed), "OBJECTS": str(objects), **AUTHOR, **given,
        }  # fmt: skip
        # `trap` sees the last command of a list alone.
        lines = block.text.replace(" && ", "\n")
        trap = """trap 'echo "$? $BASH_COMMAND" >>"$FAILED"' ERR"""
        done = subprocess.run(
            ["bash", "-uo", "pipefail", "-c", f". {STAND_INS}\n{trap}\n{lines}"],
            cwd=folder, env=environment, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
        )  # fmt: skip
    return failed.read_text().splitlines() if failed.exists() else [], done.stdout


AUTHOR = {
    "GIT_AUTHOR_NAME": "A", "GIT_AUTHOR_EMAIL": "a@example.com",
    "GIT_COMMITTER_NAME": "A", "GIT_COMMITTER_EMAIL": "a@example.com",
}  # fmt: skip


def test_every_page_with_commands_says_where_they_run() -> None:
    assert {block.page for block in BLOCKS} == SETTINGS.keys()


@pytest.mark.parametrize("page", pages.PAGES)
def test_commands_are_in_blocks_of_one_name(page: str) -> None:
    """So that none is missed: GitHub and the site colour others the same way."""
    names = {block.language for block in pages.blocks(page)}

    assert names <= {"shell", "text", "yaml", "python"}


@pytest.mark.parametrize(
    "block", [pytest.param(block, id=f"{block.page}:{block.line}") for block in BLOCKS]
)
def test_a_block_of_commands_runs(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "npx cdk8s" in block.text:
        require(CDK8S)
    for name, value in AUTHOR.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "folder"
    folder.mkdir()

    failed, output = run(block, folder)

    codes = {int(line.partition(" ")[0]) for line in failed}
    assert codes == EXIT_CODES.get(block.page, set()), f"{failed}\n{output}"


@pytest.mark.parametrize("page", TOGETHER)
def test_what_a_page_shows_is_what_its_commands_print(page: str, tmp_path: Path) -> None:
    (block,) = blocks_of(page)
    (tmp_path / "folder").mkdir()

    _, output = run(block, tmp_path / "folder")

    for shown in pages.blocks(page, "text"):
        _, found, output = output.partition(shown.text)
        assert found, f"{page}:{shown.line} is not printed, or not there"


@pytest.mark.parametrize(
    "command",
    [
        "ira-manifests synth --no-such-option",
        "ira-manifests chekc && true",
        "kubectl apply -k dist/no-such-directory",
        "kubectl get deployment/vllm-h100 --wach",
        "kubectl get deployment/vllm-h101 --watch",
        "kubectl delete pods --selektor app=vllm",
        "kubectl create secret generic x --from-litteral=a=b",
        "uvx --from 'PATH_OF_THE_CLONE[kubectls]' ira-manifests lint overlays/",
        "terraform -chdir=/acp/terraform output -json ira_google_storage_bucket_names | cat",
        "curl --silent localhost:8000/v1/chat/completions --data '{'",
    ],
)
def test_a_command_that_is_wrong_is_found(command: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    block = Block("README.md", 1, "shell", f"{command}\n", "")

    failed, _ = run(block, tmp_path / "folder")

    assert len(failed) == 1, failed
