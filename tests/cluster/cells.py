"""The cells of the reference architecture, the expected machine of each, and variants.

Typed by hand: the compute class is the cell's, the machine type is that of the class in the base
platform (GoogleCloudPlatform/accelerated-platforms, `platforms/gke/base/core`).
"""

from __future__ import annotations

from pathlib import Path

from testing.project import fill_in
from tests.cluster import gke
from tests.support import ira

MACHINE_OF_CELL = {
    "l4-gemma3-27b": "g2-standard-96",
    "h100-gemma3-27b": "a3-highgpu-1g",
    "h100-llama3": "a3-highgpu-4g",
    "h100-llama4-scout": "a3-highgpu-8g",
    "h200-gemma3-27b": "a3-ultragpu-8g",
    "h200-llama3": "a3-ultragpu-8g",
    "h200-llama4-scout": "a3-ultragpu-8g",
}
QUEUED_CELLS = [cell for cell in MACHINE_OF_CELL if not cell.startswith("l4-")]


def directory_of(cell: str) -> str:
    """The directory that serves a cell."""
    return f"online-inference-gpu-{cell}"


def workload_of(cell: str) -> str:
    """The name of a cell's Deployment, Service and request."""
    return f"vllm-{cell.partition('-')[0]}"


def pools_of(machine: str) -> list[gke.NodePool]:
    """The node pools that have machines of a type."""
    return [pool for pool in gke.node_pools() if pool.machine.name == machine]


def synth(folder: Path, *options: str | Path) -> Path:
    """The `dist` that synth writes into a folder, with `base` filled in as the walkthrough says."""
    run = ira("synth", "--out", folder / "dist", *options)
    assert run.returncode == 0, run.stderr
    fill_in(folder / "dist")
    return folder / "dist"
