"""Runs the rules of rendered directories and of the output folder, before waivers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ira_manifests.layout import placed
from ira_manifests.output.directory import Directory
from ira_manifests.output.tree import Plan
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.rules.check_cells import check_cells
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.view.groups import DIRECTORY, NAMESPACE, OUTPUT
from ira_manifests.rules.view.namespace import Namespace, Seen
from ira_manifests.rules.view.output import Output
from ira_manifests.rules.view.pods import Object
from ira_manifests.rules.view.rendered import View


class Judge:
    """Runs the rules of objects over one rendered directory at a time, before waivers."""

    def __init__(self, matrix: Matrix, out: Path) -> None:
        self._matrix, self._out = matrix, out
        self._cells = {
            placed(matrix.environment, name): cell
            for cell in matrix.values()
            for name in cell.directories
        }

    def check(self, directory: Directory) -> Seen:
        """Return a directory with its findings, without those already reported for its cell."""
        cell = self._cells.get(directory.name)
        view = View(directory, self._out, cell)
        findings = list(DIRECTORY.run(view))
        reported = self._reported(cell) if cell is not None and findings else ()
        return Seen(
            directory.name,
            directory.cell,
            directory.files,
            view.selector_index.to_json(),
            [_placed(item, directory.kustomization.namespace) for item in view.objects],
            [item for item in findings if (item.rule_id, item.message) not in reported],
        )

    def _reported(self, cell: Cell) -> set[tuple[str, str]]:
        """Return the rule and the message of each finding of the rules of cells."""
        return {(item.rule_id, item.message) for item in check_cells(self._matrix, [cell])}


def _placed(item: Object, namespace: str | None) -> str:
    """Return the namespace, the kind and the name. `namespace`: the kustomization's."""
    return f"{namespace or item.metadata.get('namespace', '')}/{item.kind} {item.name}"


def check_seen(seen: Iterable[Seen], out: Path) -> list[Finding]:
    """Return the findings of each directory, and of all together, before waivers.

    A finding that the directories of one cell share is reported for the first of them.
    """
    directories = list(seen)
    findings: dict[tuple[str, ...], Finding] = {}
    for each in directories:
        for item in each.findings:
            findings.setdefault(sameness(item, item.cell or each.name), item)
    shared = NAMESPACE.run(Namespace(directories, out))
    return [*findings.values(), *dict.fromkeys(shared)]


def check_together(directories: Iterable[Directory]) -> Iterator[tuple[str, Finding]]:
    """Yield the findings of directories of one namespace, each with the directory's name.

    They are judged without cells, and may read ConfigMaps that the cluster has. The paths in
    findings begin with the directory's name.
    """
    seen = []
    for each in directories:
        view = View(each, Path(), complete=False)
        yield from ((each.name, item) for item in DIRECTORY.run(view))
        seen.append(Seen(each.name, "", each.files, view.selector_index.to_json()))
    for item in dict.fromkeys(NAMESPACE.run(Namespace(seen, Path()))):
        yield item.file.partition("/")[0], item


def check_directory(directory: Directory, out: Path) -> list[Finding]:
    """Return the findings of one rendered directory, before waivers."""
    return list(DIRECTORY.run(View(directory, out)))


def check_output(out: Path, plan: Plan) -> Iterator[Finding]:
    """Yield a finding for each directory of the output that differs from the profiles."""
    yield from OUTPUT.run(Output(out, plan))


def sameness(item: Finding, workload: str) -> tuple[str, ...]:
    """Return a key that is equal for duplicate findings of one workload.

    A Deployment's Pods appear again in its PodTemplate and in the cell's queued directory.
    """
    of_pod = item.field.removeprefix("spec.").removeprefix("template.")
    return workload, item.rule_id, of_pod, item.message
