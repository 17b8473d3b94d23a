"""docs/differences.md names every difference between dist/ and the original.

The original's names are typed by hand from accelerated-platforms at a2d7a644,
platforms/gke/base/use-cases/inference-ref-arch/kubernetes-manifests.
"""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
import yaml

from testing.objects import Json, the
from testing.project import DIST, ROOT

DOCUMENT = (ROOT / "docs/differences.md").read_text()
VARIABLES = {
    "transfer-model-to-gcs": {"MODEL_ID", "IRA_BUCKET_NAME", "HUGGING_FACE_TOKEN"},
    "inference-server": {
        "GPU_MEMORY_UTILIZATION", "MAX_MODEL_LEN", "MODEL_ID", "TENSOR_PARALLEL_SIZE",
    },
    "fetch-safetensors": {"MODEL_ID"},
}  # fmt: skip
VOLUMES = {
    "Job": {"dshm", "gcsfuse", "gke-gcsfuse-buffer"},
    "Deployment": {"dshm", "gcsfuse", "gke-gcsfuse-cache", "gke-gcsfuse-tmp", "gke-gcsfuse-buffer"},
}
CELLS = sorted(path for path in DIST.glob("online-inference-gpu-*") if path.is_dir())


def workload(folder: Path) -> Json:
    files = [folder / "job.yaml", folder / "deployment.yaml"]
    (file,) = (file for file in files if file.exists())
    found: Json = yaml.safe_load(file.read_text())
    return found


def section(kind: str) -> str:
    parts = {part.partition("\n")[0]: part for part in DOCUMENT.split("\n## ")}
    return parts["The download" if kind == "Job" else "The server"]


@pytest.mark.parametrize("folder", [DIST / "model-download", *CELLS], ids=lambda path: path.name)
def test_every_variable_and_volume_that_differs_is_named(folder: Path) -> None:
    found = workload(folder)
    pod = found["spec"]["template"]["spec"]

    for container in pod["containers"]:
        names = {variable["name"] for variable in container.get("env", [])}
        for name in names ^ VARIABLES.get(container["name"], set()):
            assert f"`{name}`" in DOCUMENT, name
    for name in {volume["name"] for volume in pod["volumes"]} ^ VOLUMES[found["kind"]]:
        assert f"`{name}`" in section(found["kind"]), name


def test_names_and_ports_are_named() -> None:
    files = sorted((DIST / "online-inference-gpu-h100-llama3").glob("*.yaml"))
    objects = [yaml.safe_load(file.read_text()) for file in files]
    (port,) = the(objects, "Service")["spec"]["ports"]

    assert the(objects, "Deployment")["metadata"]["name"] == "vllm-h100"
    assert "| the Deployment and Service `vllm-<model>` | `vllm-<gpu>`" in DOCUMENT
    assert f"| the Service's port has no name | `{port['name']}` |" in DOCUMENT


def test_limits_graces_and_releases_are_named() -> None:
    download = workload(DIST / "model-download")["spec"]["template"]["spec"]
    version = next(
        each["value"]
        for each in download["containers"][0]["env"]
        if each["name"] == "HUGGINGFACE_HUB_VERSION"
    )
    server = workload(CELLS[0])["spec"]["template"]["spec"]
    (warm_up,) = (each for each in server["containers"] if each["name"] == "fetch-safetensors")

    assert f"0.31.4 and its `huggingface-cli` | `huggingface_hub` {version}" in DOCUMENT
    assert "terminationGracePeriodSeconds" not in download
    assert "| a grace period of 0 seconds | the default of 30 |" in DOCUMENT
    assert f"a memory limit of {warm_up['resources']['limits']['memory']}" in DOCUMENT


def test_every_table_is_whole() -> None:
    lines = DOCUMENT.splitlines()
    for before, line in itertools.pairwise(lines):
        if line.startswith("|") and not before.startswith("|"):
            assert line == "| original | here | reason |"
        if line.startswith("|"):
            assert line.count(" | ") == 2 or line == "|---|---|---|", line
