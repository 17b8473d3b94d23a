"""Many environments: what is equal is rendered once, and what changes in one is its own."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from benchmarks import matrix
from ira_manifests import Matrix, load_environments, load_matrix
from ira_manifests.profiles.matrix import Selection
from ira_manifests.rendering import render, render_all
from testing.edits import edit_profile
from testing.project import copy_profiles
from testing.serving_objects import FIELDS
from tests.support import ira
from tests.test_rendered_output import SEVERAL_NODES

Files = dict[str, dict[str, bytes]]

ARGO_CD = "argo_cd: {repo_url: https://github.com/acme/REPO.git}\n"
ENVIRONMENTS = {
    "first": "namespace: one\nbucket: acme-one\n",
    "second": "namespace: two\nbucket: acme.two.example\n",
    "context": "bucket: acme-three\n",
    "argo-a": "namespace: argo-a\nbucket: acme-argo-a\n" + ARGO_CD.replace("REPO", "a"),
    "argo-b": "namespace: argo-b\nbucket: acme-argo-b\n" + ARGO_CD.replace("REPO", "b"),
    "with-flux": "namespace: flux\nbucket: acme-flux\nflux: {}\n",
    "final-a": "namespace: final-a\nbucket: acme-final-a\nrendered: true\n",
    "final-b": "namespace: final-b\nbucket: acme-final-b\nrendered: true\n",
    "download": "bucket: acme-four\nnamespace: four\n"
    "model_download: {namespace: downloads, token: {secret: hf}, cpu: '2'}\n",
    "mirror": "bucket: acme-five\nimage_registry: europe-docker.pkg.dev/acme/mirror\n",
    "engine": "bucket: acme-six\nengine: {startup_seconds: 4000}\n",
    "copies": "bucket: acme-seven\nfetch_safetensors: {parallelism: 3}\n",
    "serving": "bucket: acme-eight\ninference: {replicas: 2, labels: {team: search}}\n",
    "queue": "bucket: acme-nine\nqueued_provisioning: {wait_seconds: 7200}\n",
    "gpu": "bucket: acme-ten\ngpus: {h200: {queued: false}}\n",
    "cell": "bucket: acme-eleven\nmodels: {llama3: {cells: {h100: {cpu: 11}}}}\n",
    "model": "bucket: acme-twelve\nmodels: {llama3: {replicas: 2}}\n",
}
"""What an environment can change of each part of a cell's objects and of a download's."""

PATCHES = """\
patches:
      - kind: HTTPRoute
        json_patch: [{op: copy, from: /metadata, path: /spec/copied}]
      - kind: Service
        json_patch: [{op: add, path: /spec/sessionAffinity, value: ClientIP}]
    """


@pytest.fixture
def profiles(tmp_path: Path) -> Path:
    """Every object beside a workload, one on several nodes, patches, and the environments."""
    found = copy_profiles(tmp_path)
    fields = PATCHES + FIELDS.replace("KIND", "google")
    edit_profile(found, "h200/llama3", {"tensor_parallel: 4": fields})
    edit_profile(found, "h100/llama3", SEVERAL_NODES)
    edit_profile(found, "platform.yaml", {"vllm-{gpu}": "vllm-{gpu}-{model}"})
    (found / "environments").mkdir()
    for name, text in ENVIRONMENTS.items():
        (found / f"environments/{name}.yaml").write_text(text)
    return found


def selections(profiles: Path) -> list[Selection]:
    matrices: list[Matrix] = [load_matrix(profiles), *load_environments(profiles).values()]
    return [Selection(matrix, list(matrix.values())) for matrix in matrices]


def test_directories_are_those_of_each_environment_on_its_own(profiles: Path) -> None:
    every = selections(profiles)
    together: dict[int, Files] = defaultdict(dict)
    for number, directory in render_all(every):
        together[number][directory.name] = directory.files

    for number, (environment, _) in enumerate(every):
        alone = {directory.name: directory.files for directory in render(environment)}
        assert together[number] == alone, environment.environment


def test_directories_that_are_known_in_one_environment_are_rendered_in_the_others(
    profiles: Path,
) -> None:
    every = [each for each in selections(profiles) if each.matrix.environment in ("", "first")]
    name = "online-inference-gpu-h200-llama3"
    known = {name, f"{name}-queued", f"first/{name}", "first/model-download-llama3"}

    found = [directory.name for _, directory in render_all(every, known=known)]

    expected = {name for each in every for name in each.directories} - known
    assert sorted(found) == sorted(expected)


def table(folder: Path) -> list[str]:
    """Run synth, and return the rows of its table, without those of the sums."""
    run = ira("synth", cwd=folder)
    assert run.returncode == 0, run.stderr
    assert max(map(len, run.stdout.splitlines())) <= 80
    rows = run.stdout.partition("\n\n")[0].splitlines()
    return [" ".join(row.split()) for row in rows[2:]]


def test_the_table_has_a_row_for_each_environment_and_what_differs_in_it(tmp_path: Path) -> None:
    fleet = matrix.write_fleet(tmp_path / "profiles", 3, 20)

    assert table(tmp_path) == [f"env-0{n}: 33 directories 176" for n in range(3)]

    (fleet / "environments/env-00.yaml").write_text(matrix.environment(0, own=0, cpu=13))
    (fleet / "environments/env-02.yaml").unlink()
    assert table(tmp_path) == [
        "env-00: 1 of 33 directories 1 175",
        "env-00/online-inference-gpu-gpu0-model-0 1 4",
        "env-01: 33 directories 176",
        "env-02: 33 directories 176",
    ]

    (fleet / "models/model-3.yaml").write_text(matrix.model(3, cpu=11))
    assert table(tmp_path)[0] == "env-00: 6 of 33 directories 10 166"


def test_the_table_of_many_differing_directories_names_none(tmp_path: Path) -> None:
    fleet = matrix.write_fleet(tmp_path / "profiles", 9, 20)
    table(tmp_path)
    (fleet / "models/model-3.yaml").write_text(matrix.model(3, cpu=11))

    # Four cells, two of them queued, in each of nine environments: more than fifty directories.
    assert table(tmp_path) == [f"env-0{n}: 6 of 33 directories 10 166" for n in range(9)]


def test_the_next_steps_are_those_of_the_first_environment(tmp_path: Path) -> None:
    matrix.write_fleet(tmp_path / "profiles", 3, 20)
    run = ira("synth", cwd=tmp_path)

    steps = [line.strip() for line in run.stdout.split("\nNext:\n")[1].splitlines()]
    assert steps[0] == "# For each environment, such as env-00:"
    applied = [line for line in steps if line.startswith("kubectl apply")]
    assert applied == [
        "kubectl apply -k dist/env-00/model-download-model-0",
        "kubectl apply -k dist/env-00/online-inference-gpu-gpu0-model-0",
    ]
