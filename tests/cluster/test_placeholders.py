"""The API server refuses placeholders that are not filled in, and names them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cluster.cells import MACHINE_OF_CELL, QUEUED_CELLS, directory_of
from tests.cluster.namespace import Namespace

DIRECTORIES = [
    *map(directory_of, MACHINE_OF_CELL),
    *(f"{directory_of(cell)}-queued" for cell in QUEUED_CELLS),
]
OVERLAY = """
configMapGenerator:
- name: ira-model-configmap
  behavior: merge
  literals:
  - IRA_BUCKET_NAME=acme-ira-model
"""


@pytest.fixture
def unfilled(dist: Path) -> Path:
    """An output with the bucket's placeholder in base/."""
    config = "IRA_BUCKET_NAME=<IRA_BUCKET_NAME>\nMODEL_ID=<MODEL_ID>\n"
    (dist / "base/ira-model-config.env").write_text(config)
    return dist


@pytest.mark.parametrize("name", DIRECTORIES)
@pytest.mark.parametrize("overlay", [False, True], ids=["as it is", "an overlay"])
def test_a_bucket_that_is_not_named_is_refused_by_its_name(
    namespace: Namespace, unfilled: Path, name: str, overlay: bool
) -> None:
    directory = unfilled / name
    if overlay:
        directory = unfilled / "overlay"
        directory.mkdir()
        (directory / "kustomization.yaml").write_text(f"resources: [../{name}]\n{OVERLAY}")

    run = namespace.run_kubectl("apply", "-k", str(directory))

    assert run.returncode != 0
    assert 'metadata.labels: Invalid value: "<IRA_BUCKET_NAME>"' in run.stderr
    assert namespace.items("deployments") == []
    assert namespace.items("pods") == []
    assert namespace.items("provisioningrequests") == []


def test_a_bucket_with_dots_and_more_than_63_letters_is_served(
    namespace: Namespace, dist: Path
) -> None:
    bucket = ".".join(["models" * 9] * 3)
    config = f"IRA_BUCKET_NAME={bucket}\nMODEL_ID=google/gemma-3-27b-it\n"
    (dist / "base/ira-model-config.env").write_text(config)

    namespace.kubectl("apply", "-k", str(dist / DIRECTORIES[0]))

    (deployment,) = namespace.items("deployments")
    assert deployment["metadata"]["labels"]["ira-manifests/bucket"] == "models" * 9
