"""What `explain --json` prints: the same as `explain` shows people, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ira_manifests.analysis import limits, matrix_summary, memory_breakdown, node_usage
from ira_manifests.memory import Budget, MemoryInputError
from ira_manifests.profiles import model_text
from ira_manifests.profiles.cell import Cell
from ira_manifests.provenance.explained import ExplainedDirectory, Value

if TYPE_CHECKING:
    from ira_manifests.analysis.matrix_summary import Absent
    from ira_manifests.analysis.memory_breakdown import Part
    from ira_manifests.provenance.field_lookup import Answer
    from ira_manifests.rules.catalogue import Rule


class JsonReport:
    """Collects what is explained; its methods are the functions of `explain_report`."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {}
        self._environments: dict[str, Any] = {}  # of what follows, where they are told apart

    def _add(self, key: str, item: dict[str, Any]) -> None:
        self.document.setdefault(key, []).append({**item, **self._environments})

    def environment(self, *names: str, first: bool) -> None:
        """Note of which environments what follows is; None is the walkthrough's."""
        del first
        self._environments = {"environments": [name or None for name in names]}

    def gap(self) -> None:
        """Add nothing: an empty line is for people."""

    def absent(self, pair: Absent) -> None:
        """Add a pair that is not in the matrix, and why."""
        self._add("absent", vars(pair))

    def left_out(self, pair: Absent) -> None:
        """Add a GPU type that gets no cell of a new model, and why."""
        self._add("absent", vars(pair))

    def rule(self, found: Rule) -> None:
        """Add a rule with its page."""
        self.document["rule"] = {
            "id": found.id,
            "name": found.name,
            "severity": str(found.severity),
            "page": found.page,
        }

    def value(self, item: Value) -> None:
        """Add one value: what it is, where it is in the manifest, where it comes from."""
        self._add("values", asdict(item))

    def answers(self, field: str, found: Sequence[Answer]) -> None:
        """Add what directories hold at a field, each inner field with its source."""
        self.document["field"] = field
        for answer in found:
            self._add("answers", asdict(answer))

    def directory(self, found: ExplainedDirectory) -> None:
        """Add the source of every value of a directory that is no cell's."""
        values = [asdict(value) for value in found.values]
        self._add("directories", {"name": found.name, "values": values})

    def explained(self, cell: Cell, values: Sequence[Value]) -> None:
        """Add a cell's memory, and the source of every value."""
        self._add("cells", {**_cell(cell), "values": [asdict(value) for value in values]})

    def proposed(self, cell: Cell, weights_from: str) -> None:
        """Add a cell that no profile has, and its lines in the profile to be."""
        lines = model_text.cell_text(cell.gpu_name, cell.profile)
        self._add("cells", {**_cell(cell), "weights_from": weights_from, "profile": lines})


def _cell(cell: Cell) -> dict[str, Any]:
    try:
        estimate = cell.budget
    except MemoryInputError:
        estimate = None  # the verdict says why
    usage, cores = node_usage.memory(cell), node_usage.cpu(cell)
    row = matrix_summary.row(cell).to_json()
    del row["environment"]  # of a row of the matrix; here it is the one that was asked for
    return {
        **row,
        "limit": None if estimate is None else limits.limit(cell, estimate),
        "memory": None if estimate is None else _memory(cell, estimate),
        "node": {
            "memory": _parts(node_usage.parts(usage)),
            "allocatable_bytes": usage.allocatable,
            "requested_millicores": cores.requests,
            "allocatable_millicores": cores.allocatable,
        },
    }


def _memory(cell: Cell, estimate: Budget) -> dict[str, Any]:
    return {
        "parts": _parts(memory_breakdown.parts(estimate)),
        "total_bytes": estimate.total,
        "requested_bytes": estimate.requested,
        "tokens": estimate.tokens,
        "kv_bytes_per_token": estimate.kv_bytes_per_token,
        "safe_max_model_len": estimate.safe_max_model_len,
        "steps": [asdict(step) for step in memory_breakdown.steps(cell)],
    }


def _parts(parts: Sequence[Part]) -> list[dict[str, Any]]:
    return [{"name": part.name, "bytes": part.size} for part in parts]
