"""The JSON Schemas of profiles: fresh, of their draft, and no stricter than the loader."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ira_manifests.profile_files import KINDS, modeline, schema_file
from ira_manifests.profiles import yaml_source
from ira_manifests.profiles.forms import Form
from ira_manifests.profiles.packaged import schema_folder
from ira_manifests.profiles.pod_fields import plain
from testing.edits import edit_profile
from testing.project import PROFILES, copy_profiles
from tests.bad_profiles.case import A100, MEASURED, TINY
from tests.editor.profiles import kind_of
from tests.support import examples, ira
from tests.test_accelerated_platforms import EXAMPLE
from tests.test_properties import folders
from tests.test_sources import EDITS
from tools import field_docs, profile_schemas


def schema_of(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((schema_folder() / schema_file(kind)).read_text())
    return found


@cache
def validator(kind: str) -> Draft202012Validator:
    return Draft202012Validator(schema_of(kind))


def errors(kind: str, text: str) -> list[str]:
    """Return what a schema says of a profile."""
    document, problems = yaml_source.read("profile", text.encode())
    assert not problems
    return [error.message for error in validator(kind).iter_errors(plain(document.data))]


def files_in(profiles: Path) -> list[Path]:
    return sorted(profiles.rglob("*.yaml"))


def test_each_kind_has_a_schema_of_the_draft_that_it_names() -> None:
    assert KINDS.keys() == profile_schemas.SCHEMAS.keys()
    for kind in KINDS:
        schema = schema_of(kind)
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        Draft202012Validator.check_schema(schema)


def test_the_committed_schemas_are_those_of_the_models() -> None:
    assert profile_schemas.main(["--check"]) == 0


def test_every_field_has_a_title_and_a_description() -> None:
    for kind in KINDS:
        schema = schema_of(kind)
        own = {key: each for key, each in schema["$defs"].items() if "Kubernetes" not in key}
        for model in (schema, *own.values()):
            assert model["title"]
            assert model["description"]
            for name, field in model["properties"].items():
                assert field["title"] == name
                assert len(field["description"].split()) > 1, name
                assert not re.search(r"`|\]\(", field["description"]), name


def test_units_defaults_choices_and_forms_are_in_the_schema() -> None:
    gpu, model = (schema_of(kind) for kind in ("gpu", "model"))
    cell = model["$defs"]["CellProfile"]["properties"]

    assert "GiB" in gpu["properties"]["memory_gib"]["description"]
    assert gpu["properties"]["multiprocessors"]["default"] == 132
    assert cell["kv_cache_dtype"]["enum"] == ["auto", "fp8", "fp8_e4m3", "fp8_e5m2"]
    assert cell["gpu_memory_utilization"]["maximum"] == 1
    assert cell["nodes"]["default"] == 1
    assert re.search(cell["memory"]["pattern"], "128Gi")
    assert not re.search(cell["memory"]["pattern"], "128")
    assert "a reason" in json.dumps(cell["waive"]).lower()
    assert model["required"] == ["model_id", "cells"]


@pytest.mark.parametrize(
    ("folder", "file"),
    [(folder, file) for folder in (PROFILES, EXAMPLE / "profiles") for file in files_in(folder)],
    ids=lambda path: path.stem,
)
def test_a_shipped_profile_is_valid_and_names_its_schema(folder: Path, file: Path) -> None:
    kind = kind_of(file.relative_to(folder).as_posix())
    assert kind is not None

    first = file.read_text().splitlines()[0]

    assert first == modeline(kind)
    reference = first.partition("$schema=")[2]
    assert (file.parent / reference).resolve() == schema_folder() / schema_file(kind)
    assert errors(kind, file.read_text()) == []


@pytest.mark.parametrize(
    ("kind", "text"), [("model", TINY), ("model", MEASURED), ("gpu", A100)], ids=str
)
def test_a_profile_with_the_required_fields_is_valid(kind: str, text: str) -> None:
    assert errors(kind, text) == []


def test_profiles_with_every_option_are_valid(tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    for subject, edits in EDITS.items():
        edit_profile(profiles, subject, edits)

    for file in files_in(profiles):
        kind = kind_of(file.relative_to(profiles).as_posix())
        assert kind is not None
        assert errors(kind, file.read_text()) == [], file.name


@examples(100)
@given(folders())
def test_any_valid_profile_is_valid(profiles: dict[str, Any]) -> None:
    for each in profiles["gpus"].values():
        assert validator("gpu").is_valid(each)
    for each in profiles["models"].values():
        assert validator("model").is_valid(each)


FORMS = {
    alias.name: form
    for alias in field_docs.aliases()
    for each in get_args(alias.annotation)[1:]
    if isinstance(form := getattr(getattr(each, "func", None), "__self__", None), Form)
    and form.pattern
}
PARTS = [
    *"aZ09-._/:@%*=$ ", "{gpu}", "{model}", "{", "..", "--", ".git", "latest", "nightly", "v1.2",
    "sha256:" + "0a" * 32, "a" * 60, "b" * 40, "1.5", "Gi", "G", "m", "rc1", "only-dir", "HOME",
    "MODEL_ID", "app.kubernetes.io/name", "10.0.0.0/8", "fe80::/64", "a reason of", "\n",
]  # fmt: skip


def test_the_forms_are_those_of_the_fields() -> None:
    assert {"Label", "HubId", "PinnedImage", "WorkloadTemplate", "EnvName", "Cidr"} <= FORMS.keys()


@examples(3000)
@given(st.lists(st.sampled_from(PARTS), max_size=6).map("".join))
@example("google/gemma-3-27b-it")
@example("vllm/vllm-openai:v0.26.0-cu129")
@example("vllm-{gpu}-{model}")
@example("*.{model}.example.com")
@example("localhost:5000/a/b_c@sha256:" + "0" * 64)
@example("0.9.0.1")
@example("v0.26.0.post1+cu129")
@example("10.0.0.0/255.0.0.0")
@example("--compilation-config.mode=3")
@example("one two three")
def test_a_form_takes_every_text_that_its_check_takes(text: str) -> None:
    for name, form in FORMS.items():
        if takes(form, text):
            assert re.search(f"^(?:{form.pattern})$", text), (name, text)


def takes(form: Form, text: str) -> bool:
    try:
        return form.check(text) is None
    except ValueError:  # pydantic's own error, with another message
        return False


@pytest.mark.parametrize("kind", [*KINDS])
def test_the_command_prints_the_schema_of_a_kind(kind: str, tmp_path: Path) -> None:
    run = ira("schema", kind, cwd=tmp_path)

    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == (schema_folder() / schema_file(kind)).read_text()


def test_the_command_prints_all_of_them() -> None:
    found = json.loads(ira("schema").stdout)

    assert found == {kind: schema_of(kind) for kind in KINDS}


def test_another_kind_is_bad_input() -> None:
    run = ira("schema", "modle")

    assert (run.returncode, run.stdout) == (2, "")
    assert "invalid choice: 'modle' (choose from " in run.stderr
    assert "did you mean 'model'?" in run.stderr


def test_the_command_writes_them_and_replaces_its_own_only(tmp_path: Path) -> None:
    out = tmp_path / "profiles/schemas"
    first = ira("schema", "--out", out)
    stale = out / schema_file("gpu")
    stale.write_text(stale.read_text().replace("GiB", "GB"))

    second = ira("schema", "--out", out)
    third = ira("schema", "--out", out)

    assert first.stdout.count("Wrote ") == len(KINDS)
    assert second.stdout == f"Wrote {stale}.\n"
    assert (third.returncode, third.stdout) == (0, "")
    for kind in KINDS:
        assert (out / schema_file(kind)).read_bytes() == (
            schema_folder() / schema_file(kind)
        ).read_bytes()


def test_a_file_of_the_user_is_left_and_nothing_is_written(tmp_path: Path) -> None:
    mine = tmp_path / schema_file("known-models")
    mine.write_text("{}")

    run = ira("schema", "--out", tmp_path)

    assert run.returncode == 2
    assert f"{mine} is no schema of ira_manifests; move it" in run.stderr
    assert [each.name for each in tmp_path.iterdir()] == [mine.name]
    assert mine.read_text() == "{}"


def test_a_folder_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "schemas").write_text("")

    run = ira("schema", "--out", tmp_path / "schemas")

    assert run.returncode == 2
    assert run.stderr.count("\n") == 1
    assert f"{tmp_path / 'schemas'}" in run.stderr


def test_profiles_with_schemas_are_read_as_without(tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    before = ira("list", cwd=tmp_path).stdout
    for name in ("platform.yaml", "known-models.yaml"):
        (profiles / name).unlink()

    run = ira("list", cwd=tmp_path)

    assert (run.returncode, run.stdout) == (0, before)
    assert "has no platform.yaml, known-models.yaml" in run.stderr
