"""What runs in CI and before commits: the action, the hooks, and the files of a new project."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from testing.edits import edit_profile
from testing.project import ROOT
from tests.ci import composite
from tests.support import Run, ira
from tests.test_readme import blocks

PACKAGE = "ira-manifests @ git+https://git.example.com/acme/ira-manifests@0123abc"
ADDRESS = PACKAGE.partition(" @ ")[2]
BIN = Path(sys.executable).parent
LINTERS = Path(__file__).parent / "ci"
GO = pytest.mark.skipif(
    shutil.which("go") is None and not os.environ.get("IRA_REQUIRE_CLUSTER"), reason="no go"
)


def tool(*words: str | Path, cwd: Path = ROOT, **environment: str) -> Run:
    """Run a program of this environment."""
    return subprocess.run(
        list(map(str, words)), cwd=cwd, capture_output=True, text=True, check=False,
        env={**os.environ, "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", **environment},
    )  # fmt: skip


def git(folder: Path, *words: str) -> str:
    """Run git without the user's settings."""
    author = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    run = tool("git", *author, *words, cwd=folder, GIT_CONFIG_GLOBAL=os.devnull)
    assert run.returncode == 0, run.stderr
    return run.stdout.strip()


def documented() -> list[str]:
    """Return the workflows of docs/ci.md."""
    return [block for block in blocks("yaml", "docs/ci.md") if "\njobs:" in block]


@pytest.fixture
def workflows(tmp_path: Path) -> Path:
    """A repository with the workflows of a new project and of the docs."""
    ira("init", "--package", ADDRESS, cwd=tmp_path)
    folder = tmp_path / ".github/workflows"
    for number, text in enumerate(documented()):
        (folder / f"documented-{number}.yaml").write_text(text.replace("COMMIT", "0" * 40))
    return folder


@GO
def test_actionlint_finds_nothing_in_workflows(workflows: Path) -> None:
    files = sorted(workflows.glob("*.yaml"))

    run = tool("go", "tool", "actionlint", *files, cwd=LINTERS)

    assert len(files) == 1 + len(documented()) > 1
    assert (run.returncode, run.stdout) == (0, ""), run.stderr


@GO
def test_actionlint_knows_the_inputs_of_the_action(tmp_path: Path) -> None:
    """A workflow that calls the action by its folder: its inputs are checked by action.yml."""
    shutil.copy(ROOT / "action.yml", tmp_path)
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    (text,) = documented()
    called = re.sub(r"uses: OWNER/REPOSITORY@\w+.*", "uses: ./", text)
    good, bad = (tmp_path / f".github/workflows/{name}.yaml" for name in ("good", "bad"))
    good.write_text(called)
    bad.write_text(called.replace("lint:", "lnit:"))

    runs = [tool("go", "tool", "actionlint", file, cwd=LINTERS) for file in (good, bad)]

    assert (runs[0].returncode, runs[0].stdout) == (0, "")
    assert 'input "lnit" is not defined in action "ira_manifests"' in runs[1].stdout


def test_zizmor_finds_nothing_in_workflows_and_in_the_action(workflows: Path) -> None:
    options = ["--offline", "--no-progress", "--persona", "auditor", "--format", "plain"]

    run = tool("zizmor", *options, workflows, ROOT / "action.yml")

    assert run.returncode == 0, run.stdout
    assert "No findings to report" in run.stdout


def test_zizmor_would_find_a_tag_instead_of_a_commit(tmp_path: Path) -> None:
    text = (ROOT / "action.yml").read_text()
    (tmp_path / "action.yml").write_text(re.sub(r"@[0-9a-f]{40} # (v4)\S*", r"@\1", text))

    run = tool("zizmor", "--offline", "--no-progress", tmp_path / "action.yml")

    assert run.returncode != 0
    assert "unpinned-uses" in run.stdout


@pytest.mark.parametrize(
    ("schema", "ci", "file"),
    [
        ("vendor.github-workflows", "github", ".github/workflows/ira-manifests.yaml"),
        ("vendor.gitlab-ci", "gitlab", ".gitlab-ci.yml"),
        ("vendor.github-actions", "none", ROOT / "action.yml"),
    ],
)
def test_files_of_ci_have_the_schema_of_their_service(
    tmp_path: Path, schema: str, ci: str, file: str | Path
) -> None:
    ira("init", "--package", ADDRESS, "--ci", ci, cwd=tmp_path)

    run = tool("check-jsonschema", "--builtin-schema", schema, tmp_path / file)

    assert run.returncode == 0, run.stdout


def test_the_page_shows_what_a_new_project_gets(tmp_path: Path) -> None:
    ira("init", "--package", ADDRESS, "--ci", "gitlab", cwd=tmp_path)

    assert (tmp_path / ".gitlab-ci.yml").read_text() in blocks("yaml", "docs/ci.md")


def test_the_page_has_the_inputs_of_the_action() -> None:
    rows = re.findall(
        r"^\| `([\w-]+)` \| (?:`([\w-]+)`|none) \|", (ROOT / "docs/ci.md").read_text(), re.MULTILINE
    )

    inputs = {name: each["default"] for name, each in composite.action()["inputs"].items()}
    assert dict(rows) == inputs


def test_pre_commit_takes_the_configuration_of_the_page(tmp_path: Path) -> None:
    (text,) = [block for block in blocks("yaml", "docs/ci.md") if "\nrepos:" in block]
    (tmp_path / "config.yaml").write_text(text)
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())

    run = tool("pre-commit", "validate-config", tmp_path / "config.yaml")

    assert run.returncode == 0, run.stdout
    named = [hook["id"] for hook in yaml.safe_load(text)["repos"][0]["hooks"]]
    assert sorted(named) == sorted(hook["id"] for hook in hooks)


@pytest.mark.parametrize("ci", ["github", "gitlab"])
def test_the_commands_of_a_new_projects_ci_pass_in_it(tmp_path: Path, ci: str) -> None:
    ira("init", "--package", ADDRESS, "--ci", ci, cwd=tmp_path)
    ira("synth", cwd=tmp_path)
    name = {"github": ".github/workflows/ira-manifests.yaml", "gitlab": ".gitlab-ci.yml"}[ci]
    document = yaml.safe_load((tmp_path / name).read_text())
    if ci == "github":
        words = [step["run"] for step in document["jobs"]["check"]["steps"] if "run" in step]
    else:
        words = document["ira-manifests"]["script"]
    install, *commands = words

    assert install == "python -m pip install --quiet --requirement requirements.txt"
    assert len(commands) == 2
    for command in commands:
        run = tool("bash", "-ec", command, cwd=tmp_path)
        assert run.returncode == 0, run.stdout + run.stderr
    (tmp_path / "dist/model-download/job.yaml").write_text("# Generated by hand\n")
    assert tool("bash", "-ec", commands[-1], cwd=tmp_path).returncode == 1


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project as a repository with one commit."""
    folder = tmp_path_factory.mktemp("source")
    files = git(ROOT, "ls-files", "--cached", "--others", "--exclude-standard").splitlines()
    for name in files:
        if name.startswith(("tests/", "docs/", "dist/")) or not (ROOT / name).exists():
            continue
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, folder / name, follow_symlinks=False)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", "all")
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A new project, rendered and committed."""
    folder = tmp_path / "project"
    ira("init", "project", "--package", ADDRESS, "--gpu", "l4", cwd=tmp_path)
    ira("synth", cwd=folder)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "all")
    return folder


def pre_commit(project: Path, cache: Path) -> dict[str, str]:
    """Run all hooks on all files; return the state of each."""
    run = tool(
        "pre-commit", "run", "--all-files", "--color", "never", cwd=project,
        PRE_COMMIT_HOME=str(cache), COLUMNS="80",
    )  # fmt: skip
    found = re.findall(r"^(.+?)\.{3,}(?:\(.*\))?(Passed|Failed|Skipped)$", run.stdout, re.MULTILINE)
    assert found, run.stdout + run.stderr
    return dict(found)


@pytest.mark.index
def test_pre_commit_runs_the_hooks_of_this_repository(
    source: Path, project: Path, tmp_path: Path
) -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    repository = {
        "repo": str(source),
        "rev": git(source, "rev-parse", "HEAD"),
        "hooks": [{"id": hook["id"]} for hook in hooks],
    }
    (project / ".pre-commit-config.yaml").write_text(json.dumps({"repos": [repository]}))
    names = [hook["name"] for hook in hooks]
    assert len(names) == 3

    states = pre_commit(project, tmp_path / "cache")

    assert states == dict.fromkeys(names, "Passed")
    edit_profile(project / "profiles", "gemma3-27b", {"cpu: 12": "cpu: 11"})
    assert pre_commit(project, tmp_path / "cache")[names[0]] == "Failed"
    assert 'cpu: "11"' in git(project, "diff", "dist") or "cpu: 11" in git(project, "diff", "dist")
    assert set(pre_commit(project, tmp_path / "cache").values()) == {"Passed"}


@pytest.mark.index
def test_pre_commit_runs_the_hooks_of_a_new_project(
    project: Path, wheel: Path, tmp_path: Path
) -> None:
    file = project / ".pre-commit-config.yaml"
    assert tool("pre-commit", "validate-config", file).returncode == 0
    file.write_text(file.read_text().replace(ADDRESS, wheel.as_uri()))

    states = pre_commit(project, tmp_path / "cache")

    assert states == {"write dist/ from profiles/": "Passed", "check profiles/ and dist/": "Passed"}


@pytest.mark.index
def test_the_action_checks_and_uploads(project: Path, tmp_path: Path) -> None:
    temp = tmp_path / "temp"
    temp.mkdir()

    good = composite.run({"lint": "dist\n\n  \nprofiles\n"}, project, temp)

    assert good.failed == [], good.output
    assert [*good.uses] == ["Upload what check found", "Upload what lint found"]
    for each in good.uses.values():
        assert json.loads(Path(each["sarif_file"]).read_text())["version"] == "2.1.0"
    assert len({each["category"] for each in good.uses.values()}) == 2

    installed = ("Install",)
    quiet = composite.run({"sarif": "false"}, project, temp, installed)
    assert (quiet.failed, quiet.uses) == ([], {})

    strict = composite.run({"strict": "true"}, project, temp, installed)
    assert strict.failed == ["Check"]  # the placeholders of a new project are warnings
    assert [*strict.uses] == ["Upload what check found"]

    edit_profile(project / "profiles", "gemma3-27b", {"cpu: 12": "cpu: 11"})
    stale = composite.run({"sarif": "false"}, project, temp, installed)
    assert stale.failed == ["Check", "Compare the output with the profiles"]
    assert "::error file=" in stale.output["Check"]

    (project / "profiles/platform.yaml").write_text("")
    broken = composite.run({}, project, temp, installed)
    assert "Check" in broken.failed
    assert json.loads(Path(broken.uses["Upload what check found"]["sarif_file"]).read_text())


# A stand-in for GitHub's program: it writes down its words, and knows no comment until one is made.
IRA = f"""#!/bin/sh
exec "{sys.executable}" -m ira_manifests "$@"
"""
GH = """#!/bin/sh
printf '%s\\n' "$*" >> "$GH_LOG"
case "$*" in
  *POST*) touch "$GH_LOG.made" ;;
  *--paginate*) if [ -e "$GH_LOG.made" ]; then echo 12; fi ;;
esac
"""


def test_the_action_says_what_changes_and_edits_its_comment(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temp, log = tmp_path / "temp", tmp_path / "gh.log"
    for name, text in (("temp/ira-manifests/bin/ira-manifests", IRA), ("bin/gh", GH)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("GH_LOG", str(log))
    edit_profile(project / "profiles", "gemma3-27b", {"cpu: 12": "cpu: 11"})
    skipped = ("Install", "Check", "Compare the output with the profiles")
    given = {"diff": "HEAD", "comment": "true"}

    runs = [composite.run(given, project, temp, skipped) for _ in range(2)]

    assert [run.failed for run in runs] == [[], []], runs[0].output
    assert "Compared with `HEAD`: 1 cell changed." in (temp / composite.SUMMARY).read_text()
    changes = temp / "ira-manifests-diff.md"
    body = f"--field body=@{changes} --silent"
    made, edited = (line for line in log.read_text().splitlines() if "--method" in line)
    assert made == f"api --method POST repos/acme/serving/issues/7/comments {body}"
    assert edited == f"api --method PATCH repos/acme/serving/issues/comments/12 {body}"
    assert changes.read_text().startswith("<!-- ira-manifests diff -->\n")


def test_the_action_fails_without_the_revision_to_compare_with(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "temp/ira-manifests/bin/ira-manifests"
    program.parent.mkdir(parents=True)
    program.write_text(IRA)
    program.chmod(0o755)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    skipped = ("Install", "Check", "Compare the output with the profiles")

    run = composite.run({"diff": "HEAD^1", "comment": "true"}, project, tmp_path / "temp", skipped)

    assert run.failed == ["Say what changes on a cluster"]
    assert "In a shallow clone, fetch it first" in run.output["Say what changes on a cluster"]
