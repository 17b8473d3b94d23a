"""The workflows of this repository: linted, pinned, and with no more permissions than they need."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from testing.project import ROOT
from tests.test_ci import GO, LINTERS, tool
from tests.test_readme import blocks
from tools.licenses import ALLOWED

WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yaml"))
PAGE = (ROOT / "docs/releasing.md").read_text()
MAKEFILE = (ROOT / "Makefile").read_text()
PINNED = re.compile(r"uses: ([\w./-]+)@(\w+) # (v[\d.]+)$", re.MULTILINE)


def jobs() -> dict[str, dict[str, Any]]:
    """Return each job as `workflow/job`."""
    return {
        f"{file.stem}/{name}": job
        for file in WORKFLOWS
        for name, job in yaml.safe_load(file.read_text())["jobs"].items()
    }


def commands(job: dict[str, Any]) -> str:
    return "\n".join(step["run"] for step in job.get("steps", ()) if "run" in step)


@GO
def test_actionlint_finds_nothing(tmp_path: Path) -> None:
    shutil.copytree(ROOT / ".github", tmp_path / ".github")
    (tmp_path / ".git").mkdir()  # by which it finds the workflow that another one calls
    files = sorted((tmp_path / ".github/workflows").iterdir())

    run = tool("go", "tool", "actionlint", *files, cwd=LINTERS)

    assert (run.returncode, run.stdout) == (0, ""), run.stderr


def test_zizmor_finds_nothing() -> None:
    options = ["--offline", "--no-progress", "--persona", "auditor", "--format", "plain"]

    run = tool("zizmor", *options, ROOT / ".github")

    assert run.returncode == 0, run.stdout
    assert "No findings to report" in run.stdout


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", WORKFLOWS),
        ("vendor.dependabot", [ROOT / ".github/dependabot.yml"]),
    ],
)
def test_files_have_the_schema_of_their_service(schema: str, files: list[Path]) -> None:
    run = tool("check-jsonschema", "--builtin-schema", schema, *files)

    assert run.returncode == 0, run.stdout


def test_an_action_has_one_pin_in_all_files_of_this_project() -> None:
    pages = [*ROOT.glob("docs/*.md"), *ROOT.glob("ira_manifests/project/templates/*.yaml")]
    pins: dict[str, set[tuple[str, str]]] = {}
    for file in [*WORKFLOWS, *pages, ROOT / "action.yml"]:
        for action, commit, version in PINNED.findall(file.read_text()):
            pins.setdefault(action, set()).add((commit, version))

    assert {action: len(found) for action, found in pins.items()} == dict.fromkeys(pins, 1)
    assert "pypa/gh-action-pypi-publish" in pins


def test_a_job_that_runs_code_of_the_project_can_only_read() -> None:
    running = {name: job for name, job in jobs().items() if re.search("make |.ci/", commands(job))}

    assert running.keys() >= {
        "ci/gate", "ci/python", "ci/audit", "pages/build", "release/build"
    }  # fmt: skip
    for name, job in running.items():
        assert job["permissions"] == {"contents": "read"}, name


def test_only_what_publishes_may_write_and_each_job_one_thing() -> None:
    writing = {
        name: {what for what, access in job["permissions"].items() if access == "write"}
        for name, job in jobs().items()
    }

    assert {name: what for name, what in writing.items() if what} == {
        "release/attest": {"attestations", "id-token"},
        "release/publish": {"id-token"},
        "release/announce": {"contents"},
        "pages/deploy": {"id-token", "pages"},
    }
    assert jobs()["release/publish"]["environment"] == "pypi"


def test_nothing_is_published_before_all_checks_passed() -> None:
    before: dict[str, set[str]] = {}
    for name, job in jobs().items():
        workflow, _, own = name.partition("/")
        if workflow == "release":
            needs = job.get("needs", ())
            before[own] = {*needs}.union(*(before[each] for each in needs))

    assert before["publish"] == {"check", "build", "attest"}
    assert before["announce"] == {"check", "build", "attest", "publish"}
    assert jobs()["release/check"]["uses"] == "./.github/workflows/ci.yaml"
    assert commands(jobs()["ci/gate"]) == ".ci/run"


def test_what_is_published_is_what_the_build_uploaded_whatever_other_jobs_upload() -> None:
    built = {f"${{{{ needs.build.outputs.{name} }}}}" for name in ("distributions", "documents")}
    downloads = {
        name: set(step["with"]["artifact-ids"].split(","))
        for name, job in jobs().items()
        for step in job.get("steps", ())
        if "download-artifact" in step.get("uses", "")
    }

    assert downloads == {
        "release/attest": built,
        "release/publish": {"${{ needs.build.outputs.distributions }}"},
        "release/announce": built,
    }
    uploads = {step["id"] for step in jobs()["release/build"]["steps"] if "upload" in str(step)}
    assert uploads == {"distributions", "documents"}


def named(text: str) -> set[str]:
    """Return the targets of make that a text names, each of which there is."""
    targets = {*re.findall(r"make (?!installs\b)([\w-]+)", text)}
    for target in targets:
        assert re.search(f"^{target}:", MAKEFILE, re.MULTILINE), target
    return targets


def test_workflows_run_targets_of_make_and_modules_of_tools() -> None:
    text = "\n".join(map(commands, jobs().values()))

    assert named(text) >= {"audit", "sbom", "test"}
    for module in re.findall(r"-m tools\.(\w+)", text):
        assert (ROOT / f"tools/{module}.py").exists(), module


def test_the_page_about_releases_names_what_there_is() -> None:
    code = re.findall(r"^ *make .*|`[^`\n]+`", PAGE, re.MULTILINE)

    assert named("\n".join(code)) == {"audit", "changelog", "check", "lock", "package", "sbom"}
    of_page = {name for name in jobs() if name.startswith("release/")}
    rows = re.findall(r"^\| `(\w+)` \| (?:read|sign|write)", PAGE, re.MULTILINE)
    assert {f"release/{name}" for name in rows} == of_page
    for path in re.findall(r"`(tools/\w+\.py)`", PAGE):
        assert (ROOT / path).exists(), path
    for license_id in ALLOWED:
        assert license_id in PAGE or license_id.startswith("BSD-"), license_id


def test_the_commands_of_the_page_are_shell(tmp_path: Path) -> None:
    found = blocks("shell", "docs/releasing.md")

    assert found
    for number, block in enumerate(found):
        file = tmp_path / f"{number}.sh"
        file.write_text(block)
        run = tool("shellcheck", "--shell=bash", file)
        assert run.returncode == 0, run.stdout


def test_the_pythons_are_those_of_the_classifiers() -> None:
    pyproject = (ROOT / "pyproject.toml").read_text()
    declared = re.findall(r"Python :: (3\.\d+)\"", pyproject)
    gate = jobs()["ci/gate"]["steps"][1]["with"]["python-version"]

    assert [*jobs()["ci/python"]["strategy"]["matrix"]["python"], gate] == declared
