"""The objects of a controller: what they apply, in which order, and under which names.

Fields and their meaning are those of the controllers' own documentation. The controllers run on
them in tests/cluster/test_argo_cd.py and tests/cluster/test_flux.py.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ira_manifests import load_matrix
from ira_manifests.constructs.manifests import directory
from testing.edits import edit_file, edit_profile
from testing.gitops import ARGO_CD, FLUX, controlled
from testing.kubectl import kustomize
from testing.objects import Json, objects_in, the
from testing.project import ROOT, copy_edited, copy_profiles
from testing.serving_objects import with_every_object
from tests.support import Run, ira
from tests.test_readme import blocks

SERVING = "online-inference-gpu-"
CELLS = {
    "h100-gemma3-27b",
    "h100-llama3",
    "h100-llama4-scout",
    "h200-gemma3-27b-queued",
    "h200-llama3-queued",
    "h200-llama4-scout-queued",
    "l4-gemma3-27b",
}
MODELS = {"gemma3-27b", "llama3", "llama4-scout"}


def synth(folder: Path, *options: str) -> Run:
    run = ira("synth", *options, cwd=folder)
    assert run.returncode == 0, run.stdout + run.stderr
    return run


def read(path: Path) -> Json:
    content: Json = yaml.safe_load(path.read_text())
    return content


def output(folder: Path, controller: str) -> Path:
    """What synth writes for a controller."""
    controlled(folder, controller)
    synth(folder)
    return folder / "dist"


@pytest.fixture(scope="module")
def argo_cd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return output(tmp_path_factory.mktemp("argo-cd"), ARGO_CD)


@pytest.fixture(scope="module")
def flux(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return output(tmp_path_factory.mktemp("flux"), FLUX)


def directories(dist: Path) -> set[str]:
    """The directories with something to apply."""
    names = {file.parent.relative_to(dist).as_posix() for file in dist.rglob("*.yaml")}
    return {name for name in names if name.split("/")[0] not in {"argo-cd", "flux"}}


def kustomizations(dist: Path) -> dict[str, Json]:
    return {file.stem: read(file) for file in (dist / "flux").iterdir()}


def test_flux_applies_every_directory_once(flux: Path) -> None:
    paths = [each["spec"]["path"] for each in kustomizations(flux).values()]

    assert sorted(paths) == sorted(f"./dist/{name}" for name in directories(flux))


def test_argo_cd_applies_every_directory_once(argo_cd: Path) -> None:
    application_set = read(argo_cd / "argo-cd/application-set.yaml")
    (generator,) = application_set["spec"]["generators"]
    applied = [
        (model / resource).resolve().relative_to(argo_cd.resolve()).as_posix()
        for model in (argo_cd / "argo-cd").glob("*/")
        for resource in read(model / "kustomization.yaml")["resources"]
    ]

    assert generator["git"]["directories"] == [
        {"path": "dist/shared"},
        {"path": "dist/argo-cd/*"},
    ]
    assert sorted(["shared", *applied]) == sorted(directories(argo_cd))


def test_flux_waits_for_the_accounts_then_for_the_download(flux: Path) -> None:
    after = {
        name: [each["name"] for each in item["spec"].get("dependsOn", [])]
        for name, item in kustomizations(flux).items()
    }

    assert after.pop("shared") == []
    for model in MODELS:
        assert after.pop(f"model-download-{model}") == ["ira-shared"]
    assert after == {
        f"{SERVING}{cell}": ["ira-shared", f"ira-model-download-{model}"]
        for cell in CELLS
        for model in MODELS
        if model in cell
    }
    for item in kustomizations(flux).values():
        assert (item["spec"]["wait"], item["spec"]["prune"]) == (True, True)


def test_argo_cd_waits_for_the_download_inside_of_an_application(argo_cd: Path) -> None:
    for model in MODELS:
        waves = {
            item["kind"]: item["metadata"]
            .get("annotations", {})
            .get("argocd.argoproj.io/sync-wave")
            for item in objects_in(kustomize(argo_cd / f"argo-cd/model-{model}"))
        }

        assert [kind for kind, wave in waves.items() if wave == "-1"] == ["Job"]
        assert {waves["Deployment"], waves["Service"], waves["ConfigMap"]} == {None}


def test_no_object_is_in_two_directories(argo_cd: Path, flux: Path) -> None:
    for dist in (argo_cd, flux):
        names = [
            (item["kind"], item["metadata"]["name"])
            for directory in sorted(directories(dist))
            for item in objects_in(kustomize(dist / directory))
        ]

        assert len(names) == len(set(names))


def test_the_health_of_a_request_is_read_from_its_conditions(flux: Path) -> None:
    checks = {
        name: item["spec"].get("healthCheckExprs") for name, item in kustomizations(flux).items()
    }
    (check,) = checks[f"{SERVING}h200-llama3-queued"]

    assert checks[f"{SERVING}h100-llama3"] is None
    assert (check["apiVersion"], check["kind"]) == (
        "autoscaling.x-k8s.io/v1",
        "ProvisioningRequest",
    )
    assert "'Provisioned'" in check["current"]
    assert "'Failed'" in check["failed"]


def test_the_health_of_a_group_of_pods_is_that_it_is_available(tmp_path: Path) -> None:
    profiles = controlled(tmp_path, FLUX)
    several = "tensor_parallel: 8\n    pipeline_parallel: 2\n    nodes: 2"
    edit_profile(profiles, "h100/llama3", {"tensor_parallel: 4": several})
    synth(tmp_path, "--only", "h100/llama3")

    checks = read(tmp_path / f"dist/flux/{SERVING}h100-llama3.yaml")["spec"]["healthCheckExprs"]

    (check,) = checks
    assert (check["apiVersion"], check["kind"]) == (
        "leaderworkerset.x-k8s.io/v1",
        "LeaderWorkerSet",
    )
    assert "'Available'" in check["current"]


def test_every_field_reaches_argo_cd(tmp_path: Path) -> None:
    given = (
        "argo_cd:\n  repo_url: git@github.com:acme/serving.git\n  revision: release\n"
        "  path: gpu/dist\n  prefix: team-a\n  project: llm\n  namespace: argo\n"
        "  destination_name: prod-eu\n"
    )

    found = read(output(tmp_path, given) / "argo-cd/application-set.yaml")

    assert found["metadata"] == {"name": "team-a", "namespace": "argo"}
    (generator,) = found["spec"]["generators"]
    assert generator["git"] == {
        "repoURL": "git@github.com:acme/serving.git",
        "revision": "release",
        "directories": [{"path": "gpu/dist/shared"}, {"path": "gpu/dist/argo-cd/*"}],
    }
    template = found["spec"]["template"]
    assert template["metadata"] == {"name": "team-a-{{.path.basename}}"}
    spec = template["spec"]
    assert spec["project"] == "llm"
    assert spec["source"] == {
        "repoURL": "git@github.com:acme/serving.git",
        "targetRevision": "release",
        "path": "{{.path.path}}",
    }
    assert spec["destination"] == {"name": "prod-eu", "namespace": "llm"}
    assert spec["syncPolicy"]["automated"] == {"prune": True, "selfHeal": True}


def test_every_field_reaches_flux(tmp_path: Path) -> None:
    given = (
        "flux:\n  source: {kind: OCIRepository, name: serving, namespace: sources}\n"
        "  path: .\n  prefix: team-a\n  namespace: team-a\n  service_account: applier\n"
        "  interval_seconds: 3600\n  retry_seconds: 60\n  timeout_seconds: 90000\n"
    )

    found = read(output(tmp_path, given) / "flux/model-download-llama3.yaml")

    assert found["metadata"] == {"name": "team-a-model-download-llama3", "namespace": "team-a"}
    assert found["spec"] == {
        "dependsOn": [{"name": "team-a-shared"}],
        "sourceRef": {"kind": "OCIRepository", "name": "serving", "namespace": "sources"},
        "path": "./model-download-llama3",
        "serviceAccountName": "applier",
        "interval": "3600s",
        "retryInterval": "60s",
        "timeout": "90000s",
        "prune": True,
        "wait": True,
    }


@pytest.mark.parametrize("controller", [ARGO_CD, FLUX])
def test_an_environment_has_its_own_folder_and_names(tmp_path: Path, controller: str) -> None:
    profiles = controlled(tmp_path, controller)
    (profiles / "environments").mkdir()
    (profiles / "environments/prod-eu.yaml").write_text("namespace: prod\ncells: [h100/llama3]\n")
    synth(tmp_path)

    if controller is FLUX:
        found = read(tmp_path / f"dist/prod-eu/flux/{SERVING}h100-llama3.yaml")
        assert found["metadata"]["name"] == "prod-eu-h100-llama3"
        assert found["spec"]["path"] == f"./dist/prod-eu/{SERVING}h100-llama3"
        return
    found = read(tmp_path / "dist/prod-eu/argo-cd/application-set.yaml")
    assert found["metadata"]["name"] == "prod-eu"
    assert found["spec"]["template"]["spec"]["destination"]["namespace"] == "prod"
    (generator,) = found["spec"]["generators"]
    assert generator["git"]["directories"][1] == {"path": "dist/prod-eu/argo-cd/*"}
    assert read(tmp_path / "dist/prod-eu/argo-cd/model-llama3/kustomization.yaml")["resources"] == [
        "../../model-download-llama3",
        f"../../{SERVING}h100-llama3",
    ]


@pytest.mark.parametrize(
    ("controller", "clusters", "rule"),
    [
        (f"{ARGO_CD}  prefix: team\n", ("eu", "eu"), "IRA070"),
        (f"{ARGO_CD}  prefix: team\n", ("eu", "us"), None),
        (f"{ARGO_CD}  prefix: team\n", ("eu", None), "IRA071"),
        (f"{ARGO_CD}  prefix: team\n  destination_name: far\n", ("eu", "us"), "IRA070"),
        (f"{ARGO_CD}  destination_name: far\n", ("eu", "us"), None),
        (ARGO_CD, ("eu", "eu"), None),
        ("flux: {prefix: team}\n", ("eu", "eu"), "IRA070"),
        ("flux: {prefix: team}\n", ("eu", "us"), None),
        (FLUX, ("eu", "eu"), None),
    ],
)
def test_two_environments_have_objects_of_a_controller_under_different_names(
    tmp_path: Path, controller: str, clusters: tuple[str | None, ...], rule: str | None
) -> None:
    profiles = controlled(tmp_path, f"environments_only: true\n{controller}")
    (profiles / "environments").mkdir()
    for name, cluster in zip(("one", "two"), clusters, strict=True):
        lines = f"cells: [h100/llama3]\nnamespace: {name}\n"
        lines += f"cluster: {cluster}\n" if cluster else ""
        (profiles / f"environments/{name}.yaml").write_text(lines)

    every = json.loads(ira("check", "--format", "json", cwd=tmp_path).stdout)
    found = [each for each in every if each["rule"] in ("IRA070", "IRA071")]

    assert [each["rule"] for each in found] == ([rule] if rule else [])
    kind = "ApplicationSet team" if "argo_cd" in controller else "Kustomization team-"
    assert all(f"has {kind}" in each["message"] for each in found)


def test_a_long_name_is_cut_so_that_it_fits_in_a_label(tmp_path: Path) -> None:
    profiles = controlled(tmp_path, f"flux:\n  prefix: {'long-' * 10}x\n")
    for model in ("gemma3-27b", "llama4-scout"):
        (profiles / f"models/{model}.yaml").unlink()
    synth(tmp_path)

    found = kustomizations(tmp_path / "dist")
    names = {item["metadata"]["name"] for item in found.values()}

    assert len(names) == len(found)
    assert all(len(name) <= 63 for name in names)
    after = {each["name"] for item in found.values() for each in item["spec"].get("dependsOn", [])}
    assert after <= names


def test_a_run_of_some_cells_keeps_the_objects_of_all(tmp_path: Path) -> None:
    controlled(tmp_path, FLUX)
    synth(tmp_path)
    before = kustomizations(tmp_path / "dist")

    synth(tmp_path, "--only", "h100/llama3")

    assert kustomizations(tmp_path / "dist") == before


@pytest.mark.parametrize("controller", [ARGO_CD, FLUX])
def test_what_is_written_checks_clean_and_is_not_written_again(
    tmp_path: Path, controller: str
) -> None:
    controlled(tmp_path, controller)
    synth(tmp_path)

    assert ira("check", cwd=tmp_path).returncode == 0
    assert ira("synth", "--check", cwd=tmp_path).returncode == 0


def test_a_changed_cell_changes_its_controllers_objects_without_a_stale_record(
    tmp_path: Path,
) -> None:
    profiles = controlled(tmp_path, ARGO_CD)
    synth(tmp_path)
    edit_file(profiles / "gpus/h100.yaml", {"queued: false": "queued: only"})
    synth(tmp_path)

    found = read(tmp_path / "dist/argo-cd/model-llama3/kustomization.yaml")["resources"]

    assert f"../../{SERVING}h100-llama3-queued" in found
    assert f"../../{SERVING}h100-llama3" not in found


def findings(run: Run) -> Iterator[str]:
    return (line for line in (run.stdout + run.stderr).splitlines() if " error " in line)


def test_two_models_of_one_name_are_found(tmp_path: Path) -> None:
    back = {"workload_name: vllm-{gpu}-{model}": "workload_name: vllm-{gpu}"}
    profiles = controlled(tmp_path, ARGO_CD)
    edit_file(profiles / "platform.yaml", back)

    run = ira("synth", cwd=tmp_path)

    assert run.returncode == 1
    assert not (tmp_path / "dist").exists()
    assert (
        "h100/llama3 would be the same Deployment vllm-h100 as h100/gemma3-27b, and Argo CD "
        "applies both"
    ) in " ".join(run.stderr.split())
    assert "profiles/platform.yaml:" in run.stderr


def test_a_cell_on_both_capacities_is_found_once_for_its_gpu_type(tmp_path: Path) -> None:
    profiles = controlled(tmp_path, FLUX)
    edit_file(profiles / "gpus/h100.yaml", {"queued: false": "queued: true"})

    run = ira("synth", cwd=tmp_path)

    assert run.returncode == 1
    (found,) = findings(run)
    assert found.startswith("profiles/gpus/h100.yaml:")
    assert "each cell of h100 has two directories with the same Deployment" in run.stderr
    assert "queued: false or queued: only" in run.stderr


MARKS = {
    "environment": "cluster: prod-eu",
    "action": "uses: ",
    "bucket": "bucket: acme-ira-model",
    "overlay": "patches:",
    "argo_cd": "\nargo_cd:",
    "flux": "\nflux:",
    "rendered": "\nrendered: true",
    "root_sync": "kind: RootSync",
    "oci": "sourceType: oci",
}
"""A part of each YAML block of the page, in its order."""


def documented() -> dict[str, str]:
    """The YAML of the page, by what it is; the action's and OCI's have tests of their own."""
    found = dict(zip(MARKS, blocks("yaml", "docs/gitops.md"), strict=True))
    assert [name for name, mark in MARKS.items() if mark not in found[name]] == []
    return found


@pytest.mark.parametrize("name", ["environment", "argo_cd", "flux", "rendered"])
def test_the_environment_of_the_docs_is_written_and_checks_clean(tmp_path: Path, name: str) -> None:
    given = documented()[name]
    if name == "flux":
        given = documented()["argo_cd"].partition("argo_cd:")[0] + given
    profiles = copy_profiles(tmp_path)
    (profiles / "environments").mkdir()
    (profiles / "environments/prod-eu.yaml").write_text(given)
    synth(tmp_path, "--environment", "prod-eu")

    out = tmp_path / "dist/prod-eu"
    assert (out / "model-download-gemma3-27b").is_dir()
    if name != "environment":
        assert (out / "shared").is_dir()
    if name in ("argo_cd", "flux"):
        assert (out / name.replace("_", "-")).is_dir()
    if name == "rendered":
        assert not list(out.rglob("kustomization.yaml"))
    assert ira("check", "--environment", "prod-eu", cwd=tmp_path).returncode == 0


def test_the_bucket_of_the_docs_is_a_field_of_the_platform(tmp_path: Path) -> None:
    file = copy_profiles(tmp_path) / "platform.yaml"
    file.write_text(file.read_text() + documented()["bucket"])
    synth(tmp_path)

    assert (tmp_path / "dist/model-download-llama3/job.yaml").exists()


def test_the_overlay_of_the_docs_changes_the_workload_and_its_request(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "dist", tmp_path / "dist", symlinks=True)
    (tmp_path / "overlay").mkdir()
    (tmp_path / "overlay/kustomization.yaml").write_text(documented()["overlay"])

    objects = objects_in(kustomize(tmp_path / "overlay"))

    templates = (
        the(objects, "Deployment")["spec"]["template"],
        the(objects, "PodTemplate")["template"],
    )
    for template in templates:
        (server,) = (
            each for each in template["spec"]["containers"] if each["name"] == "inference-server"
        )
        assert server["resources"]["requests"]["memory"] == "400G"

    half = documented()["overlay"].partition("  - target:\n      kind: PodTemplate")[0]
    (tmp_path / "overlay/kustomization.yaml").write_text(half)
    assert "IRA018" in ira("lint", "overlay", cwd=tmp_path).stdout


def test_the_root_sync_of_the_docs_reads_the_folder_of_its_environment() -> None:
    root_sync = yaml.safe_load(documented()["root_sync"])

    assert (root_sync["kind"], root_sync["spec"]["sourceFormat"]) == ("RootSync", "unstructured")
    assert root_sync["spec"]["git"]["dir"] == "dist/prod-eu"
    assert root_sync["spec"]["git"]["repo"] in documented()["argo_cd"]


def test_what_is_to_be_copied_from_the_docs_fits_in_80_columns() -> None:
    every = [block for name, block in documented().items() if name != "action"]  # has digests
    every += [each for each in blocks("shell", "docs/gitops.md") if "crane " not in each]

    assert [line for block in every for line in block.splitlines() if len(line) > 80] == []


INSTANCE = "app.kubernetes.io/instance"
SEVERAL_NODES = "tensor_parallel: 8\n    pipeline_parallel: 2\n    nodes: 2"


def selectors(value: Any, key: str = "") -> Iterator[Json]:
    """The labels of the selectors in an object that name the label of Argo CD."""
    if isinstance(value, dict):
        labels = value.get("matchLabels", value)
        if key.lower().endswith("selector") and INSTANCE in labels:
            yield labels
        for name, each in value.items():
            yield from selectors(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from selectors(each, key)


def pod_labels(value: Any) -> Iterator[Json]:
    """The labels of the Pod templates inside of an object."""
    for each in value.values() if isinstance(value, dict) else value:
        if isinstance(each, dict) and "containers" in each.get("spec", {}):
            yield each["metadata"]["labels"]
        elif isinstance(each, dict | list):
            yield from pod_labels(each)


OF_ALL = {"Deployment", "Service", "NetworkPolicy", "PodDisruptionBudget", "InferencePool"}


@pytest.mark.parametrize(
    ("monitoring", "kinds"),
    [
        ("google", {*OF_ALL, "PodMonitoring"}),
        ("prometheus-operator", {*OF_ALL, "PodMonitor"}),
        ("", {"Service"}),  # a LeaderWorkerSet, which has no selector
    ],
)
def test_what_selects_by_the_label_of_argo_cd_selects_pods(
    tmp_path: Path, monitoring: str, kinds: set[str]
) -> None:
    """Tracking by label changes the label of each object, and of no Pod template inside of it."""
    if monitoring:
        profiles = with_every_object(tmp_path, monitoring)
    else:
        profiles = copy_edited(tmp_path, "h100/llama3", ("tensor_parallel: 4", SEVERAL_NODES))
    cell = load_matrix(profiles)["h100", "llama3"]
    found = set()
    for queued in (False, True) if monitoring else (False,):
        objects = directory.objects(cell, queued=queued).values()
        pods = {labels[INSTANCE] for item in objects for labels in pod_labels(item)}
        for item in objects:
            for labels in selectors(item):
                found.add(item["kind"])
                assert labels[INSTANCE] in pods, item["kind"]
    assert found == kinds
