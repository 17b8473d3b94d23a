"""The GPU type of a Pod, from the labels of nodes that it selects."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ira_manifests.kubernetes import queued_capacity as gke
from ira_manifests.profiles.schema import GpuProfile, Machine
from ira_manifests.rules.view.plain import at, mapping, mappings, sequence
from ira_manifests.rules.view.pods import PodTemplate

_INSTANCE_TYPES = ("node.kubernetes.io/instance-type", "beta.kubernetes.io/instance-type")
# A part of a GPU, or one that Pods share, has not all of its memory.
_PARTS = (
    "cloud.google.com/gke-gpu-partition-size",
    "cloud.google.com/gke-gpu-sharing-strategy",
    "cloud.google.com/gke-max-shared-clients-per-gpu",
)
_PART_NAME = re.compile(r"(?<![0-9])1-(?:[248]|of-[248])(?![0-9])|vgpu|mig\b|fraction")


class Hardware(NamedTuple):
    """A GPU type, a machine of it, and the label from which they are known."""

    gpu_name: str
    gpu: GpuProfile
    machine: Machine
    label: str


def find(template: PodTemplate, gpus: Mapping[str, GpuProfile], count: int) -> Hardware | str:
    """Return the GPU type of a Pod, else why it is not known. `count`: GPUs of the server."""
    selected = dict(_selected(template))
    if any(label in selected for label in _PARTS):
        return "the memory of the part of a GPU that it shares"
    for label, value in selected.items():
        if _PART_NAME.search(value):
            return f"the memory of the part of a GPU that {label}: {value} gives"
        for name, gpu in gpus.items():
            for machine in _sorted(gpu, count):
                if _is_named(machine, label, value, name):
                    return Hardware(name, gpu, machine, label)
    known = [value for label, value in selected.items() if label in _LABELS]
    return f"the GPU type ({known[0]})" if known else "the GPU type"


_LABELS = (gke.COMPUTE_CLASS, gke.ACCELERATOR, *_INSTANCE_TYPES)


def _sorted(gpu: GpuProfile, count: int) -> list[Machine]:
    """Return the machines of a GPU type: first the smallest that has the GPUs."""
    return sorted(gpu.machines, key=lambda machine: (machine.gpus < count, machine.gpus))


def _is_named(machine: Machine, label: str, value: str, gpu_name: str) -> bool:
    if label == gke.ACCELERATOR:
        return value == machine.accelerator
    if label in _INSTANCE_TYPES:
        return value == machine.machine_type
    if label != gke.COMPUTE_CLASS:
        return False
    # The author's own classes are named as freely as anything; most have the GPU in the name.
    named = re.search(rf"(?<![a-z0-9]){re.escape(gpu_name)}(?![a-z0-9])", value)
    return value == machine.compute_class or named is not None


def _selected(template: PodTemplate) -> Iterator[tuple[str, str]]:
    """Yield the labels of nodes that a Pod requires, those of affinity with one value."""
    affinity = mapping(at(template.spec, "affinity", "nodeAffinity"))
    required = mapping(affinity.get("requiredDuringSchedulingIgnoredDuringExecution"))
    terms = mappings(required.get("nodeSelectorTerms"))
    for item in mappings(terms[0].get("matchExpressions")) if len(terms) == 1 else ():
        values = sequence(item.get("values"))
        if item.get("operator") == "In" and len(values) == 1:
            yield str(item.get("key")), str(values[0])
    yield from template.node_selector.items()
