"""Rules of names that several cells of one tree share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix, shared_workloads
from ira_manifests.rules.finding import Finding, found


def check(matrix: Matrix, chosen: Iterable[Cell]) -> Iterator[Finding]:
    """Yield cells that would be the same objects as a cell of another GPU type.

    Models of one GPU type may share a name: the next one replaces the last, as the walkthrough
    has it. A name for several GPU types can't be meant so: who asks for `vllm` on H100 gets it
    wherever it was applied last.
    """
    source = matrix.profiles.sources["platform", "platform"]
    path = ("inference", "workload_name")
    for name, cells in shared_workloads(chosen).items():
        first = cells[0]
        for cell in cells:
            if cell.gpu_name == first.gpu_name:
                continue
            message = (
                f"{cell.name} would be the same Deployment {name} as "
                f"{first.name}, on another GPU type"
            )
            hint = "name the GPU type: vllm-{gpu}, or vllm-{gpu}-{model} to run all side by side"
            yield found(
                source.file, source.document, path, "IRA017", message, hint,
                cell=cell.name,
            )  # fmt: skip
