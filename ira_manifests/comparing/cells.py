"""What a change of cells means for machines, GPUs and memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ira_manifests.analysis import matrix_summary
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix


@dataclass(frozen=True)
class Counts:
    """GPUs: the fewest that replicas need, and the most where an autoscaler adds replicas."""

    least: int = 0
    most: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.least + other.least, self.most + other.most)

    def __sub__(self, other: Counts) -> Counts:
        return Counts(self.least - other.least, self.most - other.most)


@dataclass(frozen=True)
class Facts:
    """What a cell runs on, and its memory verdict. Sizes are GiB on each GPU."""

    machine: str
    compute_class: str
    nodes: int
    gpus: int
    """GPUs of one copy of the model, on all of its nodes."""
    replicas: Counts
    verdict: str
    kv_headroom_gib: float | None

    @property
    def all_gpus(self) -> Counts:
        """GPUs of all replicas."""
        return Counts(self.gpus * self.replicas.least, self.gpus * self.replicas.most)


@dataclass(frozen=True)
class CellChange:
    """A cell that is new, gone, or has other values. `old`, `new`: None where there is none."""

    environment: str
    name: str
    old: Facts | None
    new: Facts | None

    def to_json(self) -> dict[str, Any]:
        """Return the change as plain values."""
        return {**asdict(self), "environment": self.environment or None}


def changed(
    old: Matrix | None, new: Matrix | None, directories: Collection[str]
) -> Iterator[CellChange]:
    """Yield the cells of an environment that have one of some directories.

    `directories`: names without the environment's, of those whose profiles differ.
    """
    sides = [{cell.name: cell for cell in (side or {}).values()} for side in (old, new)]
    for name in sorted({**sides[0], **sides[1]}):
        found = [side.get(name) for side in sides]
        if any(each in directories for cell in found if cell for each in cell.directories):
            environment = next(side.environment for side in (new, old) if side is not None)
            before, after = map(_facts, found)
            yield CellChange(environment, name, before, after)


def gpus(cells: Iterable[Cell]) -> dict[str, Counts]:
    """Return the GPUs of cells by GPU type, as if all cells were applied."""
    found: dict[str, Counts] = {}
    for cell in cells:
        replicas, each = _replicas(cell), cell.profile.all_gpus
        count = Counts(replicas.least * each, replicas.most * each)
        found[cell.gpu_name] = found.get(cell.gpu_name, Counts()) + count
    return found


def _facts(cell: Cell | None) -> Facts | None:
    if cell is None:
        return None
    row = matrix_summary.row(cell)
    return Facts(
        row.machine,
        row.compute_class,
        cell.profile.nodes,
        row.gpus,
        _replicas(cell),
        row.verdict,
        row.kv_headroom_gib,
    )


def _replicas(cell: Cell) -> Counts:
    scaled = cell.settings.autoscaling
    if scaled is not None:
        return Counts(scaled.min, scaled.max)
    number = cell.settings.replicas
    count = 1 if number is None else number
    return Counts(count, count)
