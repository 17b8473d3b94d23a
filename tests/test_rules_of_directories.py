"""Rules over rendered directories: their values, their kustomization, and all of them together."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ira_manifests import load_matrix
from ira_manifests.output.kustomize import Generator, Replacement
from ira_manifests.rendering import render
from ira_manifests.rules import check_cells, check_objects
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.view.namespace import Seen
from ira_manifests.rules.view.rendered import View
from ira_manifests.rules.view.selector_index import SelectorIndex
from testing.edits import edit_file
from testing.project import PROFILES, copy_edited, copy_profiles
from tests.breaking import (
    DEPLOYMENT,
    ONE,
    OUT,
    QUEUED,
    Change,
    Directories,
    changed,
    findings_of,
    found_in,
    newly_found,
    pod,
    server,
    template,
    with_each_field,
)
from tests.support import ira


def test_every_rule_of_objects_is_silent_where_all_is_right(
    directories: Directories,
) -> None:
    for directory in directories.values():
        assert check_objects.check_directory(directory, OUT) == []


def test_a_finding_names_the_line_of_the_generated_file(
    directories: Directories,
) -> None:
    broken = changed(directories, lambda o: server(o).update(image="vllm/vllm-openai"))

    (finding,) = findings_of(directories[ONE], broken)

    text = broken.files["deployment.yaml"].decode()
    assert text.splitlines()[finding.line - 1].strip() == "image: vllm/vllm-openai"


@pytest.mark.parametrize("wrong", [7, "other", [1], {"a": [1]}], ids=str)
def test_no_field_of_another_type_stops_the_rules(wrong: Any, directories: Directories) -> None:
    """Rules need not report what the API server refuses, but must not fail on it."""
    for other in with_each_field(directories[QUEUED], wrong):
        check_objects.check_directory(other, OUT)
        SelectorIndex.from_json(View(other, OUT).selector_index.to_json())


@pytest.mark.parametrize("value", ["131072 # long", "131072 "])
def test_a_comment_inside_a_value_is_found(value: str, directories: Directories) -> None:
    right = directories[ONE]
    values = {**right.runtime_values, "MAX_MODEL_LEN": value}

    findings = findings_of(right, replace(right, runtime_values=values))

    (finding,) = [f for f in findings if f.rule_id == "IRA025"]
    assert finding.field == "MAX_MODEL_LEN"


def test_the_token_where_nothing_reads_it_is_found(directories: Directories) -> None:
    right = directories[ONE]
    token = Generator("hugging-face-token-secret", ("hugging-face-token.env",))
    generating = replace(right.kustomization, secrets=(token,))

    findings = findings_of(right, replace(right, kustomization=generating))

    assert [f.rule_id for f in findings] == ["IRA026"]


def test_a_target_that_is_no_field_is_found(directories: Directories) -> None:
    right = directories[ONE]
    wrong = Replacement("ira-model-configmap", "IRA_BUCKET_NAME", (("Deployment", "spec.bucket"),))
    kustomization = replace(right.kustomization, replacements=(wrong,))

    findings = findings_of(right, replace(right, kustomization=kustomization))

    assert "IRA024" in {f.rule_id for f in findings}


# --- all directories together ---------------------------------------------------------------------


def together(directories: Directories, **changes: Change) -> list[Finding]:
    """Return the findings of all directories after changes of the two directories of a cell."""
    names = {"one": ONE, "queued": QUEUED}
    broken = {
        names[key]: changed(directories, change, names[key]) for key, change in changes.items()
    }
    assert found_in(directories) == []
    return found_in({**directories, **broken})


def test_all_directories_together_are_right(directories: Directories) -> None:
    assert found_in(directories) == []


def test_a_selector_that_takes_another_directorys_pods_is_found(directories: Directories) -> None:
    def widen(objects: dict[str, object]) -> None:
        wide = {"app.kubernetes.io/name": "vllm"}
        objects[DEPLOYMENT]["spec"]["selector"]["matchLabels"] = wide  # type: ignore[index]

    found = [item for item in together(directories, one=widen) if "namespace" in item.message]

    (finding,) = found
    assert finding.rule_id == "IRA016"
    assert "vllm-h200" in finding.message
    assert "vllm-l4" in finding.message
    assert finding.file == f"dist/{ONE}/deployment.yaml"


def test_a_directory_that_is_known_by_its_record_still_has_neighbours(
    directories: Directories,
) -> None:
    def take_the_labels(objects: dict[str, object]) -> None:
        pod(objects)["metadata"]["labels"] = pod(dict(directories[ONE].objects))["metadata"][
            "labels"
        ]

    index = View(directories[ONE], OUT).selector_index.to_json()
    known = Seen(ONE, "h100/llama3", directories[ONE].files, index)
    other = changed(directories, take_the_labels, "online-inference-gpu-h200-llama3")
    judging = check_objects.Judge(load_matrix(PROFILES), OUT)

    found = check_objects.check_seen([known, judging.check(other)], OUT)

    across = [item for item in found if "of the namespace" in item.message]
    assert {Path(item.file).parent.name for item in across} == {ONE}
    assert {item.rule_id for item in across} == {"IRA016"}


def test_what_is_already_reported_for_the_cell_is_not_reported_again(
    directories: Directories, tmp_path: Path
) -> None:
    profiles = copy_profiles(tmp_path)
    edit_file(profiles / "platform.yaml", {"version: 0.26.0": "version: 99.0.0"})
    matrix = load_matrix(profiles)
    unknown_release = {item.name: item for item in render(matrix)}[ONE]

    assert not check_objects.Judge(matrix, OUT).check(unknown_release).findings
    assert check_objects.Judge(load_matrix(PROFILES), OUT).check(unknown_release).findings


def other_account(objects: dict[str, object]) -> None:
    other = "ira-online-gpu-ksa-gemma3-27b"
    pod(objects)["spec"]["serviceAccountName"] = other
    objects["service-account.yaml"]["metadata"]["name"] = other  # type: ignore[index]


def test_the_account_of_another_model_is_found(directories: Directories) -> None:
    (finding,) = together(directories, one=other_account)

    assert finding.rule_id == "IRA023"
    assert finding.field == "metadata.name"
    assert "ira-online-gpu-ksa-llama3" in finding.message


def test_a_runtime_value_of_another_cell_is_found(directories: Directories) -> None:
    right = directories[ONE]
    values = {**right.runtime_values, "MAX_MODEL_LEN": "1000000"}
    all_of_them = {**directories, ONE: replace(right, runtime_values=values)}

    assert found_in(directories) == []
    found = found_in(all_of_them)

    assert [(item.rule_id, item.field) for item in found] == [("IRA023", "MAX_MODEL_LEN")]


def test_twins_of_a_cell_tell_a_finding_once(directories: Directories) -> None:
    def unpin(objects: dict[str, object]) -> None:
        server(objects)["image"] = "vllm/vllm-openai"

    (finding,) = together(directories, one=unpin, queued=unpin)

    assert finding.rule_id == "IRA015"
    assert finding.file == f"dist/{ONE}/deployment.yaml"


def test_a_pod_and_its_template_tell_a_finding_once_at_the_deployment(
    directories: Directories,
) -> None:
    def unpin(objects: dict[str, Any]) -> None:
        for each in (pod(objects), template(objects)):
            each["spec"]["containers"][0]["image"] = "vllm/vllm-openai"

    (finding,) = together(directories, queued=unpin)

    assert finding.file == f"dist/{QUEUED}/deployment.yaml"


# --- errors in profiles ---------------------------------------------------------------------------


def test_a_profiles_bad_flag_is_reported_once_at_its_line(tmp_path: Path) -> None:
    flags = "  h100:\n    args:\n    - --max-num-seqs=256\n    - --disable-log-requests\n"
    profiles = copy_edited(tmp_path, "llama3", ("  h100:\n", flags))
    file = profiles / "models/llama3.yaml"
    line = file.read_text().splitlines().index("    - --disable-log-requests") + 1

    checked = ira("check", "--profiles", profiles, "--out", tmp_path / "dist", "--format", "github")

    told = [each for each in checked.stdout.splitlines() if "disable-log-requests" in each]
    assert len(told) == 1, checked.stdout
    assert f"line={line}," in told[0]
    assert str(file) in told[0]


def test_a_release_without_known_options_is_reported_once(tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    edit_file(profiles / "platform.yaml", {"version: 0.26.0": "version: 99.0.0"})
    matrix = load_matrix(profiles)

    right = load_matrix(PROFILES)
    before = check_cells.check_cells(right, right.values())
    found = newly_found("IRA032", before, check_cells.check_cells(matrix, matrix.values()))

    (finding,) = found
    assert finding.field == "engine.version"
    assert not finding.refuses


@pytest.mark.parametrize("name", ["vllm", "vllm-{model}"])
def test_one_name_for_two_gpu_types_is_refused_before_anything_is_written(
    name: str, tmp_path: Path
) -> None:
    made = ira("synth", "--out", tmp_path / "dist", "--workload-name", name)

    assert made.returncode == 1
    assert "h200/llama3 would be the same workload vllm" in made.stderr
    assert not (tmp_path / "dist").exists()


@pytest.mark.parametrize(
    ("name", "only"), [("vllm-{gpu}", "*"), ("vllm-{gpu}-{model}", "*"), ("vllm", "h100/*")]
)
def test_models_of_one_gpu_type_may_share_a_name(name: str, only: str) -> None:
    matrix = load_matrix(PROFILES, workload_name=name)
    cells = [cell for cell in matrix.values() if only == "*" or cell.gpu_name == "h100"]

    assert not [item for item in check_cells.check_cells(matrix, cells) if item.rule_id == "IRA017"]
