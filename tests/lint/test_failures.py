"""Builds that fail: what is told, and at which line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lint.trees import DEPLOYMENT, NODE, edited, found, write

BASE, SERVICE, BASES = "base/deployment.yaml", "base/service.yaml", "base/kustomization.yaml"
L4 = "overlays/l4-gemma"
OVERLAY = f"{L4}/kustomization.yaml"
KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"

Edit = tuple[str, str, str]

# The edits of a tree, the place of the one finding, and how its message begins.
CASES: dict[str, tuple[list[Edit], str, str]] = {
    "broken YAML in the base": (
        [(BASE, "kind: Deployment", "kind: Deployment\n  x: [")],
        f"{BASE}:3",
        "the file is no YAML: mapping values are not allowed in this context",
    ),
    "broken YAML in a patch": (
        [(f"{L4}/node.yaml", "spec:", "spec: [")], f"{L4}/node.yaml:7",
        "the file is no YAML: did not find expected ',' or ']'",
    ),
    "a key twice": (
        [(BASE, "          image:", "          image: a:1\n          image:")],
        f"{BASE}:19", "the key image is there twice",
    ),
    "a field that kustomize does not know": (
        [(OVERLAY, "nameSuffix:", "nameSufix:")], f"{OVERLAY}:5",
        "kustomize can't build it: invalid Kustomization: json: unknown field \"nameSufix\"",
    ),
    "the same in the base": (
        [(BASES, "resources:", "resource: [x]\nresources:")], f"{BASES}:3",
        "kustomize can't build it: invalid Kustomization: json: unknown field \"resource\"",
    ),
    "a resource twice": (
        [(BASES, "- service.yaml", "- service.yaml\n  - service.yaml")], f"{BASES}:6",
        ("kustomize can't build it: merging resources from 'service.yaml': may not add resource "
        "with an already registered id: Service.v1.[noGrp]/vllm.[noNs]"),
    ),
    "a base twice": (
        [(OVERLAY, "- ../../base", "- ../../base\n  - ../../base")], f"{OVERLAY}:5",
        ("kustomize can't build it: recursed merging from path 'base': may not add resource with "
        "an already registered id: Deployment.v1.apps/vllm.[noNs]"),
    ),
    "a manifest without a kind": (
        [(SERVICE, "kind: Service\n", "")], f"{BASES}:5",
        ("kustomize can't build it: accumulating resources from 'service.yaml': missing kind in "
        "object {{v1 } {{vllm } map[] map[]}}"),
    ),
    "a patch for nothing": (
        [(OVERLAY, "path: node.yaml", "path: node.yaml\n  - path: other.yaml"),
         (f"{L4}/other.yaml", "", NODE.replace("name: vllm", "name: other"))],
        f"{L4}/other.yaml:4",
        ('kustomize can\'t build it: no resource matches strategic merge patch '
        '"Deployment.v1.apps/other.[noNs]": no matches for Id Deployment.v1.apps/other.[noNs]; '
        "failed to find unique target for patch Deployment.v1.apps/other.[noNs]"),
    ),
    "a generator twice": (
        [(OVERLAY, "configMapGenerator:", ("configMapGenerator:\n  - name: runtime\n"
          "    literals: [A=b]"))],
        f"{OVERLAY}:9",
        ("kustomize can't build it: merging from generator &{0x..."),
    ),
    "a literal without a value": (
        [(OVERLAY, "envs: [runtime.env]", "literals: [WORD]")], f"{OVERLAY}:8",
        ("kustomize can't build it: loading KV pairs: literal sources [WORD]: invalid literal "
        "source WORD, expected key=value"),
    ),
    "a value of another type": (
        [(OVERLAY, "pairs: {cell: l4-gemma}", "pairs: [x]")], f"{OVERLAY}:11",
        ("kustomize can't build it: invalid Kustomization: json: cannot unmarshal array into Go "
        "struct field Label.labels.pairs of type map[string]string"),
    ),
    "a missing env file outside": (
        [(OVERLAY, "envs: [runtime.env]", "envs: [../x.env]")], f"{OVERLAY}:8",
        "../x.env is outside of the kustomization's folder",
    ),
    "two files for one kustomization": (
        [("base/kustomization.yml", "", KUSTOMIZATION)], "base/kustomization.yml:1",
        "the folder has kustomization.yaml too, and kustomize takes one of them",
    ),
    "a base that is no YAML": (
        [(BASES, "resources:", "resources: [")], f"{BASES}:4",
        "the file is no YAML: ",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_failing_build_is_one_finding_at_what_it_is_about(tmp_path: Path, name: str) -> None:
    edits, place, message = CASES[name]

    (finding,) = found(edited(tmp_path, *edits))

    assert (f"{finding['file']}:{finding['line']}", finding["rule"]) == (place, "IRA080")
    assert finding["message"].startswith(message)  # the rest is of kubectl's release


@pytest.mark.parametrize("name", ["broken YAML in the base", "a base that is no YAML"])
def test_a_base_that_does_not_build_names_the_overlays(tmp_path: Path, name: str) -> None:
    (finding,) = found(edited(tmp_path, *CASES[name][0]))

    assert finding["kustomizations"] == ["overlays/h100-llama", "overlays/l4-gemma"]


def test_a_file_that_is_only_called_plugin_is_a_fault_like_others(tmp_path: Path) -> None:
    tree = edited(
        tmp_path,
        (OVERLAY, "path: node.yaml", "path: node.yaml\n  - path: plugin.yaml"),
        (f"{L4}/plugin.yaml", "", NODE.replace("name: vllm", "name: plugin")),
    )

    assert [each["rule"] for each in found(tree)] == ["IRA080"]


def test_a_kustomization_of_nothing_is_told(tmp_path: Path) -> None:
    tree = write(edited(tmp_path), {"empty/kustomization.yaml": f"{KUSTOMIZATION}namespace: x\n"})

    assert found(tree) == []
    assert [each["message"] for each in found(tree, ".", "--severity", "note")] == [
        "the kustomization builds no object"
    ]


def test_a_manifest_with_a_key_twice_is_refused_as_by_kubectl(tmp_path: Path) -> None:
    text = DEPLOYMENT.replace("  name: vllm\n", "  name: vllm\n  name: other\n", 1)

    (finding,) = found(write(tmp_path, {"deployment.yaml": text}))

    assert (finding["line"], finding["message"]) == (5, "the key name is there twice")
