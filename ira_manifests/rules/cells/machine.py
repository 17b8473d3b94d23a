"""Rules of the machine that a cell gets."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.kubernetes import allocatable
from ira_manifests.messages import count
from ira_manifests.rules.catalogue import Severity
from ira_manifests.rules.cells.subjects import CELL, CellOf
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import also, rule
from ira_manifests.vllm import gpu_drivers


@rule("IRA005", "idle-gpus", Severity.WARNING, CELL)
def idle_gpus(of: CellOf) -> Iterator[Finding]:
    """The smallest machine that the cell gets has more GPUs than it uses.

    Nobody else is scheduled on the idle GPUs unless another Pod fits beside, and all of them are
    billed. Where no smaller machine exists, waive the rule.
    """
    machine, used = of.cell.machine, of.cell.profile.tensor_parallel
    idle = machine.gpus - used
    if idle > 0:
        message = (
            f"{machine.machine_type} has {machine.gpus} GPUs and the cell uses {used}: "
            f"{count(idle, 'GPU')} idle"
        )
        hint = "choose a smaller machine, or waive the rule where there is none"
        yield of.finding(("tensor_parallel",), message, hint)


@rule("IRA006", "too-large-for-machine", Severity.ERROR, CELL)
def too_large_for_machine(of: CellOf) -> Iterator[Finding]:
    """The Pod requests more than the machine allocates.

    GKE keeps a part of every machine for the kernel and the kubelet. A Pod that asks for more than
    the rest stays Pending for ever: the autoscaler says that no node group would fit it, or keeps
    making nodes that do not help. The requests of the warm-up container count as well.
    """
    cell = of.cell
    fetch, machine = cell.platform.fetch_safetensors, cell.machine
    cores, memory = allocatable.cpu(machine.vcpus), allocatable.memory(machine.memory_gb)
    asked = {
        "cpu": (cell.profile.cpu, fetch.cpu, cores, 1, "cores"),
        "memory": (cell.profile.memory, fetch.memory, memory, 1 << 30, "GiB"),
    }
    for field, (server, warm_up, most, unit, unit_name) in asked.items():
        total = allocatable.quantity(server) + allocatable.quantity(warm_up)
        if total > most:
            message = (
                f"the Pod asks for {total / unit:.1f} {unit_name} and {machine.machine_type} "
                f"allocates {most / unit:.1f}"
            )
            hint = "no node of the compute class can ever take the Pod; ask for less"
            yield of.finding((field,), message, hint)


@also("IRA041", CELL)
def driver_of_a_node_pool(of: CellOf) -> Iterator[Finding]:
    """No file tells the driver of a node pool that a profile names."""
    engine, pool = of.cell.platform.engine, of.cell.gpu.queued_node_pool
    needed = gpu_drivers.needs(engine.reference, engine.version)
    if pool is None or needed is None or not needed.more_than_default:
        return
    message = f"the driver of the node pool {pool} is not judged: the image is built on CUDA "
    message += f"{needed.cuda} and needs driver {needed.driver}, and GKE's default may be "
    message += gpu_drivers.GKE_DEFAULT
    hint = "make the pool with gpu-driver-version=latest, and waive the rule for the cell then"
    yield of.finding_of_gpu(("queued_node_pool",), message, hint)
