"""Trees that can't be read, built or trusted: told at their place, and the rest is judged."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ira_manifests.kustomizations import documents
from ira_manifests.kustomizations.build import build
from ira_manifests.kustomizations.documents import Unreadable
from ira_manifests.kustomizations.search import find
from ira_manifests.kustomizations.tool import NoTool
from tests.lint.trees import BASE, DEPLOYMENT, edited, found, healthy, lint, write
from tests.support import ira

KUSTOMIZATION = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"
OVERLAY = "overlays/l4-gemma/kustomization.yaml"


def notes(folder: Path) -> list[dict[str, object]]:
    return found(folder, ".", "--severity", "note")


def test_bases_in_a_circle(tmp_path: Path) -> None:
    write(tmp_path, {"a/kustomization.yaml": f"{KUSTOMIZATION}resources: [../b]\n",
                     "b/kustomization.yaml": f"{KUSTOMIZATION}resources: [../a]\n"})  # fmt: skip

    findings = found(tmp_path)

    assert {each["rule"] for each in findings} == {"IRA080"}
    assert "../a leads back here" in findings[-1]["message"]


def test_a_kustomization_that_contains_itself(tmp_path: Path) -> None:
    write(tmp_path, {"kustomization.yaml": f"{KUSTOMIZATION}resources: [.]\n"})

    (finding,) = found(tmp_path)

    assert (finding["rule"], finding["line"]) == ("IRA080", 3)


def test_a_file_outside_of_the_kustomization(tmp_path: Path) -> None:
    tree = edited(tmp_path, (OVERLAY, "path: node.yaml", "path: ../h100-llama/node.yaml"))

    (finding,) = found(tree)

    assert finding["rule"] == "IRA080"
    assert finding["message"].endswith("is outside of the kustomization's folder")


def test_a_link_to_a_file_outside_is_outside(tmp_path: Path) -> None:
    tree = edited(tmp_path)
    node = tree / "overlays/l4-gemma/node.yaml"
    (tree / "elsewhere").mkdir()
    node.rename(tree / "elsewhere/node.yaml")
    node.symlink_to("../../elsewhere/node.yaml")

    (finding,) = [each for each in found(tree) if each["rule"] == "IRA080"]

    assert finding["message"] == "node.yaml is outside of the kustomization's folder"


def test_a_link_out_of_the_tree_is_not_followed(tmp_path: Path) -> None:
    tree = edited(tmp_path / "tree")
    write(tmp_path / "other", {"deployment.yaml": DEPLOYMENT.replace(":v0.26.0", ":latest")})
    (tree / "link").symlink_to(tmp_path / "other")
    (tree / "file.yaml").symlink_to(tmp_path / "other/deployment.yaml")
    (tree / "nowhere.yaml").symlink_to("nothing")
    (tree / "variables.tf").symlink_to(tmp_path / "other/deployment.yaml")  # no manifest

    assert found(tree) == []
    assert {(each["file"], each["message"]) for each in notes(tree)} == {
        ("file.yaml", "the symbolic link leads out of the tree"),
        ("link", "the symbolic link leads out of the tree"),
        ("nowhere.yaml", "the symbolic link leads nowhere"),
    }


def test_a_large_file_and_a_binary_one_are_not_read(tmp_path: Path) -> None:
    tree = edited(tmp_path)
    with (tree / "large.yaml").open("wb") as file:
        os.truncate(file.fileno(), 100 << 20)
    (tree / "binary.yaml").write_bytes(b"\x00\x01\xff")

    assert found(tree) == []
    assert [(each["file"], each["message"]) for each in notes(tree)] == [
        ("binary.yaml", "the file is a binary file, and no YAML"),
        ("large.yaml", "the file has more than 8 MiB, and manifests have less"),
    ]


def test_a_large_file_that_a_kustomization_names_is_not_copied(tmp_path: Path) -> None:
    tree = edited(tmp_path, (OVERLAY, "envs: [runtime.env]", "envs: [runtime.env, large.env]"))
    with (tree / "overlays/l4-gemma/large.env").open("wb") as file:
        os.truncate(file.fileno(), 100 << 20)

    assert found(tree) == []
    assert "large.env has more than 8 MiB" in str(notes(tree)[0]["message"])


@pytest.mark.parametrize(
    "text",
    [
        "kind: {{ .Values.kind }}\nmetadata:\n  {{- toYaml .Values.metadata | nindent 2 }}\n",
        "{{- if .Values.enabled }}\napiVersion: v1\nkind: Pod\n{{- end }}\n",
    ],
)
def test_a_template_is_no_yaml_and_no_fault(tmp_path: Path, text: str) -> None:
    tree = write(edited(tmp_path), {"deployment.yaml": text})

    assert found(tree) == []
    assert [each["message"] for each in notes(tree)] == ["the file is a template, and no YAML"]


def test_the_templates_of_a_chart_are_left_out(tmp_path: Path) -> None:
    tree = write(
        edited(tmp_path), {"chart/Chart.yaml": "name: x\n", "chart/templates/a.yaml": "{{ x }}:\n"}
    )

    assert notes(tree) == []


def test_broken_yaml_is_a_fault_at_its_line(tmp_path: Path) -> None:
    tree = write(edited(tmp_path), {"broken.yaml": "apiVersion: v1\nkind: Pod\n  x: [\n"})

    (finding,) = found(tree)

    assert (finding["rule"], finding["file"], finding["line"]) == ("IRA080", "broken.yaml", 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty"),
        ("- a\n", "the file is not one mapping"),
        ("resources: [\n", "the file is no YAML"),
    ],
)
def test_a_kustomization_that_is_none(tmp_path: Path, text: str, message: str) -> None:
    tree = write(edited(tmp_path), {"other/kustomization.yaml": text})

    (finding,) = found(tree)

    assert (finding["rule"], finding["file"]) == ("IRA080", "other/kustomization.yaml")
    assert finding["message"].startswith(message)


def test_anchors_are_read(tmp_path: Path) -> None:
    text = DEPLOYMENT.replace("app: vllm", "app: &app vllm", 1).replace(
        "        app: vllm\n", "        app: *app\n"
    )
    text = text.replace(":v0.26.0", ":latest")

    (finding,) = found(write(tmp_path, {"deployment.yaml": text}))

    assert finding["rule"] == "IRA015"


def test_aliases_are_bounded() -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    lines += [
        f"{b}: &{b} [{', '.join([f'*{a}'] * 10)}]"
        for a, b in zip("abcdefgh", "bcdefghi", strict=True)
    ]

    found = documents.read("\n".join(lines).encode())

    assert isinstance(found, Unreadable)
    assert found.message == "has more than 500000 values once its aliases are expanded"


def test_deep_nesting_is_bounded() -> None:
    found = documents.read(b"[" * 2000 + b"]" * 2000)

    assert isinstance(found, Unreadable)
    assert found.message == "is nested more than 100 levels deep"


@pytest.mark.parametrize(
    "base",
    [
        "https://github.com/acme/models//base?ref=main",
        "github.com/acme/models//base",
        "git@github.com:acme/models.git//base",
        "https://example.com/deployment.yaml",
        "ssh://git@example.com/acme/models",
    ],
)
def test_a_remote_base_is_not_fetched(tmp_path: Path, base: str) -> None:
    tree = edited(tmp_path, ("base/kustomization.yaml", "- service.yaml", f"- {base}"))

    run = lint(tree, ".", "--ignore", "IRA084")

    assert run.stdout.startswith("2 kustomizations judged: 0 errors, 0 warnings, 1 note")
    (note,) = found(tree, ".", "--rule", "IRA081", "--severity", "note")
    assert note["message"] == f"only a part is judged: {base} is remote"
    assert (note["file"], note["line"]) == ("base/kustomization.yaml", 5)


def test_a_plugin_is_never_run(tmp_path: Path) -> None:
    script = tmp_path / "run"
    script.write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
    script.chmod(0o755)
    plugin = "apiVersion: v1\nkind: X\nmetadata:\n  name: x\n  annotations:\n"
    plugin += "    config.kubernetes.io/function: |\n      exec:\n        path: ./run\n"
    write(
        tmp_path,
        {
            "kustomization.yaml": f"{KUSTOMIZATION}generators: [plugin.yaml]\n",
            "plugin.yaml": plugin,
        },
    )

    run = lint(tmp_path, ".", "--severity", "note")

    assert not (tmp_path / "was-run").exists()
    assert "0 of 1 kustomization judged" in run.stdout
    assert "plugins are never run" in run.stdout


def test_a_helm_chart_of_a_kustomization_is_not_rendered(tmp_path: Path) -> None:
    write(tmp_path, {"kustomization.yaml": f"{KUSTOMIZATION}helmCharts:\n  - name: vllm\n"})

    assert found(tmp_path) == []
    (note,) = notes(tmp_path)
    assert (note["line"], note["message"]) == (
        3,
        "the kustomization is not built: it renders a Helm chart",
    )


def test_without_kubectl_nothing_is_built_and_that_is_told(tmp_path: Path) -> None:
    edited(tmp_path)

    done = build(find([str(tmp_path)]), NoTool("there is no kubectl and no kustomize"))

    assert [each.objects for each in done] == [(), ()]
    assert "there is no kubectl and no kustomize" in done[0].troubles[0].message


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "nowhere: there is no such file or folder"),
        (["empty"], "empty: there is no kustomization and no object of Kubernetes"),
        ([".", "--rule", "IRA999"], "--rule: no such rule: IRA999"),
        ([".", "--baseline", "nowhere"], "--baseline nowhere can't be read"),
        ([".", "--baseline", "base/service.yaml"], "is no JSON; write it with --write-baseline"),
        ([".", "--baseline", ""], "--baseline is empty; give a file"),
        ([".", "--models", ""], "--models is empty; give a folder"),
        ([".", "--models", "empty"], "--models empty has no config.json"),
        ([], "the following arguments are required: PATH|-"),
    ],
)
def test_input_that_can_not_be_used(tmp_path: Path, arguments: list[str], message: str) -> None:
    tree = edited(tmp_path)
    (tree / "empty").mkdir()

    run = ira("lint", *arguments, cwd=tree)

    assert run.returncode == 2
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_other_objects_are_let_be(tmp_path: Path) -> None:
    crd = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\n"
    crd += "metadata: {name: a.b.c}\nspec:\n  names: {kind: A}\n"
    crd += "  versions:\n  - schema: {openAPIV3Schema: {type: object}}\n"
    odd = "apiVersion: apps/v1\nkind: Deployment\nmetadata: [1]\nspec: {template: 3, selector: x}\n"
    tree = write(edited(tmp_path), {"crd.yaml": crd, "odd.yaml": odd, "values.yaml": "a: 1\n"})

    assert found(tree) == []


def test_a_stream_that_is_no_yaml(tmp_path: Path) -> None:
    run = lint(tmp_path, "-", input="a: [\n")

    assert run.stdout.startswith("<stdin>:2:1: error IRA080 not-built\n    the input is no YAML")
    assert run.returncode == 1


def test_a_kustomization_is_left_as_it_is(tmp_path: Path) -> None:
    tree = edited(tmp_path)

    lint(tree)

    assert {str(each.relative_to(tree)) for each in tree.rglob("*") if each.is_file()} == {
        *healthy()
    }
    assert (tree / "base/kustomization.yaml").read_text() == BASE


def test_a_kustomization_among_templates_may_lack_files(tmp_path: Path) -> None:
    write(tmp_path, {"templates/a/kustomization.yaml": f"{KUSTOMIZATION}resources: [made.yaml]\n"})

    assert found(tmp_path) == []
    assert [each["message"] for each in notes(tmp_path)] == ["made.yaml does not exist"]


def test_a_build_that_fails_is_told_in_kustomizes_words_at_the_part_that_fails(
    tmp_path: Path,
) -> None:
    tree = edited(
        tmp_path,
        ("base/kustomization.yaml", "- service.yaml", "- service.yaml\npatches: [{path: x}]"),
    )
    write(tree, {"base/x": "kind: Deployment\napiVersion: apps/v1\nmetadata: {name: vlm}\n"})

    (finding,) = found(tree)

    assert (finding["rule"], finding["file"]) == ("IRA080", "base/x")
    assert finding["kustomizations"] == ["overlays/h100-llama", "overlays/l4-gemma"]
    assert finding["message"].startswith(
        "kustomize can't build it: no resource matches strategic merge patch"
    )
    assert str(tmp_path) not in finding["message"]
