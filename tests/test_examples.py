"""The example app under cdk8s' command line and its own tests; the code of docs/library.md."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from testing.objects import objects_in
from testing.project import PROFILES, ROOT
from tests.schemas import VERSIONS, validate
from tests.support import CACHE, Run, require

EXAMPLE = ROOT / "examples/app"
PAGE = (ROOT / "docs/library.md").read_text("utf-8")
CDK8S = ROOT / "build/cdk8s-cli/node_modules/.bin/cdk8s"
"""Installed by `make test`, with the npm and the Node.js of the wheel."""


def run(folder: Path, *command: str | Path) -> Run:
    """Run a command in a folder, with the environment active and no package of the repository."""
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    environment = {"PATH": path, "HOME": str(folder), "XDG_CACHE_HOME": CACHE.name}
    return subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A copy of the example, as in a folder of a user."""
    return Path(shutil.copytree(EXAMPLE, tmp_path / "app"))


def test_the_command_line_of_cdk8s_synthesises_the_example(app: Path) -> None:
    require(CDK8S)

    synth = run(app, CDK8S, "--no-check-upgrade", "synth")

    assert synth.returncode == 0, synth.stderr
    (written,) = (app / "dist").iterdir()
    assert written.name == "inference.k8s.yaml"
    objects = objects_in(written.read_text())
    kinds = {item["kind"] for item in objects}
    assert kinds >= {"Deployment", "Service", "Job", "HorizontalPodAutoscaler"}
    assert {item["metadata"]["namespace"] for item in objects} == {"llm"}
    for version in VERSIONS:
        for item in objects:
            validate(item, version)


def test_the_tests_of_the_example_pass_and_notice_a_change(app: Path) -> None:
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    tested = run(app, *command)
    assert tested.returncode == 0, tested.stdout
    assert "2 passed" in tested.stdout

    main = app / "main.py"
    main.write_text(main.read_text().replace("max_model_len=65536", "max_model_len=32768"))

    assert "1 failed, 1 passed" in run(app, *command).stdout


def test_the_lock_names_no_place_to_download_from() -> None:
    lock = (EXAMPLE / "package-lock.json").read_text()

    assert "resolved" not in lock
    assert '"node_modules/cdk8s-cli"' in lock


def code(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_code_of_the_page_runs_from_top_to_bottom(tmp_path: Path) -> None:
    shutil.copytree(PROFILES, tmp_path / "profiles")
    whole = [each for each in code("python") if each != (EXAMPLE / "main.py").read_text()]
    (tmp_path / "page.py").write_text("\n".join(whole))

    of = run(tmp_path, sys.executable, "page.py")

    assert of.returncode == 0, of.stderr
    kinds = {"ConfigMap", "Deployment", "PodTemplate", "ProvisioningRequest", "Service"}
    assert {item["kind"] for item in objects_in(of.stdout.partition("warning ")[0])} == {
        *kinds, "ServiceAccount",
    }  # fmt: skip
    assert (tmp_path / "dist/model-download/job.yaml").exists()


def test_the_walkthrough_shows_the_files_of_the_example() -> None:
    assert (EXAMPLE / "main.py").read_text() in code("python")
    assert (EXAMPLE / "cdk8s.yaml").read_text() in code("yaml")


def test_the_refusal_on_the_page_is_that_of_the_rule(tmp_path: Path) -> None:
    (shown,) = re.findall(r"^inference/qwen: .*$", PAGE, re.MULTILINE)
    program = """
import ira_manifests as ira
from cdk8s import App, Chart
chart = Chart(App(), "inference")
try:
    model = "google/gemma-3-27b-it"
    ira.VllmDeployment(chart, "qwen", model_id=model, gpu="h100", tensor_parallel=3)
except ira.InputError as error:
    print(error)
"""

    assert run(tmp_path, sys.executable, "-c", program).stdout == f"{shown}\n"
