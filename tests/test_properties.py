"""Any valid small matrix renders; any damaged profile gives errors, never a traceback."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ira_manifests import InputError, ProfileError, load_matrix
from ira_manifests.output.yaml_text import dump
from ira_manifests.profiles import yaml_source
from ira_manifests.rendering import render
from testing.kubectl import kustomize
from testing.objects import objects_in
from testing.project import PROFILES, fill_in
from tests.schemas import VERSIONS, validate
from tests.support import examples

# Without '-', so that no two cells share a directory; tests/bad_profiles has those that do.
name = st.from_regex(r"[a-z][a-z0-9]{0,7}", fullmatch=True)
# The Hub's ids have no two dots in a row and don't end like a Git address.
hub_part = st.from_regex(r"([A-Za-z0-9]{1,4}[._])?[A-Za-z0-9]{1,4}", fullmatch=True)
hub_id = st.builds("{}/{}".format, hub_part, hub_part).filter(lambda x: not x.endswith(".git"))
gpu = st.fixed_dictionaries(
    {
        "memory_gib": st.sampled_from([22.03, 79.19, 141]),
        "queued": st.booleans(),
        "machines": st.lists(
            st.fixed_dictionaries(
                {
                    "compute_class": name, "machine_type": name, "accelerator": name,
                    "gpus": st.just(8), "vcpus": st.integers(1, 256),
                    "memory_gb": st.integers(1, 4096),
                }
            ),
            min_size=1, max_size=2, unique_by=lambda machine: machine["compute_class"],
        ),
    }
)  # fmt: skip
cell = st.fixed_dictionaries(
    {
        "tensor_parallel": st.sampled_from([1, 2, 4, 8]),
        "cpu": st.sampled_from([1, 12, "500m", "1.5"]),
        "memory": st.sampled_from(["160G", "8Gi", "1.5Ti"]),
        "gpu_memory_utilization": st.sampled_from([0.8, 0.95, 1, 0.001]),
        "max_model_len": st.integers(1, 10**7),
    }
)


@st.composite
def folders(draw: st.DrawFn) -> dict[str, Any]:
    gpus = draw(st.dictionaries(name, gpu, min_size=1, max_size=2))
    models = draw(
        st.dictionaries(
            name,
            st.fixed_dictionaries(
                {
                    "model_id": hub_id,
                    "cells": st.dictionaries(st.sampled_from(sorted(gpus)), cell, min_size=1),
                }
            ),
            min_size=1,
            max_size=2,
        )
    )
    return {"gpus": gpus, "models": models}


@contextmanager
def written(profiles: dict[str, Any]) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        shutil.copy(PROFILES / "platform.yaml", folder)
        for kind, items in profiles.items():
            (folder / kind).mkdir()
            for each, profile in items.items():
                (folder / kind / f"{each}.yaml").write_text(yaml.safe_dump(profile))
        yield folder


@settings(examples(25), suppress_health_check=list(HealthCheck))
@given(folders())
def test_any_valid_matrix_renders_to_valid_objects(profiles: dict[str, Any]) -> None:
    with written(profiles) as folder, tempfile.TemporaryDirectory() as temporary:
        matrix = load_matrix(folder)
        out = Path(temporary)
        for directory in render(matrix):
            (out / directory.name).mkdir(parents=True, exist_ok=True)
            for name, content in directory.files.items():
                (out / directory.name / name).write_bytes(content)
        (out / "base").symlink_to("model-download/base")
        fill_in(out)
        some = next(iter(matrix.values()))
        for rendered in some.directories:
            for item in objects_in(kustomize(out / rendered)):
                validate(item, VERSIONS[0])


@examples(300)
@given(st.data())
def test_a_damaged_profile_gives_errors_not_tracebacks(data: st.DataObject) -> None:
    source = data.draw(st.sampled_from(sorted(PROFILES.rglob("*.yaml"))))
    content = bytearray(source.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(content)))
        end = min(len(content), start + data.draw(st.integers(0, 12)))
        content[start:end] = data.draw(
            st.one_of(
                st.binary(max_size=8),
                st.sampled_from([b"*a", b"&a ", b"!!x ", b"{", b"[", b"- ", b": ", b"\t", b'"',
                                 b"null", b"1e999", b"../", b"`id`", b"0x1f", b".inf", b"? "]),
            )
        )  # fmt: skip
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(shutil.copytree(PROFILES, Path(temporary) / "profiles"))
        target = folder / source.relative_to(PROFILES)
        target.write_bytes(bytes(content))
        try:
            load_matrix(folder)
        except ProfileError as error:
            assert error.problems
            for problem in error.problems:
                assert problem.line >= 1
                assert problem.column >= 1
                assert "\n" not in problem.message
        except InputError:
            raise AssertionError("a broken profile is a ProfileError, with its place") from None


@examples(300)
@given(st.binary(max_size=400))
@example(b"\xef\xbb\xbfa: 1")
@example(b"%YAML 9.9\n---\na: 1")
@example(b"a: !<tag:x,2000:y> 1")
@example(b"<<: {a: 1}")
@example(b"? [a, b]\n: c")
def test_any_bytes_are_a_document_or_problems(content: bytes) -> None:
    document, problems = yaml_source.read("some.yaml", content)

    assert problems or document.data is None or document.values[()] is not None


json_value = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(min_size=1, max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@examples(300)
@given(json_value)
@example({"a": "1e3", "b": "0o14", "c": "y", "d": "1:30", "e": "2001-01-01", "f": "0x1f", "g": "~"})
@example({"script": "a\nb\n", "indented": "  a\nb", "trailing": "a \nb", "no": "a\nb"})
def test_what_is_dumped_is_read_back_the_same(value: Any) -> None:
    assert yaml.safe_load(dump(value)) == value
