"""`explain`: where a cell's memory goes, and where each of its values comes from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ira_manifests import load_matrix
from ira_manifests.provenance import leaves, source_of, values
from tests.support import PROFILES, ROOT, copy_profiles, ira, kustomize, objects_in


def test_a_cell_is_explained_in_80_columns() -> None:
    run = ira("explain", "h100", "llama4-scout")

    assert run.returncode == 0
    lines = [x for x in run.stdout.splitlines() if "metadata-cache" not in x]
    assert max(map(len, lines)) <= 80
    assert "27.82 GiB  weights" in run.stdout


@pytest.mark.parametrize(
    ("field", "value", "source"),
    [
        ("memory", "128G", r"profiles/models/gemma3-27b\.yaml:\d+"),
        ("workload_name", "vllm-h100", r"profiles/platform\.yaml:\d+"),
        ("compute_class", "gpu-h100-80gb-high-x1", r"profiles/gpus/h100\.yaml:\d+: smallest"),
        (
            "spec.template.spec.containers[0].image",
            "vllm/vllm-openai:v0.26.0",
            r"profiles/platform",
        ),
    ],
)
def test_one_value_names_its_line(field: str, value: str, source: str) -> None:
    run = ira("explain", "h100", "gemma3-27b", field)

    assert run.returncode == 0
    assert f": {value}\n" in run.stdout
    assert re.search(rf"from {source}", run.stdout)


def test_the_named_line_holds_the_value() -> None:
    run = ira("explain", "h200", "llama4-scout", "max_model_len")
    place = re.search(r"from (\S+):(\d+)", run.stdout)

    assert place
    line = (ROOT / place[1]).read_text().splitlines()[int(place[2]) - 1]
    assert line.strip() == "max_model_len: 3600000"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["h1000", "llama3"], "did you mean 'h100 × llama3'?"),
        (["h100", "lama3"], "did you mean 'h100 × llama3'?"),
        (["h100", "llama3", "memry"], "did you mean 'memory'?"),
    ],
)
def test_what_is_unknown_is_guessed(arguments: list[str], message: str) -> None:
    run = ira("explain", *arguments)

    assert run.returncode == 2
    assert message in run.stderr


@pytest.mark.parametrize("key", list(load_matrix(PROFILES)), ids="-".join)
def test_every_explained_value_is_what_kubectl_renders(
    key: tuple[str, str], filled_dist: Path
) -> None:
    matrix = load_matrix(PROFILES)
    fields = [
        dict(leaf for item in objects_in(kustomize(filled_dist / name)) for leaf in leaves(item))
        for name in matrix[key].directories
    ]
    grouped = {"tolerations", "queued_nodes"}  # begin several fields

    for item in values(matrix, matrix[key]):
        rendered = {each[item.manifest] for each in fields if item.manifest in each}
        if item.name == "progress_deadline_seconds":
            assert item.value in rendered
        elif item.name not in grouped:
            assert rendered == {item.value}, item.name


@pytest.mark.parametrize("key", list(load_matrix(PROFILES)), ids="-".join)
def test_every_field_of_every_object_has_a_source(key: tuple[str, str], filled_dist: Path) -> None:
    matrix = load_matrix(PROFILES)
    known = values(matrix, matrix[key])

    for name in matrix[key].directories:
        for item in objects_in(kustomize(filled_dist / name)):
            if item["kind"] != "ConfigMap":  # values() has its keys, all but the user's bucket
                assert [
                    path for path, _ in leaves(item) if source_of(known, path) == "unknown"
                ] == []


@pytest.mark.parametrize(
    ("field", "value", "source"),
    [
        ("spec.replicas", "1", "the construct: one Pod a workload"),
        ("spec.strategy", "type=Recreate", "the construct: the old Pod must leave its GPUs"),
        ("Service spec.ports[0].port", "8000", "the construct: vLLM's port"),
        ("spec.template.spec.tolerations[1].value", "true", "profiles/platform.yaml:"),
        (
            "ProvisioningRequest spec.podSets[0].count", "1",
            "the construct: the Deployment's replicas",
        ),
    ],
)  # fmt: skip
def test_a_field_that_no_profile_decides_has_the_constructs_reason(
    field: str, value: str, source: str
) -> None:
    run = ira("explain", "h100", "gemma3-27b", field)

    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[0] == f"{field}: {value}"
    assert f"  from {source}" in run.stdout


def test_a_model_without_geometry_is_explained_as_far_as_it_goes(tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    file = profiles / "models/llama3.yaml"
    text = re.sub(r"weights:.*?(?=cells:)", "", file.read_text(), flags=re.DOTALL)
    file.write_text(text)

    run = ira("explain", "h100", "llama3", cwd=tmp_path)

    assert run.returncode == 0
    assert "memory: not judged" in run.stdout
    assert "unknown" in ira("list", cwd=tmp_path).stdout


def test_a_split_that_cannot_be_is_explained(tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    file = profiles / "models/llama3.yaml"
    file.write_text(file.read_text().replace("tensor_parallel: 4", "tensor_parallel: 3", 1))

    assert "does not divide 64 heads" in ira("explain", "h100", "llama3", cwd=tmp_path).stdout
    assert "no fit" in ira("list", cwd=tmp_path).stdout


@pytest.mark.parametrize("context", ["128k", "1m"])
def test_a_context_with_a_letter_is_refused(context: str, tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    file = profiles / "models/llama3.yaml"
    file.write_text(file.read_text().replace("max_model_len: 131072", f"max_model_len: {context}"))

    run = ira("list", cwd=tmp_path)

    assert run.returncode == 2
    assert "must be a whole number of tokens such as 131072" in run.stderr
