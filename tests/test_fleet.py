"""Many environments: what is equal is rendered once, and what changes in one is its own."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from ira_manifests import Matrix, load_environments, load_matrix
from ira_manifests.profiles.matrix import Selection
from ira_manifests.rendering import render, render_all
from testing.edits import edit_profile
from testing.project import copy_profiles
from testing.serving_objects import FIELDS
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

    for number, (matrix, _) in enumerate(every):
        alone = {directory.name: directory.files for directory in render(matrix)}
        assert together[number] == alone, matrix.environment


def test_directories_that_are_known_in_one_environment_are_rendered_in_the_others(
    profiles: Path,
) -> None:
    every = [each for each in selections(profiles) if each.matrix.environment in ("", "first")]
    name = "online-inference-gpu-h200-llama3"
    known = {name, f"{name}-queued", f"first/{name}", "first/model-download-llama3"}

    found = [directory.name for _, directory in render_all(every, known=known)]

    expected = {name for each in every for name in each.directories} - known
    assert sorted(found) == sorted(expected)
