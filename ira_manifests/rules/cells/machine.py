"""Rules of the machine that a cell gets."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.analysis import node_usage
from ira_manifests.analysis.remedies import sizes
from ira_manifests.kubernetes.quantities import quantity
from ira_manifests.memory import GIB
from ira_manifests.messages import count, gib
from ira_manifests.profiles.cell import Cell
from ira_manifests.rules.catalogue import Severity
from ira_manifests.rules.cells.subjects import CELL, CellOf
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import also, rule
from ira_manifests.vllm import gpu_drivers


@rule("IRA005", "idle-gpus", Severity.WARNING, CELL)
def idle_gpus(of: CellOf) -> Iterator[Finding]:
    """The smallest machine that the cell gets has more GPUs than it uses.

    Nobody else is scheduled on the idle GPUs unless another Pod fits beside, and all of them are
    billed. Where no smaller machine exists, use all of its GPUs or waive the rule.
    """
    machine, used = of.cell.machine, of.cell.profile.gpus
    idle = machine.gpus - used
    if idle > 0:
        message = (
            f"{machine.machine_type} has {machine.gpus} GPUs and the cell uses {used}: "
            f"{count(idle, 'GPU')} idle"
        )
        yield of.finding(("tensor_parallel",), message, _fewer_idle(of.cell))


def _fewer_idle(cell: Cell) -> str:
    """Return what leaves fewer GPUs idle: a smaller machine, else a size that fills one."""
    used, machines = cell.profile.tensor_parallel, cell.gpu.machines
    smaller = [each for each in machines if used <= each.gpus < cell.machine.gpus]
    if smaller:
        least = min(smaller, key=lambda machine: machine.gpus)
        return f"compute_class: {least.compute_class} has {count(least.gpus, 'GPU')}"
    filled = sorted({each.gpus for each in machines}.intersection(sizes(cell)))
    full = f"use tensor_parallel: {' or '.join(map(str, filled))}, or " if filled else ""
    return (
        f"no machine of {cell.gpu_name} with {used} GPUs or more is smaller: {full}waive the rule"
    )


@rule("IRA006", "too-large-for-machine", Severity.ERROR, CELL)
def too_large_for_machine(of: CellOf) -> Iterator[Finding]:
    """The Pod needs more than the machine allocates.

    GKE keeps a part of every machine for the kernel and the kubelet. A Pod that asks for more than
    the rest stays Pending for ever: the autoscaler says that no node group would fit it, or keeps
    making nodes that do not help. Counted are the requests of the server, of the warm-up container,
    of the sidecar of Cloud Storage FUSE (250m and 256Mi, its defaults, since the annotations take
    its limits away), of the containers that profiles add, and of GKE's own Pods.

    The file cache is in memory as well. With `file-cache:max-size-mb:-1` it grows to the size of
    the model's files, beside all that the server may use, /dev/shm included. No request includes
    it, so the Pod is scheduled, and when the node's memory runs out the kubelet evicts the Pod or
    the kernel ends one of its processes, while the model is loaded. `weights.total_gib` of the
    model stands for its files; where a model has none, the cache is not counted, and files that are
    quantised only while they are loaded are larger than what is counted. A positive size in
    `inference.mount_options` limits the cache. A volume in memory of the profiles counts with its
    `sizeLimit`, unless all containers that mount it have a limit of memory, which includes it; one
    without either is not counted, and `explain` says so.

    Of GKE's own Pods, 647m and 1 GiB are assumed: those of the base platform, by requests that were
    published of its DaemonSets. Nobody published the memory of anetd, dcgm-exporter,
    filestore-node, pdcsi-node and netd, for which 440 MiB of it are assumed. Add-ons beside those
    of the base platform, and DaemonSets of your own, are not counted: `kubectl describe node` shows
    what they ask for. `explain GPU MODEL` shows the node's memory in parts.
    """
    machine = of.cell.machine.machine_type
    memory, cpu = node_usage.memory(of.cell), node_usage.cpu(of.cell)
    asked = {"cpu": (cpu, 1000, "cores"), "memory": (memory, GIB, "GiB")}
    for field, (usage, unit, name) in asked.items():
        if usage.requests > usage.allocatable:
            message = (
                f"{_shares(of.cell, field, usage, unit)} = {usage.requests / unit:.1f} {name} are "
                f"asked for, and {machine} allocates {usage.allocatable / unit:.1f}"
            )
            yield of.finding((field,), message, _room(of.cell, field))
    if memory.spare < 0 <= memory.spare + memory.beside:
        message = (
            f"{gib(-memory.spare)} are missing on {machine}, which allocates "
            f"{gib(memory.allocatable)}: {_shares(of.cell, 'memory', memory, GIB)} = "
            f"{gib(memory.requests)} are asked for, and {_more(memory)} of memory beside"
        )
        yield of.finding(("memory",), message, _room(of.cell, "memory"))


def _more(memory: node_usage.Usage) -> str:
    verbs = {"C": "the file cache takes", "M": "volumes in memory take"}
    return ", ".join(f"{verbs[part.letter]} {gib(part.size)}" for part in memory.more if part.size)


def _shares(cell: Cell, field: str, usage: node_usage.Usage, unit: int) -> str:
    """Return each container's request as text, with the profile's own text if that differs."""
    written = str(getattr(cell.profile, field))
    names = [part.name.partition(",")[0] for part in usage.asked]
    sizes_shown = [f"{part.size / unit:.2f}".rstrip("0").rstrip(".") for part in usage.asked]
    if written != sizes_shown[0]:
        sizes_shown[0] += f" ({written})"
    return " + ".join(f"{name} {size}" for name, size in zip(names, sizes_shown, strict=True))


def _room(cell: Cell, field: str) -> str:
    """Return a hint: a lower request of the server, or a larger machine."""
    if field == "memory":
        most = node_usage.memory(cell).server // 10**9
        ways = [f"memory: {most}G"] if most > 0 else []
    else:
        most = node_usage.cpu(cell).server // 1000
        ways = [f"cpu: {most}"] if most >= node_usage.least_cpus(cell) else []
    larger = node_usage.larger_machine(cell)
    if larger is not None:
        ways.append(f"compute_class: {larger.compute_class}")
    if not ways:
        return "no machine of the GPU type holds it; use another GPU type, or a smaller model"
    return f"{' or '.join(ways)} would fit"


@rule("IRA046", "too-few-cpus", Severity.WARNING, CELL)
def too_few_cpus(of: CellOf) -> Iterator[Finding]:
    """The server gets fewer CPUs than vLLM has processes to run.

    vLLM runs an API server, an engine core that never sleeps, and a worker for each GPU, and wants
    a physical core for each: 2 + GPUs. Compute Engine sells threads, two to a core, so that is
    2 × (2 + GPUs) of a cell's `cpu`, which is the container's limit as well. With fewer, the
    processes wait for each other, and the GPUs for them: answers come late and throughput falls,
    although nothing fails. The minimum is from vLLM's guide to optimization; a server of images, of
    many short requests or of several API servers wants more.
    """
    profile, least = of.cell.profile, node_usage.least_cpus(of.cell)
    if quantity(profile.cpu) < least:
        gpus = count(profile.gpus, "GPU")
        message = f"the server gets {profile.cpu} CPUs and vLLM wants {least} for {gpus}"
        hint = f"cpu: {least} or more, on a machine that has them"
        yield of.finding(("cpu",), message, hint)


@rule("IRA056", "layers-across-nodes", Severity.WARNING, CELL)
def layers_across_nodes(of: CellOf) -> Iterator[Finding]:
    """A layer is shared by GPUs of several machines.

    With `tensor_parallel` above the GPUs of one node, all GPUs exchange the results of each layer
    over the network between machines, for each token, and answers come many times later than over
    NVLink. With `tensor_parallel` of one machine's GPUs and a stage of `pipeline_parallel` for each
    machine, only the values between two layers cross the network. The order of vLLM's ranks puts
    the GPUs that share layers beside each other (vllm/distributed/parallel_state.py), so the same
    is true of a size that does not divide the GPUs of a node: some groups lie on two machines.
    """
    profile = of.cell.profile
    if profile.nodes == 1 or profile.gpus % profile.tensor_parallel == 0:
        return
    message = (
        f"tensor parallel {profile.tensor_parallel} with {count(profile.gpus, 'GPU')} on each of "
        f"{profile.nodes} nodes: each layer is shared over the network"
    )
    hint = f"tensor_parallel: {profile.gpus} and pipeline_parallel: {profile.nodes}"
    yield of.finding(("tensor_parallel",), message, hint)


@also("IRA041", CELL)
def driver_of_a_node_pool(of: CellOf) -> Iterator[Finding]:
    """The driver version of a node pool that a profile names is unknown."""
    engine, pool = of.cell.engine, of.cell.gpu.queued_node_pool
    needed = gpu_drivers.needs(engine.reference, engine.version)
    if pool is None or needed is None or not needed.more_than_default:
        return
    message = f"the driver of the node pool {pool} is not judged: the image is built on CUDA "
    message += f"{needed.cuda} and needs driver {needed.driver}, and GKE's default may be "
    message += gpu_drivers.GKE_DEFAULT
    hint = "make the pool with gpu-driver-version=latest, and waive the rule for the cell then"
    yield of.finding_of_gpu(("queued_node_pool",), message, hint)
