"""The CPU and memory of a cell's node that are allocatable and in use. Pure.

Memory volumes count as memory of the container that writes to them: /dev/shm as the server's, the
file cache of Cloud Storage FUSE as its sidecar's, which has no limit. What profiles add is part of
its containers' requests, if all that mount it have a limit; else it can grow to its size limit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ira_manifests.analysis.memory_breakdown import Part, bar_of
from ira_manifests.kubernetes import allocatable, gcsfuse, system_pods
from ira_manifests.kubernetes.labels import GCSFUSE_ANNOTATIONS
from ira_manifests.kubernetes.quantities import quantity
from ira_manifests.memory import GIB
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.schema import Machine
from ira_manifests.vllm import cpus

_SERVER, _FETCH = "inference-server, with /dev/shm", "fetch-safetensors"
_SIDECAR, _SYSTEM = "Cloud Storage FUSE", "GKE's own Pods, as assumed"


@dataclass(frozen=True)
class Usage:
    """The usage of a resource of a node: bytes of memory, or thousandths of a core.

    `asked`: requests that the scheduler counts, by container. `more`: further usage, which no
    request includes.
    """

    asked: tuple[Part, ...]
    more: tuple[Part, ...]
    allocatable: int

    @property
    def requests(self) -> int:
        """The sum of the requests of all Pods of the node."""
        return sum(part.size for part in self.asked)

    @property
    def beside(self) -> int:
        """The sum of the further usage."""
        return sum(part.size for part in self.more)

    @property
    def spare(self) -> int:
        """What remains beside all requests and `beside`; negative for a shortfall."""
        return self.allocatable - self.requests - self.beside

    @property
    def server(self) -> int:
        """The largest possible request of the server, with the others unchanged."""
        return self.asked[0].size + self.spare


def memory(cell: Cell) -> Usage:
    """Return the memory usage of the node, in bytes.

    The size of the model's files is taken from its weights; without those, the cache counts as
    empty.
    """
    weights = cell.model.weights
    files = 0 if weights is None else int(weights.total_gib * GIB)
    ours = (
        Part("S", _SERVER, int(quantity(cell.profile.memory))),
        Part("F", _FETCH, int(quantity(cell.platform.fetch_safetensors.memory))),
        Part("B", _SIDECAR, gcsfuse.request(_annotations(cell), "memory")),
    )
    asked = (*ours, *_added(cell, "memory", 1, ours), Part("G", _SYSTEM, system_pods.MEMORY))
    cached = gcsfuse.cached(cell.platform.inference.mount_options, files)
    more = (
        Part("C", "file cache in memory: the model's files", cached),
        Part("M", "volumes in memory", sum(size for _, size in _growing(cell))),
    )
    return Usage(asked, more, int(allocatable.memory(cell.machine.memory_gb)))


def cpu(cell: Cell) -> Usage:
    """Return the CPU usage of the node, in thousandths of a core."""
    ours = (
        Part("S", _SERVER, _millicpus(cell.profile.cpu)),
        Part("F", _FETCH, _millicpus(cell.platform.fetch_safetensors.cpu)),
        Part("B", _SIDECAR, gcsfuse.request(_annotations(cell), "cpu")),
    )
    asked = (*ours, *_added(cell, "cpu", 1000, ours), Part("G", _SYSTEM, system_pods.MILLICPUS))
    return Usage(asked, (), int(allocatable.cpu(cell.machine.vcpus) * 1000))


def _annotations(cell: Cell) -> dict[str, str]:
    return {**GCSFUSE_ANNOTATIONS, **cell.settings.pod_annotations}


def _added(cell: Cell, resource: str, unit: int, ours: Sequence[Part]) -> list[Part]:
    """Return the requests of the containers that profiles add.

    Init containers without restartPolicy run one at a time, before the containers and after the
    sidecars in front of them: they count for what they need beyond all that runs later. See
    https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/
    """
    given = cell.settings
    running = [_part(item, resource, unit) for item in given.containers]
    beside, most = sum(part.size for part in ours if part.name == _SIDECAR), 0
    for item in given.init_containers:
        part = _part(item, resource, unit)
        if "restartPolicy" in item:
            running.append(part)
            beside += part.size
        most = max(most, beside + (0 if "restartPolicy" in item else part.size))
    further = most - sum(part.size for part in (*ours, *running))
    return [
        *(part for part in running if part.size),
        *([Part("I", "init containers, beyond the others", further)] if further > 0 else []),
    ]


def _part(container: Mapping[str, Any], resource: str, unit: int) -> Part:
    """Return a container's request; without one, Kubernetes takes the limit."""
    resources = container.get("resources", {})
    asked = {**resources.get("limits", {}), **resources.get("requests", {})}
    amount = quantity(str(asked[resource])) if resource in asked else 0
    return Part("A", str(container["name"]), int(amount * unit))


def unlimited_volumes(cell: Cell) -> list[str]:
    """Return the volumes in memory that can fill the node: without a limit of any kind."""
    return [name for name, size in _growing(cell) if not size]


def _growing(cell: Cell) -> Iterator[tuple[str, int]]:
    """Yield the volumes in memory that a container without a limit mounts, with their size limits.

    See https://kubernetes.io/docs/concepts/storage/volumes/#emptydir
    """
    given = cell.settings
    for volume in given.volumes:
        source = volume.get("emptyDir") or {}
        if source.get("medium") != "Memory":
            continue
        for container in (*given.containers, *given.init_containers):
            mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
            limits = container.get("resources", {}).get("limits", {})
            if volume["name"] in mounted and "memory" not in limits:
                yield volume["name"], int(quantity(str(source.get("sizeLimit", 0))))
                break


def least_cpus(cell: Cell) -> int:
    """Return the minimum of vCPUs for the cell's server."""
    return cpus.least(cell.profile.gpus)


def _millicpus(text: str) -> int:
    return int(quantity(text) * 1000)


def larger_machine(cell: Cell) -> Machine | None:
    """Return the smallest machine of the cell's GPU type on which all requests fit, or None."""
    able = [
        machine
        for machine in cell.gpu.machines
        if machine.gpus >= cell.profile.gpus and _holds(machine, cell)
    ]
    return min(able, key=lambda machine: (machine.gpus, machine.memory_gb), default=None)


def _holds(machine: Machine, cell: Cell) -> bool:
    needed, cores = memory(cell), cpu(cell)
    return (
        needed.requests + needed.beside <= allocatable.memory(machine.memory_gb)
        and cores.requests <= allocatable.cpu(machine.vcpus) * 1000
    )


def parts(usage: Usage) -> list[Part]:
    """Return the parts of a node's memory, which add up to its total; a shortfall is negative."""
    short = usage.spare < 0
    found = [
        usage.asked[0],
        *usage.more,
        *usage.asked[1:],
        Part("-" if short else "+", "missing" if short else "to spare", usage.spare),
    ]
    return [part for part in found if part.size]


def bar(usage: Usage) -> str:
    """Return the parts as a bar of letters; with a shortfall, a line marks the end of the node."""
    shown = [part for part in parts(usage) if part.size > 0]
    return bar_of(shown) if usage.spare >= 0 else bar_of(shown, usage.allocatable)
