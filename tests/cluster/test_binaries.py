"""The search for the control plane's programs, and the message if they are missing."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from testing.project import ROOT
from tests.cluster import binaries
from tests.cluster.recipes import CONTROL_PLANE, FLUX, Manifest, Recipe


@pytest.fixture
def assets(tmp_path: Path) -> Path:
    """A folder with a file for every program."""
    folder = tmp_path / "assets"
    folder.mkdir()
    for name in CONTROL_PLANE.programs:
        (folder / name).touch(mode=0o755)
    return folder


@pytest.fixture
def go_that_builds(tmp_path: Path) -> dict[str, str]:
    """An environment with an empty cache and a stand-in for Go that creates empty programs."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "go").write_text(_GO)
    (tools / "go").chmod(0o755)
    shutil.copytree(CONTROL_PLANE.module, tmp_path / CONTROL_PLANE.name)
    (tmp_path / CONTROL_PLANE.name / "crd.yaml").touch()
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    return {"PATH": path, "XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    """The control plane's, with a copy of its module and other definitions."""
    manifests = {
        "ours.yaml": Manifest("example", "crd.yaml"),
        "theirs.yaml": Manifest("theirs@v1.0.0", "crd.yaml", "h1:right"),
    }
    return replace(CONTROL_PLANE, home=tmp_path, manifests=manifests)


_GO = """#!/bin/sh
case "$1 $2" in
  "env "*) echo "${FAKE_GO_VERSION:-go1.26.8}" ;;
  "list "*) echo v1.36.3 ;;
  "mod "*) echo "{\\"Dir\\": \\"$PWD\\", \\"Sum\\": \\"${FAKE_GO_SUM:-h1:right}\\"}" ;;
  "build "*)
    echo "$@" >> "$HOME/builds"
    for flag; do case "$flag" in -o=*) out="${flag#-o=}" ;; esac; done
    for name in server kube-apiserver kube-controller-manager kube-scheduler kwok; do
      : > "$out$name"
    done
    test -z "$FAKE_GO_FAILS" ;;
esac
"""


def test_the_folder_of_kubebuilder_assets_is_used_as_it_is(assets: Path) -> None:
    assert binaries.find({"KUBEBUILDER_ASSETS": str(assets), "PATH": ""}) == assets
    assert binaries.build({"KUBEBUILDER_ASSETS": str(assets), "PATH": ""}) == assets


def test_a_folder_of_kubebuilder_assets_that_lacks_programs_is_refused(assets: Path) -> None:
    (assets / "kwok").unlink()
    (assets / "etcd").chmod(0o644)
    with pytest.raises(binaries.MissingProgramsError, match=r"lacks etcd, kwok$"):
        binaries.find({"KUBEBUILDER_ASSETS": str(assets), "PATH": ""})


def test_without_go_the_message_names_both_remedies() -> None:
    with pytest.raises(
        binaries.MissingProgramsError, match="install Go, or set KUBEBUILDER_ASSETS"
    ):
        binaries.find({"PATH": ""})


def test_what_is_not_built_yet_is_not_found(go_that_builds: dict[str, str], recipe: Recipe) -> None:
    with pytest.raises(binaries.MissingProgramsError, match="make cluster-programs"):
        binaries.find(go_that_builds, recipe)


def test_a_build_is_found_and_not_repeated(go_that_builds: dict[str, str], recipe: Recipe) -> None:
    folder = binaries.build(go_that_builds, recipe)
    assert {path.name for path in folder.iterdir()} == {*recipe.programs, "manifests"}
    assert {path.name for path in (folder / "manifests").iterdir()} == {"ours.yaml", "theirs.yaml"}
    assert binaries.find(go_that_builds, recipe) == binaries.build(go_that_builds, recipe) == folder
    assert len(_builds(go_that_builds)) == 1


def test_a_definition_of_another_hash_is_refused(
    go_that_builds: dict[str, str], recipe: Recipe
) -> None:
    with pytest.raises(binaries.MissingProgramsError, match="has the hash h1:wrong, and h1:right"):
        binaries.build({**go_that_builds, "FAKE_GO_SUM": "h1:wrong"}, recipe)


def test_the_api_server_is_built_with_its_version(
    go_that_builds: dict[str, str], recipe: Recipe
) -> None:
    binaries.build(go_that_builds, recipe)
    (build,) = _builds(go_that_builds)
    assert "-X k8s.io/component-base/version.gitVersion=v1.36.3" in build
    assert "-X k8s.io/component-base/version.gitMinor=36" in build


@pytest.mark.parametrize("name", ["go.mod", "go.sum", "crds.go"])
def test_a_changed_module_is_built_again(
    go_that_builds: dict[str, str], recipe: Recipe, name: str
) -> None:
    before = binaries.build(go_that_builds, recipe)
    with (recipe.module / name).open("a") as file:
        file.write("\n")
    assert binaries.build(go_that_builds, recipe) != before
    assert len(_builds(go_that_builds)) == 2


def test_another_go_builds_again(go_that_builds: dict[str, str], recipe: Recipe) -> None:
    before = binaries.build(go_that_builds, recipe)
    assert binaries.build({**go_that_builds, "FAKE_GO_VERSION": "go1.26.9"}, recipe) != before


def test_a_build_that_failed_leaves_nothing_that_is_used(
    go_that_builds: dict[str, str], recipe: Recipe
) -> None:
    with pytest.raises(binaries.MissingProgramsError, match="go build"):
        binaries.build({**go_that_builds, "FAKE_GO_FAILS": "1"}, recipe)
    with pytest.raises(binaries.MissingProgramsError):
        binaries.find(go_that_builds, recipe)
    cache = Path(go_that_builds["XDG_CACHE_HOME"]) / "ira_manifests" / "controlplane"
    assert [path.name for path in cache.iterdir()] == ["lock"]


def test_the_leftovers_of_a_killed_build_are_removed(
    go_that_builds: dict[str, str], recipe: Recipe
) -> None:
    cache = Path(go_that_builds["XDG_CACHE_HOME"]) / "ira_manifests" / "controlplane"
    (cache / "building-killed").mkdir(parents=True)
    folder = binaries.build(go_that_builds, recipe)
    assert {path.name for path in cache.iterdir()} == {"lock", folder.name}


def test_programs_of_another_module_are_another_folder_and_have_their_own_message(
    go_that_builds: dict[str, str], recipe: Recipe
) -> None:
    other = replace(FLUX, name=recipe.name, home=recipe.home, manifests={})
    assert binaries.build(go_that_builds, other) != binaries.build(go_that_builds, recipe)
    with pytest.raises(binaries.MissingProgramsError, match=r"to build Flux with: install Go$"):
        binaries.find({"PATH": ""}, FLUX)


def test_cluster_tests_without_programs_are_skipped_visibly(tmp_path: Path) -> None:
    result = _run_one_cluster_test(tmp_path, {})
    assert result.returncode == 0
    assert "1 skipped" in result.stdout
    assert "lacks etcd, kube-apiserver" in result.stdout


def test_cluster_tests_without_programs_fail_where_a_cluster_is_required(tmp_path: Path) -> None:
    result = _run_one_cluster_test(tmp_path, {"IRA_REQUIRE_CLUSTER": "1"})
    assert result.returncode == 1
    assert "IRA_REQUIRE_CLUSTER=1, but KUBEBUILDER_ASSETS=" in result.stdout


def test_the_staging_modules_are_those_of_the_kubernetes_version() -> None:
    go_mod = (CONTROL_PLANE.module / "go.mod").read_text()
    (kubernetes,) = re.findall(r"\tk8s.io/kubernetes v1\.(\S+)", go_mod)
    replaced = re.findall(r"\t(k8s.io/\S+) => (k8s.io/\S+) v0\.(\S+)", go_mod)
    assert {(name, patch) for _, name, patch in replaced} == {
        (name, kubernetes) for name, _, _ in replaced
    }
    assert "k8s.io/apiserver" in {name for name, _, _ in replaced}


def _builds(environ: dict[str, str]) -> list[str]:
    return (Path(environ["HOME"]) / "builds").read_text().splitlines()


def _run_one_cluster_test(assets: Path, extra: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name != "IRA_REQUIRE_CLUSTER"}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-rs", "-p", "no:cacheprovider", _ONE_TEST],
        cwd=ROOT,
        env={**environ, "KUBEBUILDER_ASSETS": str(assets), **extra},
        capture_output=True,
        text=True,
        check=False,
    )


_ONE_TEST = "tests/cluster/test_harness.py::test_the_api_server_serves_the_pinned_version"
