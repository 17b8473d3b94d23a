"""The shipped GPU types, including those that no cell of the matrix uses."""

from __future__ import annotations

import pytest

from ira_manifests import load_matrix
from testing.project import PROFILES, REFERENCE_GPUS
from tests.support import ira

# From Compute Engine's page of accelerator-optimized machines: class, machine, GPUs, vCPUs, GB.
# https://cloud.google.com/compute/docs/accelerator-optimized-machines
MACHINES = {
    "l4": """
        gpu-l4-24gb-s4-x1 g2-standard-4 1 4 16
        gpu-l4-24gb-s8-x1 g2-standard-8 1 8 32
        gpu-l4-24gb-s12-x1 g2-standard-12 1 12 48
        gpu-l4-24gb-s16-x1 g2-standard-16 1 16 64
        gpu-l4-24gb-s32-x1 g2-standard-32 1 32 128
        gpu-l4-24gb-x2 g2-standard-24 2 24 96
        gpu-l4-24gb-x4 g2-standard-48 4 48 192
        gpu-l4-24gb-x8 g2-standard-96 8 96 384""",
    "a100-80gb": """
        gpu-a100-80gb-x1 a2-ultragpu-1g 1 12 170
        gpu-a100-80gb-x2 a2-ultragpu-2g 2 24 340
        gpu-a100-80gb-x4 a2-ultragpu-4g 4 48 680
        gpu-a100-80gb-x8 a2-ultragpu-8g 8 96 1360""",
    "rtx-pro-6000": """
        gpu-rtx-pro-6000-96gb-x1 g4-standard-48 1 48 180
        gpu-rtx-pro-6000-96gb-x2 g4-standard-96 2 96 360
        gpu-rtx-pro-6000-96gb-x4 g4-standard-192 4 192 720
        gpu-rtx-pro-6000-96gb-x8 g4-standard-384 8 384 1440""",
    "b200": """
        gpu-b200-180gb-x8 a4-highgpu-8g 8 224 3968""",
}
# The value of the node label, and the memory of one GPU that torch reports.
GPUS = {
    "l4": ("nvidia-l4", "22.03"),
    "a100-80gb": ("nvidia-a100-80gb", "79.25"),
    "rtx-pro-6000": ("nvidia-rtx-pro-6000", "94.97"),
    "b200": ("nvidia-b200", "178.36"),
}


@pytest.mark.parametrize("name", MACHINES)
def test_a_gpu_type_has_the_machines_of_compute_engine(name: str) -> None:
    gpu = load_matrix(PROFILES).profiles.gpus[name]
    label, memory = GPUS[name]

    assert [
        [item.compute_class, item.machine_type, *map(str, (item.gpus, item.vcpus, item.memory_gb))]
        for item in gpu.machines
    ] == [line.split() for line in MACHINES[name].strip().splitlines()]
    assert {item.accelerator for item in gpu.machines} == {label}
    assert str(gpu.memory_gib) == memory


# https://developer.nvidia.com/cuda-gpus
CAPABILITIES = {
    "a100-80gb": "8.0",
    "b200": "10.0",
    "h100": "9.0",
    "h200": "9.0",
    "l4": "8.9",
    "rtx-pro-6000": "12.0",
}


def test_a_gpu_type_has_nvidias_compute_capability() -> None:
    gpus = load_matrix(PROFILES).profiles.gpus

    assert {name: str(gpu.compute_capability) for name, gpu in gpus.items()} == CAPABILITIES


def test_gpu_types_without_cells_are_not_listed_and_are_explained() -> None:
    matrix = load_matrix(PROFILES)
    unused = set(matrix.profiles.gpus) - {gpu for gpu, _ in matrix}

    assert set(MACHINES) - set(REFERENCE_GPUS) <= unused
    listed = ira("list").stdout
    assert not [gpu for gpu in unused if gpu in listed]
    assert "would fit" in ira("explain", "b200", "llama3").stdout
