"""Commands and examples of the README and docs/ are run; the README's table is the matrix."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ira_manifests import load_matrix
from ira_manifests.analysis import matrix_summary
from ira_manifests.constructs.manifests.sources import source
from ira_manifests.constructs.manifests.vllm_deployment import POD
from testing import pages
from testing.project import PROFILES, ROOT, is_reference
from tests.commands import settings
from tools import reference_page

README = (ROOT / "README.md").read_text()
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()


def blocks(language: str, page: str = "README.md") -> list[str]:
    return [block.text for block in pages.blocks(page, language)]


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A copy of the repository as a new user has it, with this environment as its .venv."""
    copy = tmp_path / "clone"
    settings.clone(copy)
    return copy


def shell(script: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_the_first_command_writes_dist(clone: Path) -> None:
    start = next(block for block in blocks("shell") if "make synth" in block)
    first = start.splitlines()[0]

    run = shell(first, clone)

    assert run.returncode == 0, run.stderr
    expected = {path.relative_to(ROOT / "dist") for path in (ROOT / "dist").rglob("*.yaml")}
    assert {p.relative_to(clone / "dist") for p in (clone / "dist").rglob("*.yaml")} == expected


def test_the_second_command_is_what_the_gate_runs() -> None:
    start = next(block for block in blocks("shell") if "make synth" in block)

    assert start.splitlines()[1].split("#")[0].strip() == "make test"
    assert "make test" in (ROOT / ".ci/run").read_text().splitlines()
    assert "-m pytest" in shell("make --no-print-directory --dry-run test", ROOT).stdout


def test_the_bucket_goes_from_terraform_to_the_config(clone: Path, tmp_path: Path) -> None:
    # Terraform needs the platform's state; this one prints what its manual says.
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "terraform").write_text(
        "#!/bin/sh\n"
        # Only the folder of the platform has the state; elsewhere nothing is printed.
        '[ "$1" = "-chdir=/acp/platforms/terraform/cloud_storage" ] || exit 1\n'
        '[ "$2 $3 $4" = "output -json ira_google_storage_bucket_names" ] || exit 1\n'
        """echo '["acme-terraform","acme-dev-ira-model"]'\n"""
    )
    (tools / "terraform").chmod(0o755)
    program = Path(sys.executable).parent
    block = next(block for block in blocks("shell") if "terraform -chdir" in block)

    path = f"{tools}:{program}:{os.environ['PATH']}"
    run = shell(block, clone, PATH=path, ACP_PLATFORM_USE_CASE_DIR="/acp/platforms")

    assert run.returncode == 0, run.stderr
    lines = (clone / "dist/base/ira-model-config.env").read_text().splitlines()
    assert "IRA_BUCKET_NAME=acme-dev-ira-model" in lines
    assert "MODEL_ID=google/gemma-3-27b-it" in lines


def test_the_file_to_commit_is_named_as_git_adds_it(clone: Path) -> None:
    shell("make synth", clone)
    (named,) = re.findall(r"To commit the file, name it\s+`([^`]+)`", README)

    run = shell(f"git init -q . && git add {named} && git ls-files", clone)

    assert run.stdout.split() == [named], run.stderr
    assert (clone / "dist/base/ira-model-config.env").samefile(clone / named)


def test_the_commands_at_the_head_of_the_example_are_what_a_shell_reads(tmp_path: Path) -> None:
    lines = ast.get_docstring(ast.parse((ROOT / "examples/inference_app.py").read_text())) or ""
    commands = "\n".join(line for line in lines.splitlines() if line.startswith("    "))
    shown = 'kubectl() { printf "%s " "$@"; echo; }; python() { echo "python $@" >&2; }'

    run = shell(f"{shown}\n{commands}", tmp_path)

    assert run.returncode == 0, run.stderr
    assert run.stderr == "python examples/inference_app.py\n"
    secret = "-n llm create secret generic hugging-face-token-secret"
    assert f"{secret} --from-env-file=hugging-face-token.env" in map(
        str.strip, run.stdout.splitlines()
    )


def test_every_row_has_the_mark_of_an_estimate_if_the_page_says_so() -> None:
    measured = any(row.measured for row in matrix_summary.rows(load_matrix(PROFILES)))
    said = (
        "With the pinned engine, every row has the mark." in (ROOT / "docs/commands.md").read_text()
    )

    assert said != measured


def test_commands_are_the_installed_program() -> None:
    """With -m, Python imports what the working directory holds: any yaml.py there runs."""
    for page in [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]:
        assert "python -m ira_manifests" not in page.read_text(), page.name
    assert any(block.startswith("ira-manifests ") for block in blocks("shell"))


def test_the_table_is_the_matrix_of_the_reference() -> None:
    rows = re.search(r"<!-- matrix -->\n(.*)<!-- /matrix -->", README, re.DOTALL)
    assert rows
    shown = [
        [field.strip() for field in line.strip("|").split("|")] for line in rows[1].splitlines()[2:]
    ]

    assert shown == [
        [
            cell.directory,
            str(cell.profile.tensor_parallel),
            cell.profile.cpu,
            cell.profile.memory,
            cell.machine.compute_class,
            format(cell.profile.gpu_memory_utilization, "f"),
            str(cell.profile.max_model_len),
        ]
        for cell in load_matrix(PROFILES).values()
        if is_reference(cell)
    ]


def test_the_new_model_of_the_docs_is_a_valid_profile(tmp_path: Path) -> None:
    profile, *_ = blocks("yaml", "docs/adding-a-model.md")
    folder = Path(shutil.copytree(PROFILES, tmp_path / "profiles"))
    (folder / "models/qwen3-32b.yaml").write_text(profile)

    cell = load_matrix(folder)["h100", "qwen3-32b"]

    assert yaml.safe_load(profile)["model_id"] == cell.model.model_id
    assert cell.directory == "online-inference-gpu-h100-qwen3-32b"
    assert cell.service_account == "ira-online-gpu-ksa-qwen3-32b"


@pytest.mark.parametrize("page", pages.PAGES)
def test_every_link_leads_to_a_file_and_to_a_heading_of_it(page: str) -> None:
    for link in pages.links(page):
        target, _, anchor = link.partition("#")
        if re.match("https?:", target):
            assert re.fullmatch(r"https?://[\w.-]+(/[\w.~%+=@&?/:-]*)?", target), link
            continue
        file = os.path.normpath(Path(page).parent / target) if target else page
        assert (ROOT / file).exists(), link
        assert not anchor or anchor in pages.anchors(file), link


@pytest.mark.parametrize("name", ["ARCHITECTURE.md", "CONTRIBUTING.md", "docs/decisions.md"])
def test_every_file_that_is_named_exists(name: str) -> None:
    """Paths are relative to the root, the package or its tests."""
    text = (ROOT / name).read_text()
    named = re.findall(r"`([\w.-]+(?:/[\w.-]+)*(?:/|\.(?:py|md|yaml|json|txt|js)))`", text)

    assert named
    roots = [ROOT, *(ROOT / "ira_manifests").glob("**/"), ROOT / "tests", ROOT / "tests/cluster"]
    missing = {each for each in named if not any((root / each).exists() for root in roots)}
    assert missing <= GENERATED


# What a synth writes, named as the user knows it, or files of a model's repository.
GENERATED = {"base/", "config.json", "params.json", "kustomization.yaml"}


def test_the_reference_is_that_of_the_schema_and_the_parsers() -> None:
    assert reference_page.FILE.read_text() == reference_page.written()


def test_every_make_target_is_described() -> None:
    targets = set(re.findall(r"^([\w-]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    described = set(re.findall(r"^\| `make ([\w-]+)", CONTRIBUTING, re.MULTILINE))

    assert described == targets - {"cluster-programs"}


def test_a_row_of_a_recipe_is_one_that_the_tables_take() -> None:
    (row,) = [block for block in blocks("python", "CONTRIBUTING.md") if "source(" in block]

    made = eval(row, {"source": source, "POD": POD})  # noqa: S307  the page's own line
    assert made == source(
        "@settings.runtime_class", f"{POD}.runtimeClassName", name="runtime_class"
    )


def test_every_name_in_the_recipes_is_one_of_the_code() -> None:
    code = "".join(file.read_text() for folder in CODE for file in (ROOT / folder).rglob("*.py"))
    _, recipes = CONTRIBUTING.split("## Recipes")
    named = set(re.findall(r"`(_\w+|[A-Z][A-Z_]+|[A-Z]\w+[a-z][A-Z]\w+)`", recipes))

    assert {"BREAKS", "_pod_spec"} <= named
    unknown = {name for name in named if not re.search(rf"\b{name}\b", code)}
    assert unknown == set()


CODE = ["ira_manifests", "tests", "tools"]
