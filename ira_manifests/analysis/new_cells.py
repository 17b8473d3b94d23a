"""Proposes a model's cell on a GPU type: machine, tensor parallel size, context. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from ira_manifests.analysis import node_usage
from ira_manifests.analysis.kernels import missing_kernel
from ira_manifests.analysis.limits import limit
from ira_manifests.memory import (
    Limit,
    MemoryInputError,
    Serving,
    SplitError,
    Verdict,
    budget,
    safe_context,
)
from ira_manifests.messages import gib
from ira_manifests.profiles.cell import Cell, find_machine
from ira_manifests.profiles.platform import Platform
from ira_manifests.profiles.schema import CellProfile, GpuProfile, Machine, ModelProfile

LEAST_CONTEXT = 8192
"""The shortest context of a new cell, in tokens, unless the model's own is shorter."""

_UTILIZATIONS = tuple(map(Decimal, ("0.95", "0.92", "0.90", "0.85", "0.80")))
_IDLE = "Tensor parallelism can't use more of the machine's GPUs, and no smaller machine works."
# The server's part of a machine, as in the reference architecture: three eighths of the vCPUs and
# half of the memory.
_CPU_PART, _MEMORY_PART = (3, 8), 2
_LEAST_GB, _GB_PER_GPU = 8, 4
_GB = 10**9


@dataclass(frozen=True)
class Wanted:
    """A model that needs cells.

    Attributes:
        model: its profile; existing cells are ignored.
        max_model_len: the context that a cell must serve, in tokens; None: the longest that fits.
        split_problem: returns why the weights can't be split over a number of GPUs; empty if they
            can.
        kv_cache_dtype: dtype of the KV cache.
    """

    name: str
    model: ModelProfile
    platform: Platform
    max_model_len: int | None = None
    split_problem: Callable[[int], str] = lambda _size: ""
    kv_cache_dtype: str = "auto"


def propose(wanted: Wanted, gpu_name: str, gpu: GpuProfile) -> CellProfile | str:
    """Return the cell on the smallest machine that works, else why the largest does not.

    A machine works if the estimate keeps its margins and the Pods' requests fit on the node.
    """
    lacking: dict[int, str] = {}
    unsplit: dict[int, str] = {}
    for machine, size in _candidates(gpu):
        profile = _profile(wanted, gpu, machine, size)
        cell = Cell(gpu_name, wanted.name, gpu, wanted.model, profile, wanted.platform)
        kernel = missing_kernel(cell)
        if kernel:
            return kernel
        problem = wanted.split_problem(size) or _split_problem(cell)
        if problem:
            unsplit[size] = problem
            continue
        found = _on(wanted, cell)
        if isinstance(found, CellProfile):
            return found
        lacking[size] = found
    reasons = lacking or unsplit
    return reasons[max(reasons)]


def _split_problem(cell: Cell) -> str:
    try:
        cell.serving_with(max_model_len=LEAST_CONTEXT)
    except SplitError as error:
        return str(error)
    except MemoryInputError:
        return ""
    return ""


def _candidates(gpu: GpuProfile) -> Iterator[tuple[Machine, int]]:
    """Yield machines, smallest first, with the sizes that are too large for smaller ones."""
    below = 0
    for gpus in sorted({machine.gpus for machine in gpu.machines}):
        machines = [machine for machine in gpu.machines if machine.gpus == gpus]
        for size in range(gpus, below, -1):
            for machine in sorted(machines, key=lambda item: item.memory_gb):
                yield machine, size
        below = gpus


def _profile(
    wanted: Wanted, gpu: GpuProfile, machine: Machine, size: int, **more: Any
) -> CellProfile:
    values: dict[str, Any] = {
        "tensor_parallel": size,
        "cpu": "1",
        "memory": "1G",
        "gpu_memory_utilization": _UTILIZATIONS[0],
        "max_model_len": 1,
        **more,
    }
    if wanted.kv_cache_dtype != "auto":
        values["kv_cache_dtype"] = wanted.kv_cache_dtype
    if machine.gpus > size:
        values["waive"] = {"IRA005": _IDLE}
    profile = CellProfile.model_validate(values)
    if find_machine(gpu, profile) is not machine:
        profile = CellProfile.model_validate({**values, "compute_class": machine.compute_class})
    return profile


def _on(wanted: Wanted, cell: Cell) -> CellProfile | str:
    """Return the complete cell, else why it does not work."""
    try:
        serving = cell.serving_with(max_model_len=LEAST_CONTEXT)
    except MemoryInputError as error:
        return str(error)
    if serving is None:
        return f"not judged: {cell.unjudged}"
    fitting = _fitting(wanted, cell, serving)
    if isinstance(fitting, str):
        return fitting
    found = host(cell)
    return found if isinstance(found, str) else _profile(
        wanted,
        cell.gpu,
        cell.machine,
        cell.profile.tensor_parallel,
        gpu_memory_utilization=fitting.utilization,
        max_model_len=fitting.max_model_len,
        **found,
    )  # fmt: skip


def _fitting(wanted: Wanted, cell: Cell, serving: Serving) -> Serving | str:
    """Return the serving with the longest context that keeps all margins, else why there is none.

    With equal contexts, the largest utilization is used.
    """
    most = serving.geometry.max_position_embeddings
    least = wanted.max_model_len or min(LEAST_CONTEXT, most)
    best: Serving | None = None
    reasons: dict[Limit, str] = {}
    for utilization in _UTILIZATIONS:
        tried = replace(serving, utilization=utilization, max_model_len=least)
        estimate = budget(tried)
        if estimate.verdict is not Verdict.FITS:
            reasons.setdefault(estimate.decisive.limit, limit(cell, estimate))
            continue
        longest = least if wanted.max_model_len else min(most, safe_context(tried))
        if best is None or longest > best.max_model_len:
            best = replace(tried, max_model_len=longest)
    if best is not None:
        return best
    # Only the largest shares exceed the free memory, so any other reason is shown first.
    shown = [why for what, why in reasons.items() if what is not Limit.START] or [*reasons.values()]
    return f"{shown[0]}, with {least} tokens at tensor parallel {serving.tensor_parallel}"


def host(cell: Cell) -> Mapping[str, str] | str:
    """Return the server's CPU and memory on the cell's machine, else why the node is too small."""
    machine, size = cell.machine, cell.profile.tensor_parallel
    cores, memory = node_usage.cpu(cell), node_usage.memory(cell)
    least = node_usage.least_cpus(cell)
    cpu = max(least, machine.vcpus * _CPU_PART[0] // _CPU_PART[1])
    cpu = min(cpu, cores.server // 1000)
    if cpu < least:
        return f"{machine.machine_type} leaves {cpu} CPUs for the server, and vLLM wants {least}"
    wanted = _LEAST_GB + _GB_PER_GPU * size
    most = memory.server // _GB
    if most < wanted:
        return (
            f"{machine.machine_type} leaves {gib(max(0, memory.server))} of memory for the server "
            f"beside the file cache with the model, and {wanted} GB are wanted"
        )
    return {"cpu": str(cpu), "memory": f"{min(most, machine.memory_gb // _MEMORY_PART)}G"}
