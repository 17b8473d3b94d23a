"""Strings stay strings for kubectl's YAML parser and for PyYAML's, which differ in many cases."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ira_manifests.output.yaml_text import dump
from testing.kubectl import kubectl
from tests.support import examples

AMBIGUOUS = [
    "yes", "No", "on", "OFF", "y", "N", "true", "False", "null", "~", "", "NULL",
    "0", "0.80", "0.95", "012", "0o14", "0x1f", "0b11", "1e3", "1E+3", "1_000", "12:30:45", "+1",
    "-1", ".5", "-.5", "+.5", "-.5e3", "-_1", "+_1",
    "5.", ".inf", "-.Inf", ".nan", "2026-11-23", "2026-11-23T10:00:00Z",
    "=", "<<", "-", "- a", "a: b", "a #b", "#a", "&a", "*a", "!a", "%a", "@a", "`a", "{a}", "[a]",
    "'a'", '"a"', "a\\b", " a", "a ", "a\n", "a\nb", "\ta", "a\tb", "ä", "1Ti", "128G", "500m",
]  # fmt: skip


def test_kubectl_reads_back_every_text_as_that_text(tmp_path: Path) -> None:
    data = {f"k{index}": text for index, text in enumerate(AMBIGUOUS)}
    manifest = tmp_path / "config-map.yaml"
    manifest.write_text(
        dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": data})
    )

    run = kubectl("annotate", "--local", "--filename", manifest, "--output=json", "read=back")

    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)["data"] == data


@pytest.mark.parametrize("loader", ["SafeLoader", "CSafeLoader"])
def test_so_does_pyyaml(loader: str) -> None:
    for text in AMBIGUOUS:
        assert yaml.load(dump([text]), Loader=getattr(yaml, loader)) == [text]  # noqa: S506


@examples(200)
@given(st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]))))
def test_any_text_is_read_back(texts: list[str]) -> None:
    assert yaml.safe_load(dump(texts)) == texts


@examples(500)
@given(st.from_regex(r"[A-Za-z][A-Za-z0-9._/-]*", fullmatch=True))
def test_any_name_or_path_is_read_back_as_text(text: str) -> None:
    assert yaml.safe_load(dump([text, {text: text}])) == [text, {text: text}]
