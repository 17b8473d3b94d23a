"""The output that a controller applies in its tests: one model, on both kinds of capacity."""

from __future__ import annotations

import re
from pathlib import Path

from testing import gitops
from tests.cluster import gke
from tests.support import ira

ORDINARY, QUEUED = "vllm-h100-llama3", "vllm-h200-llama3"
(DOWNLOADS,) = (pool for pool in gke.node_pools() if pool.name == "cpu-n4s8")


def one_model(folder: Path, controller: str, namespace: str) -> Path:
    """Makes profiles with one model: on the H100, and on queued capacity on the H200."""
    found = gitops.controlled(folder, controller, namespace)
    for model in ("gemma3-27b", "llama4-scout"):
        (found / f"models/{model}.yaml").unlink()
    return found


def synth(profiles: Path) -> Path:
    """Writes the output of profiles beside them; returns its folder."""
    run = ira("synth", cwd=profiles.parent)
    assert run.returncode == 0, run.stderr
    return profiles.parent / "dist"


def without_cell(profiles: Path, gpu: str) -> None:
    """Removes the cell of a GPU type from the model."""
    file = profiles / "models/llama3.yaml"
    text, count = re.subn(rf"^  {gpu}:\n(?:    .*\n)+", "", file.read_text(), flags=re.MULTILINE)
    assert count == 1
    file.write_text(text)
