"""Each rule fires on what it is about, at its place, and stays silent on what is right."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from ira_manifests import Matrix, load_matrix
from ira_manifests.output.kustomize import Generator
from ira_manifests.rules import check_cells, check_objects, waivers
from ira_manifests.rules.finding import Finding, distinct
from ira_manifests.rules.registry import BAD_INPUT, Group, Rule, Severity, rule, rules
from tests import test_rules_of_pods as of_pods
from tests import test_rules_of_queues as of_queues
from tests import test_rules_of_servers as of_servers
from tests.breaking import OUT, Directories
from tests.support import ROOT, copy_edited, copy_profiles
from tools import rules_page


def in_cells(folder: Path) -> list[Finding]:
    matrix = load_matrix(folder)
    return check_cells.check_cells(matrix, matrix.values())


# --- cells: an edit of one profile, and where the finding must point ------------------------------


@dataclass(frozen=True)
class Edit:
    """A change of a shipped profile that makes a rule of cells fire in one of its cells."""

    file: str
    old: str | None
    new: str
    field: str
    message: str
    cell: str = "h100/llama3"


LLAMA3 = "models/llama3.yaml"
CELL_RULES = {
    # 131.42 GiB of weights do not fit one H100 of 79.19 GiB.
    "IRA001": Edit(LLAMA3, "tensor_parallel: 4", "tensor_parallel: 1", "cells.h100.tensor_parallel",
                   "weights take"),
    # 65.7 GiB of 75.2 are weights: 40 KiB a token and GPU leave room for a third of the context.
    "IRA002": Edit("models/gemma3-27b.yaml", "model_id: google/gemma-3-27b-it",
                   "model_id: google/gemma-3-27b-it", "cells.h100.max_model_len",
                   "KV cache has", "h100/gemma3-27b"),
    "IRA003": Edit(LLAMA3, None, "", "model_id", "memory is not judged"),
    # 64 heads can't be shared by 3 GPUs.
    "IRA004": Edit(LLAMA3, "tensor_parallel: 4", "tensor_parallel: 3", "cells.h100.tensor_parallel",
                   "tensor parallel 3 does not divide 64 heads"),
    "IRA005": Edit(LLAMA3, "tensor_parallel: 4\n    cpu: 64\n    memory: 512G\n",
                   "tensor_parallel: 4\n    compute_class: gpu-h100-80gb-high-x8\n    cpu: 64\n"
                   "    memory: 512G\n", "cells.h100.tensor_parallel", "4 GPUs idle"),
    # a3-highgpu-4g has 104 vCPUs and 936 GB.
    "IRA006": Edit(LLAMA3, "cpu: 64", "cpu: 104", "cells.h100.cpu", "a3-highgpu-4g allocates"),
    "IRA007": Edit(LLAMA3, "max_model_len: 131072", "max_model_len: 262144",
                   "cells.h100.max_model_len", "are more than the model's own 131072"),
    "IRA008": Edit(LLAMA3, "min_engine: 0.8.0", "min_engine: 0.30.0", "min_engine",
                   "needs engine 0.30.0, and 0.26.0 is pinned"),
    "IRA009": Edit(LLAMA3, "model_id: meta-llama/", "model_id: meta/", "model_id",
                   "differs from the known 'meta-llama/Llama-3.3-70B-Instruct'"),
    "IRA043": Edit(LLAMA3, "trust_remote_code: true", "trust_remote_code: true",
                   "trust_remote_code", "Python files that come with meta-llama/Llama-3.3-70B"),
    # Pages of 96 and of 128 values a head: vLLM's unify_kv_cache_spec_page_size refuses them.
    "IRA038": Edit("models/gemma3-27b.yaml", "head_dim: 128", "head_dim: 96", "geometry",
                   "cannot be made equal", "h100/gemma3-27b"),
}  # fmt: skip


def edited(folder: Path, edit: Edit) -> Path:
    profiles = copy_profiles(folder)
    file = profiles / edit.file
    text = file.read_text()
    if edit.old is None:
        text = re.sub(r"weights:.*?(?=cells:)", "", text, flags=re.DOTALL)
    else:
        assert edit.old in text
        text = text.replace(edit.old, edit.new, 1)
    file.write_text(text)
    return profiles


@pytest.mark.parametrize("rule", CELL_RULES)
def test_a_rule_of_cells_fires_at_its_field(rule: str, tmp_path: Path) -> None:
    edit = CELL_RULES[rule]

    findings = [f for f in in_cells(edited(tmp_path, edit)) if f.rule_id == rule]

    (finding,) = [f for f in findings if f.cell == edit.cell]
    assert finding.field == edit.field
    assert edit.message in finding.message
    assert finding.hint
    line = Path(finding.file).read_text().splitlines()[finding.line - 1]
    assert edit.field.rsplit(".", 1)[-1] in line


@pytest.mark.parametrize("rule", CELL_RULES)
def test_a_rule_of_cells_is_silent_where_the_cell_is_right(rule: str) -> None:
    cells = {f.cell for f in checked(load_matrix(ROOT / "profiles")) if f.rule_id == rule}

    assert "h100/llama3" not in cells


def memory_findings(folder: Path, cell: str, *edits: tuple[str, str]) -> list[Finding]:
    model = cell.partition("/")[2]
    profiles = copy_edited(folder, model, *edits)
    return [f for f in in_cells(profiles) if f.cell == cell and f.rule_id in ("IRA001", "IRA002")]


def value_of(finding: Finding) -> str:
    """What the hint says first of the field that the finding points to."""
    field, _, value = finding.hint.split(" would")[0].split(" or ")[0].partition(": ")
    assert finding.field == f"cells.h100.{field}"
    return f"{field}: {value}"


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        # 0.30 of 79.19 GiB is less than a quarter of 131.42 GiB and one request: 0.95 was enough.
        ("gpu_memory_utilization: 0.95", "gpu_memory_utilization: 0.30", "gpu_memory_utilization"),
        # 0.80 GiB are left beside 0.99, and the CUDA context alone takes 0.53.
        ("gpu_memory_utilization: 0.95", "gpu_memory_utilization: 0.99", "gpu_memory_utilization"),
        ("tensor_parallel: 4", "tensor_parallel: 1", "tensor_parallel"),
    ],
)
def test_the_hint_names_what_works_and_the_finding_stands_there(
    old: str, new: str, field: str, tmp_path: Path
) -> None:
    (finding,) = memory_findings(tmp_path, "h100/llama3", (old, new))
    remedy = value_of(finding)

    assert remedy.startswith(f"{field}: ")
    again = memory_findings(tmp_path / "mended", "h100/llama3", (old, remedy))
    assert again == []


def test_the_hint_asks_for_no_more_gpus_than_are_needed(tmp_path: Path) -> None:
    (finding,) = memory_findings(
        tmp_path, "h100/llama3", ("tensor_parallel: 4", "tensor_parallel: 1")
    )

    assert "tensor_parallel: 4" in finding.hint  # there are machines of 8, too


def test_auto_that_finds_no_context_worth_serving_is_refused(tmp_path: Path) -> None:
    """0.49 of 79.19 GiB leave less than the margin beside a quarter of 131.42 GiB."""
    (finding,) = memory_findings(
        tmp_path, "h100/llama3",
        ("gpu_memory_utilization: 0.95", "gpu_memory_utilization: 0.49"),
        ("max_model_len: 131072", "max_model_len: auto"),
    )  # fmt: skip

    assert finding.rule_id == "IRA001"
    assert "auto finds no context of 1024 tokens" in finding.message
    assert value_of(finding).startswith("gpu_memory_utilization: 0.5")


def test_an_engine_counts_as_a_number_and_not_as_text(tmp_path: Path) -> None:
    for needed, is_needed in (('"0.26"', False), ("0.26.0rc1", False), ("0.26.1rc1", True)):
        edit = replace(CELL_RULES["IRA008"], new=f"min_engine: {needed}")
        rules = {f.rule_id for f in in_cells(edited(tmp_path / needed.strip('"'), edit))}
        assert ("IRA008" in rules) is is_needed, needed


def test_a_pre_release_is_older_than_the_release_that_a_model_needs(tmp_path: Path) -> None:
    profiles = edited(tmp_path, replace(CELL_RULES["IRA008"], new="min_engine: 0.26.0"))
    platform = profiles / "platform.yaml"
    platform.write_text(platform.read_text().replace("version: 0.26.0", "version: 0.26.0rc1"))

    assert "IRA008" in {f.rule_id for f in in_cells(profiles)}


def test_the_case_of_a_known_id_counts_as_well(tmp_path: Path) -> None:
    edit = replace(
        CELL_RULES["IRA009"], old="Llama-3.3-70B-Instruct\nmin", new="llama-3.3-70b-instruct\nmin"
    )

    findings = [f for f in in_cells(edited(tmp_path, edit)) if f.rule_id == "IRA009"]

    assert {f.cell for f in findings} == {"h100/llama3", "h200/llama3"}


def test_memory_beyond_the_machine_is_found_as_well_as_cpu(tmp_path: Path) -> None:
    edit = replace(CELL_RULES["IRA006"], old="memory: 512G", new="memory: 936Gi")

    (finding,) = [f for f in in_cells(edited(tmp_path, edit)) if f.rule_id == "IRA006"]

    assert finding.field == "cells.h100.memory"


def test_auto_takes_a_context_that_keeps_the_margin(tmp_path: Path) -> None:
    profiles = edited(
        tmp_path,
        Edit("models/gemma3-27b.yaml", "0.95\n    max_model_len: 131072",
             "0.95\n    max_model_len: auto", "", ""),
    )  # fmt: skip
    matrix = load_matrix(profiles)
    cell = matrix["h100", "gemma3-27b"]

    assert 8192 < cell.max_model_len < 131072
    assert cell.max_model_len % 1024 == 0
    assert cell.runtime_values["MAX_MODEL_LEN"] == str(cell.max_model_len)
    assert not [
        f for f in check_cells.check_cells(matrix, [cell]) if f.rule_id in ("IRA001", "IRA002")
    ]


def test_auto_that_finds_nothing_is_refused(tmp_path: Path) -> None:
    profiles = edited(
        tmp_path,
        Edit(LLAMA3, "tensor_parallel: 4\n    cpu: 64\n    memory: 512G\n"
             "    gpu_memory_utilization: 0.95\n    max_model_len: 131072",
             "tensor_parallel: 1\n    cpu: 10\n    memory: 64G\n"
             "    gpu_memory_utilization: 0.95\n    max_model_len: auto", "", ""),
    )  # fmt: skip

    assert "IRA001" in {f.rule_id for f in in_cells(profiles) if f.cell == "h100/llama3"}


def test_a_size_that_splits_nothing_is_told_with_those_that_fit(tmp_path: Path) -> None:
    # 131 GiB of weights: one GPU of 79 GiB is too small, two hold no request of 131072 tokens.
    edit = ("h100:\n    tensor_parallel: 4", "h100:\n    tensor_parallel: 3")
    profiles = copy_edited(tmp_path, "llama3", edit)

    (hint,) = (found.hint for found in in_cells(profiles) if found.rule_id == "IRA004")

    assert hint == "tensor_parallel: 4, 8 would fit"


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
    profiles = copy_profiles(tmp_path)
    file = profiles / "models/llama3.yaml"
    text = file.read_text().replace("model_id: meta-llama/", "model_id: unsloth/")
    waiver = "    waive:\n      IRA009: A copy that we trust.\n"
    file.write_text(text.replace("    waive:\n", waiver))

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


def of_tiny(matrix: Matrix) -> list[tuple[str, str, str]]:
    found = (f for f in distinct(checked(matrix)) if f.file.endswith("tiny.yaml"))
    return [(f.rule_id, f.field, f.cell) for f in found if f.rule_id not in ("IRA003", "IRA005")]


def test_code_of_a_repository_is_warned_of_once_for_a_model(tmp_path: Path) -> None:
    matrix = tiny(tmp_path, "trust_remote_code: true")

    assert of_tiny(matrix) == [("IRA043", "trust_remote_code", "")]
    assert "--trust-remote-code" in matrix["h100", "tiny"].server_flags


@pytest.mark.parametrize("lines", [(), ("trust_remote_code: false",)])
def test_without_the_field_no_code_of_a_repository_is_run(
    lines: tuple[str, ...], tmp_path: Path
) -> None:
    matrix = tiny(tmp_path, *lines)

    assert of_tiny(matrix) == []
    assert matrix["h100", "tiny"].server_flags == ()


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
    elsewhere = {*by_file, "IRA045", BAD_INPUT}
    tables = (CELL_RULES, of_pods.BREAKS, of_queues.BREAKS, of_servers.BREAKS)

    assert set(rules()) == elsewhere.union(*tables)


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

    with pytest.raises(ValueError, match="of another rule"):
        rule(rule_id, name, Severity.ERROR, Group[None]("none"))(lambda _: iter(()))


def test_the_secret_of_the_download_is_not_taken_for_a_leak(directories: Directories) -> None:
    download = directories["model-download"]

    assert download.kustomization.secrets == (
        Generator("hugging-face-token-secret", ("base/hugging-face-token.env",)),
    )
    assert check_objects.check_directory(download, OUT) == []
