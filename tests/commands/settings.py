"""Where the commands of a page are run: folders as the page's reader has them by then."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from testing import pages
from testing.hub import Hub
from testing.kubectl import kustomize
from testing.pages import Block
from testing.project import DIST, ROOT, copy_filled, copy_project
from tests.hub.asking import MODEL, model
from tests.lint import trees

Environment = Mapping[str, str]
Setting = Callable[[Path, Block], AbstractContextManager[Environment]]
"""Fills a folder for a block, and gives what the block needs in its environment."""

SERVED = "google/gemma-3-27b-it"


def git(folder: Path, *arguments: str) -> None:
    subprocess.run(["git", *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def committed(folder: Path) -> None:
    """Make a folder a repository with an origin, to which everything is pushed."""
    origin = folder.with_name(f"{folder.name}.git")
    git(folder, "init", "--quiet", "--bare", str(origin))
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=all")
    git(folder, "remote", "add", "origin", str(origin))
    git(folder, "push", "--quiet", "--set-upstream", "origin", "main")


def clone(folder: Path) -> None:
    """A copy of the repository as a new user has it, with this environment as its .venv."""
    ignored = (".git", ".venv", "build", "dist", "__pycache__", ".*_cache", ".hypothesis")
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*ignored), dirs_exist_ok=True)
    (folder / ".venv").symlink_to(sys.prefix)
    # The environment that runs this test is not set up a second time, however old its stamp is.
    for name in ("pyproject.toml", "constraints.txt"):
        os.utime(folder / name, (0, 0))


@contextmanager
def readme(folder: Path, block: Block) -> Iterator[Environment]:
    """The clone, with an output folder whose base/ is filled in, and a server of the model."""
    clone(folder)
    copy_filled(DIST, folder / "dist")
    trees.write(folder, trees.healthy())
    applied = kustomize(folder / "dist/online-inference-gpu-h100-gemma3-27b")
    with Hub(MODEL, model(), is_public=True) as hub, Served() as port:
        yield {
            "HF_ENDPOINT": hub.url, "SERVER_PORT": port, "ACP_PLATFORM_USE_CASE_DIR": "/acp",
            "APPLIED": applied,
        }  # fmt: skip


@contextmanager
def tree(folder: Path, block: Block) -> Iterator[Environment]:
    """A tree of another author, which is applied."""
    trees.write(folder, trees.healthy())
    applied = [kustomize(folder / f"overlays/{name}") for name in ("h100-llama", "l4-gemma")]
    (folder / "overlays/prod").symlink_to("l4-gemma")
    yield {"APPLIED": "---\n".join(applied)}


@contextmanager
def environment(folder: Path, block: Block) -> Iterator[Environment]:
    """A project with the environment of the page, as the section before the block has it."""
    copy_project(folder)
    committed(folder)
    files = [each.text for each in pages.blocks(block.page, "yaml") if each.line < block.line]
    named = [text for text in files if text.startswith("# profiles/environments/")]
    text = named[-1]
    if "in place of argo_cd" in text:
        text = named[-2].partition("argo_cd:")[0] + text
    (folder / "profiles/environments").mkdir()
    (folder / "profiles/environments/prod-eu.yaml").write_text(text)
    if "crane" in block.text:
        synth(folder)
    yield {}


@contextmanager
def release(folder: Path, block: Block) -> Iterator[Environment]:
    """The clone, pushed, with the commit of the changelog at hand and the tag where it is used."""
    clone(folder)
    (folder / "build/package").mkdir(parents=True)
    (folder / "build/package/SHA256SUMS").write_text("")
    committed(folder)
    if "--create" in block.text:
        (folder / "CHANGELOG.md").write_text("# Changelog\n")
    if "--detach" in block.text:
        git(folder, "tag", "v0.2.0")
    yield {}


@contextmanager
def example(folder: Path, block: Block) -> Iterator[Environment]:
    """The example's folder."""
    shutil.copytree((ROOT / block.page).parent, folder, dirs_exist_ok=True)
    yield {}


@contextmanager
def app(folder: Path, block: Block) -> Iterator[Environment]:
    """The folder of the example app, with a token."""
    shutil.copytree(ROOT / "examples/app", folder, dirs_exist_ok=True)
    (folder / "hugging-face-token.env").write_text("HUGGING_FACE_TOKEN=x\n")
    if "apply -f dist" in block.text:
        subprocess.run([sys.executable, "main.py"], cwd=folder, check=True)
    yield {}


@contextmanager
def empty(folder: Path, block: Block) -> Iterator[Environment]:
    """No file: the block needs variables at most."""
    yield {
        "REGISTRY_PASSWORD": "x", "IRA_BUCKET_NAME": "acme-ira-model", "NAMESPACE": "llm",
        "PROJECT_ID": "acme", "PROJECT_NUMBER": "123", "HF_TOKEN": "x",
    }  # fmt: skip


def synth(folder: Path) -> None:
    command = [sys.executable, "-m", "ira_manifests", "synth"]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)


class Served:
    """A server that answers a request for the walkthrough's model, and refuses any other."""

    def __enter__(self) -> str:
        self.server = HTTPServer(("127.0.0.1", 0), _Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()
        return str(self.server.server_port)

    def __exit__(self, *error: object) -> None:
        self.server.shutdown()
        self.server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = json.loads(body)
        known = (
            self.path == "/v1/chat/completions"
            and self.headers["Content-Type"] == "application/json"
            and asked["model"] == SERVED
            and asked["messages"][0]["role"] == "user"
        )
        self.send_response(200 if known else 400)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing."""
