"""Namespaces that somebody committed: told only where all others leave theirs open."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.trees import found, told, write

_BASE = "kind: Kustomization\nresources: [map.yaml]\n"
_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: any, namespace: replaced-by-kustomize}\n"
_WRITTEN = "kind: Kustomization\nresources: [../base]\nnamespace: NAME\n"
_OPEN = """\
kind: Kustomization
resources: [../base]
configMapGenerator:
  - name: deployment
    envs: [deployment.env]
replacements:
  - source: {kind: ConfigMap, name: deployment, fieldPath: data.APP_NAMESPACE}
    targets:
      - select: {kind: ConfigMap, name: any}
        fieldPaths: [metadata.namespace]
"""
_NAMESPACE = "apiVersion: v1\nkind: Namespace\nmetadata: {name: team-x}\n"


def _tree(name: str, others: int = 2) -> dict[str, str]:
    files = {"base/kustomization.yaml": _BASE, "base/map.yaml": _MAP}
    files["l4/kustomization.yaml"] = _WRITTEN.replace("NAME", name)
    for number in range(others):
        files[f"h100-{number}/kustomization.yaml"] = _OPEN
        files[f"h100-{number}/deployment.tpl.env"] = "APP_NAMESPACE=${namespace}\n"
    return files


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        (_tree("kr-single-train"), ["l4/kustomization.yaml:3 IRA094"]),
        (_tree("<NAMESPACE>"), []),
        (_tree("kr-single-train", others=1), []),
        (_tree("prod"), []),
        (_tree("team-x") | {"team/namespace.yaml": _NAMESPACE}, []),
        (_tree("one") | {"l5/kustomization.yaml": _WRITTEN.replace("NAME", "two")}, []),
    ],
)
def test_of_the_overlays_of_a_base_one_has_a_namespace_of_its_own(
    tmp_path: Path, files: dict[str, str], expected: list[str]
) -> None:
    assert [each for each in told(write(tmp_path, files)) if "IRA039" not in each] == expected


_ENV = "kind: Kustomization\nconfigMapGenerator:\n  - {name: benchmark, envs: [benchmark.env]}\n"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (("bench-01-tpu", "${ns}", "bench_ns"), ["a/benchmark.tpl.env:2 IRA094"]),
        (("bench-01-tpu", "bench-01-tpu", "${ns}"), []),
        (("${ns}", "${ns}", "${ns}"), []),
        (("one", "two", "three"), []),
    ],
)
def test_of_env_files_and_templates_one_has_a_namespace(
    tmp_path: Path, values: tuple[str, ...], expected: list[str]
) -> None:
    files = {}
    for folder, value in zip("abc", values, strict=True):
        files[f"{folder}/kustomization.yaml"] = _ENV
        files[f"{folder}/benchmark.tpl.env"] = f"BUCKET=x\nBENCHMARK_NAMESPACE={value}\n"

    assert told(write(tmp_path, files)) == expected


def test_the_message_names_who_leaves_it_open(tmp_path: Path) -> None:
    findings = found(write(tmp_path, _tree("kr-single-train")))

    (message,) = (each["message"] for each in findings if each["rule"] == "IRA094")
    who = "2 other overlays of its base leave it to be filled in"
    assert message == f"the namespace kr-single-train is written out, and {who}"
