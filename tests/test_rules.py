"""Waivers of rules, and the catalogue of rules."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from ira_manifests import Cell, Matrix, load_matrix
from ira_manifests.output.kustomize import Generator
from ira_manifests.rules import check_cells, check_objects, waivers
from ira_manifests.rules.catalogue import BAD_INPUT, Rule, Severity, rules
from ira_manifests.rules.finding import Finding, distinct
from ira_manifests.rules.registry import Group, rule
from testing.project import ROOT, copy_edited, copy_profiles
from tests import test_rules_of_cells as of_cells
from tests import test_rules_of_companions as of_companions
from tests import test_rules_of_pods as of_pods
from tests import test_rules_of_queues as of_queues
from tests import test_rules_of_servers as of_servers
from tests.breaking import OUT, Directories
from tests.lint.test_lint import FAULTS
from tests.lint.test_twins import TWINS
from tools import rules_page

# --- waivers --------------------------------------------------------------------------------------


def with_waiver(folder: Path, waiver: str) -> Matrix:
    profiles = copy_profiles(folder)
    file = profiles / "models/llama4-scout.yaml"
    file.write_text(file.read_text().rstrip() + f"\n    waive:\n      {waiver}\n")
    return load_matrix(profiles)


def checked(matrix: Matrix) -> list[Finding]:
    findings = check_cells.check_cells(matrix, matrix.values())
    return waivers.apply(matrix, matrix.values(), findings)


def test_a_waiver_covers_its_rule_in_its_cell_alone(tmp_path: Path) -> None:
    waiver = "    waive:\n      IRA009: A copy that we trust.\n"
    profiles = copy_edited(
        tmp_path, "llama3", ("model_id: meta-llama/", "model_id: unsloth/"),
        ("    waive:\n", waiver),
    )  # fmt: skip

    findings = [f for f in checked(load_matrix(profiles)) if f.rule_id == "IRA009"]

    assert {f.cell for f in findings} == {"h100/llama3"}


def test_a_waiver_that_no_longer_applies_is_a_finding(tmp_path: Path) -> None:
    matrix = with_waiver(tmp_path, "IRA005: There were too many once.")

    (finding,) = [f for f in checked(matrix) if f.rule_id == "IRA029"]

    assert finding.field == "cells.h200.waive.IRA005"
    assert finding.refuses


def tiny(folder: Path, *lines: str) -> Matrix:
    profiles = copy_profiles(folder)
    cell = (
        "    tensor_parallel: 1\n    cpu: 10\n    memory: 64G\n"
        "    gpu_memory_utilization: 0.95\n    max_model_len: 8192\n"
    )
    text = "".join(f"{line}\n" for line in ("model_id: acme/tiny-1b", *lines))
    cells = f"cells:\n  h100:\n{cell}  l4:\n{cell}    compute_class: gpu-l4-24gb-x2\n"
    (profiles / "models/tiny.yaml").write_text(text + cells)
    return load_matrix(profiles)


def words(cell: Cell) -> list[str]:
    return [argument.text for argument in cell.server_arguments]


def of_tiny(matrix: Matrix) -> list[tuple[str, str, str]]:
    found = (f for f in distinct(checked(matrix)) if f.file.endswith("tiny.yaml"))
    return [(f.rule_id, f.field, f.cell) for f in found if f.rule_id not in ("IRA003", "IRA005")]


def test_code_of_a_repository_is_warned_of_once_for_a_model(tmp_path: Path) -> None:
    matrix = tiny(tmp_path, "trust_remote_code: true")

    assert of_tiny(matrix) == [("IRA043", "trust_remote_code", "")]
    assert "--trust-remote-code" in words(matrix["h100", "tiny"])


@pytest.mark.parametrize("lines", [(), ("trust_remote_code: false",)])
def test_without_the_field_no_code_of_a_repository_is_run(
    lines: tuple[str, ...], tmp_path: Path
) -> None:
    matrix = tiny(tmp_path, *lines)

    assert of_tiny(matrix) == []
    assert "--trust-remote-code" not in words(matrix["h100", "tiny"])


def test_a_waiver_of_a_model_covers_all_of_its_cells(tmp_path: Path) -> None:
    reason = "  IRA043: Its tokenizer is no part of vLLM."

    assert of_tiny(tiny(tmp_path, "trust_remote_code: true", "waive:", reason)) == []


def test_a_waiver_of_a_model_that_covers_nothing_is_a_finding(tmp_path: Path) -> None:
    matrix = tiny(tmp_path, "waive:", "  IRA043: Its tokenizer is no part of vLLM.")

    assert of_tiny(matrix) == [("IRA029", "waive.IRA043", "")]
    one = [matrix["h100", "tiny"]]  # the other cell may need it
    assert waivers.apply(matrix, one, check_cells.check_cells(matrix, one)) == [
        f for f in check_cells.check_cells(matrix, one) if f.rule_id != "IRA029"
    ]


# --- the catalogue --------------------------------------------------------------------------------


def test_every_rule_has_a_test_that_fires_it() -> None:
    by_file = {"IRA025", "IRA028", "IRA029", "IRA030", "IRA031", "IRA039", "IRA040"}
    elsewhere = {*by_file, "IRA045", "IRA070", "IRA071", BAD_INPUT, *of_companions.OF_PROFILES}
    tables = (
        of_cells.BREAKS, of_companions.BREAKS, of_pods.BREAKS, of_queues.BREAKS, of_servers.BREAKS,
    )  # fmt: skip

    of_trees = {"IRA081", "IRA094", *(fault.expected.split()[1] for fault in FAULTS.values())}
    of_trees |= {twin.expected.split()[1] for twin in TWINS.values()}
    assert set(rules()) == elsewhere.union(of_trees, *tables)


def test_the_introduction_names_the_rules_of_the_users_files() -> None:
    introduction, _, _ = rules_page.FILE.read_text().partition("## IRA000")
    named = re.search(r"user's files \(([^)]+)\)", introduction)
    assert named
    folder = ROOT / "ira_manifests/rules/user_files"
    registered = {
        rule_id
        for file in folder.glob("*.py")
        for rule_id in re.findall(r'^@(?:also|rule)\("(IRA\d+)"', file.read_text(), re.MULTILINE)
    }

    assert set(re.split(r",\s+", named[1])) == registered
    # `synth` says in that rule's page, and here, that it reports it too.
    (also,) = (each.id for each in rules().values() if "`synth` reports it as well" in each.page)
    assert f"`synth` reports {also} as well" in introduction


def test_the_pages_in_the_docs_are_those_of_the_rules() -> None:
    text = rules_page.FILE.read_text()

    assert rules_page.written(text) == text
    headings = re.findall(r"^## (\S+) (\S+) \((\w+)\)$", text, re.MULTILINE)
    assert headings == [(rule.id, rule.name, str(rule.severity)) for rule in rules().values()]


@pytest.mark.parametrize("rule", rules().values(), ids=rules())
def test_every_rule_says_in_a_line_what_is_wrong_and_then_what_comes_of_it(rule: Rule) -> None:
    summary, _, more = rule.page.partition("\n\n")

    assert summary == rule.summary
    assert len(more.split()) > 15


def test_without_docstrings_a_rule_says_why_it_has_no_page() -> None:
    command = [sys.executable, "-OO", "-m", "ira_manifests", "explain", "IRA012"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("IRA012 no-shared-memory (error)\n")
    assert "-OO" in run.stdout


def test_a_further_check_is_of_a_rule_that_there_is() -> None:
    modules = (ROOT / "ira_manifests/rules").rglob("*.py")
    named = {
        name
        for file in modules
        for name in re.findall(r"^@also\((\S+),", file.read_text(), re.MULTILINE)
    }

    assert len(named) > 5
    assert {BAD_INPUT if name == "BAD_INPUT" else name.strip('"') for name in named} <= set(rules())


def test_ids_and_names_are_unique() -> None:
    assert len({rule.name for rule in rules().values()}) == len(rules())
    assert {rule.severity for rule in rules().values()} == set(Severity)


@pytest.mark.parametrize(
    ("rule_id", "name"), [("IRA012", "new"), ("IRA099", "no-shared-memory"), ("IRA044", "new")]
)
def test_no_rule_takes_the_id_or_the_name_of_another_one(rule_id: str, name: str) -> None:
    assert rules()

    with pytest.raises(
        ValueError, match=r"is taken: there is IRA012 no-shared-memory|was the id of a rule"
    ):
        rule(rule_id, name, Severity.ERROR, Group[None]("none"))(lambda _: iter(()))


def test_the_secret_of_the_download_is_not_taken_for_a_leak(directories: Directories) -> None:
    download = directories["model-download"]

    assert download.kustomization.secrets == (
        Generator("hugging-face-token-secret", ("base/hugging-face-token.env",)),
    )
    assert check_objects.check_directory(download, OUT) == []
