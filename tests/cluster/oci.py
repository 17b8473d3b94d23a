"""Pushes final objects to a registry on this machine and pulls them back: `make oci`.

    python -m tests.cluster.oci [FOLDER]

Writes the profiles of an environment and its output to FOLDER (default: build/oci), and runs the
commands of docs/gitops.md, "An OCI image", with crane as client and registry.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from testing.project import ROOT
from tests.cluster import binaries
from tests.cluster.api import wait_until
from tests.cluster.recipes import REGISTRY
from tests.cluster.scratch import free_port

ENVIRONMENT = "prod-eu"
PROFILE = """\
cluster: prod-eu
bucket: acme-eu-ira-model
namespace: inference
rendered: true
inference: {workload_name: "vllm-{gpu}-{model}"}
gpus: {h100: {queued: false}, h200: {queued: only}}
"""
_SECTION = "### An OCI image"
_REPOSITORY = "europe-docker.pkg.dev/acme/config"


def commands(page: str) -> tuple[str, str]:
    """Return the commands that push the image and that pull it, of the text of docs/gitops.md."""
    section = page.split(_SECTION)[1].partition("\n## ")[0]
    push, pull = re.findall(r"^```shell\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return push, pull


def write_output(folder: Path) -> Path:
    """Write the profile of an environment and, as synth does, its output; return its directory."""
    profile = folder / f"profiles/environments/{ENVIRONMENT}.yaml"
    profile.parent.mkdir(parents=True, exist_ok=True)
    profile.write_text(PROFILE)
    synth = [sys.executable, "-m", "ira_manifests", "synth"]
    subprocess.run(synth, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder / "dist" / ENVIRONMENT


@contextlib.contextmanager
def registry(crane: Path) -> Iterator[str]:
    """Serve a registry, in memory, during the block; returns its host and port."""
    host = f"127.0.0.1:{free_port()}"
    serving = [str(crane), "registry", "serve", "--address", host]
    with subprocess.Popen(serving, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_until(lambda: _answers(crane, host), f"serving: {host}")
            yield host
        finally:
            process.terminate()


def _answers(crane: Path, host: str) -> bool:
    run = subprocess.run([str(crane), "catalog", host], capture_output=True, check=False)
    return run.returncode == 0


def run(crane: Path, command: str, folder: Path, host: str) -> str:
    """Run a command of the page in a folder, against another registry; return what it prints."""
    path = f"{crane.parent}{os.pathsep}{os.environ['PATH']}"
    script = command.replace(_REPOSITORY, f"{host}/config")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{script}\n{done.stderr}")
    return done.stdout.strip()


def content(folder: Path) -> dict[str, bytes]:
    """Return the files below a folder by path."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def main(folder: Path) -> None:
    """Push, pull and compare, and print each command."""
    crane = binaries.build(recipe=REGISTRY) / "crane"
    push, pull = commands((ROOT / "docs/gitops.md").read_text())
    output = write_output(folder)
    with registry(crane) as host:
        for command in (push, pull):
            print(f"{command}{run(crane, command, folder, host)}\n")
    pulled = content(folder / "pulled")
    if pulled != content(output):
        sys.exit("not equal: what was pulled differs from what was pushed")
    print(f"equal: {len(pulled)} files, pushed and pulled")


if __name__ == "__main__":
    try:
        main(Path(sys.argv[1]) if sys.argv[1:] else ROOT / "build/oci")
    except binaries.MissingProgramsError as error:
        sys.exit(str(error))
