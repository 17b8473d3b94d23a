"""The JSON Schema of environments: as strict as can be, and no stricter than the loader."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ira_manifests.profile_files import modeline
from ira_manifests.profiles import environments, yaml_source
from ira_manifests.profiles.loader import read_profiles
from ira_manifests.profiles.pod_fields import plain
from testing import pages
from testing.edits import edit_profile
from testing.project import ROOT, copy_edited, copy_profiles
from tests.test_accelerated_platforms import EXAMPLE
from tests.test_environments import FILES
from tests.test_profile_schemas import errors, schema_of
from tests.test_sources import EDITS

NAMED = "# profiles/environments/"


def nested(path: tuple[str, ...], value: Any) -> dict[str, Any]:
    first, *rest = path
    return {first: nested(tuple(rest), value) if rest else value}


def parts(value: Any, *above: str) -> Iterator[dict[str, Any]]:
    """Yield overlays that say again, or remove, one field or entry of a profile."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        path = (*above, key)
        yield nested(path, inner)
        yield nested(path, None)
        yield from parts(inner, *path)


def data(file: Path) -> Any:
    document, _ = yaml_source.read(str(file), file.read_bytes())
    return plain(document.data)


def loads(profiles: Path, texts: dict[str, str]) -> set[str]:
    """Return the names of the environments that the loader takes."""
    folder = profiles / "environments"
    folder.mkdir()
    for name, text in texts.items():
        (folder / f"{name}.yaml").write_text(text)
    base, problems = read_profiles(profiles)
    assert not problems
    found, _ = environments.read(profiles, base)
    return {str(each.environment) for each in found}


def test_it_takes_every_change_that_the_loader_takes(tmp_path: Path) -> None:
    profiles = copy_profiles(tmp_path)
    for subject, edits in EDITS.items():
        edit_profile(profiles, subject, edits)
    overlays = [
        *parts(data(profiles / "platform.yaml")),
        *parts(data(profiles / "gpus/h100.yaml"), "gpus", "h100"),
        *parts(data(profiles / "models/llama3.yaml"), "models", "llama3"),
    ]
    texts = {f"e{number}": json.dumps(each) for number, each in enumerate(overlays)}

    valid = loads(profiles, texts)

    refused = {name: errors("environment", text) for name, text in texts.items()}
    assert {texts[name]: refused[name] for name in valid if refused[name]} == {}
    assert len(valid) > 100
    # Most of the others remove what is required, or are of what a model or a GPU is.
    seen = [name for name in texts.keys() - valid if refused[name]]
    assert len(seen) / len(texts.keys() - valid) > 0.9


LOADED = {
    **FILES,
    "variants": "models: {llama3: {cells: {h100: null, h200: {max_model_len: 8192}}}}\n",
    "a-variant": "models: {llama3: {cells: {h100: {short: {cpu: 4}, long: null}}}}\n",
    "nothing": "gpus: {h100: {}}\nmodels: {llama3: {cells: {h100: {}}}}\ninference: {}\n",
    "removed": "inference: {env: {A: null}, autoscaling: null, strategy: null}\nbucket: null\n",
    "part": "inference: {autoscaling: {target: 3}, monitoring: {kind: null}, args: []}\n",
}


@pytest.mark.parametrize("name", LOADED)
def test_it_takes_a_part_of_any_mapping(name: str) -> None:
    assert errors("environment", LOADED[name]) == []


REFUSED = {
    "environments_only: true\n": "environments_only",
    "gpus: {h100: {memory_gib: 80}}\n": "memory_gib",
    "models: {llama3: {geometry: null}}\n": "geometry",
    "models: {llama3: {model_id: a/b}}\n": "model_id",
    "models: {llama3: {cells: {h100: {model_id: a/b}}}}\n": "model_id",
    "models: {llama3: {cells: {h100: {max_model_lenn: 8192}}}}\n": "max_model_lenn",
    "models: {llama3: {cells: {h100: {short: {weights: null}}}}}\n": "weights",
    "inference: {replica: 2}\n": "replica",
    "inference: null\n": "None is not of type",
    "model_download: {image: null}\n": "None is not of type",
    "gpus: {h100: null}\n": "None is not of type",
    "cells: []\n": "non-empty",
    "namespace: Prod\n": "does not match",
    "inference: {tolerations: [{key: a}]}\n": "'effect' is a required property",
}


@pytest.mark.parametrize("text", REFUSED)
def test_it_refuses_what_no_environment_can_change(text: str) -> None:
    found = errors("environment", text)

    assert found
    assert REFUSED[text] in " ".join(found)


def test_no_default_is_shown_where_the_profile_decides() -> None:
    changed = schema_of("environment")["$defs"]["ChangedCellProfile"]["properties"]

    assert changed["nodes"]["description"]
    assert [name for name, field in changed.items() if "default" in field] == []


ON_PAGES = {
    f"{Path(page).name}-{number}": block.text
    for page in pages.PAGES
    for number, block in enumerate(pages.blocks(page, "yaml"))
    if block.text.startswith(NAMED)
}


def test_environments_on_pages_are_valid(tmp_path: Path) -> None:
    """Some are a part of one whose bucket is named elsewhere."""
    profiles = copy_edited(tmp_path, "platform.yaml", ("# namespace: default", "bucket: acme"))
    names = {re.sub(r"[^a-z0-9-]", "-", name.lower()): text for name, text in ON_PAGES.items()}

    assert {"README.md", "gitops.md"} <= {name.rpartition("-")[0] for name in ON_PAGES}
    assert loads(profiles, names) == names.keys()
    for name, text in ON_PAGES.items():
        assert errors("environment", text) == [], name


def test_the_first_environment_of_the_page_names_its_schema() -> None:
    text = next(text for name, text in ON_PAGES.items() if name.startswith("gitops"))

    assert text.splitlines()[1] == modeline("environment")


def test_the_example_has_the_schemas_of_the_profiles() -> None:
    assert (EXAMPLE / "profiles/schemas").resolve() == ROOT / "profiles/schemas"
