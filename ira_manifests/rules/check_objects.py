"""All rules over rendered directories, before waivers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ira_manifests.layout import LINKS
from ira_manifests.output.directory import RUNTIME_CONFIG, Directory
from ira_manifests.output.tree import Plan, directory_of, way_out
from ira_manifests.profiles import yaml_source
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.yaml_source import START, Place
from ira_manifests.rules import (
    arguments,
    copied,
    draining,
    drivers,
    environment,
    queue,
    selectors,
    workloads,
)
from ira_manifests.rules.check_cells import check_cells
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.hit import Hit
from ira_manifests.rules.objects import names as objects


class Seen(NamedTuple):
    """A directory as text, and what the rules of objects say of it."""

    name: str
    cell: str
    """The cell that it is of, as "gpu/model"; empty for those that are of none."""
    files: Mapping[str, bytes]
    reach: str
    news: Sequence[Finding] = ()
    """What no rule of cells has found."""


class Judge:
    """The rules of objects over rendered directories, one by one, before waivers."""

    def __init__(self, matrix: Matrix, out: Path) -> None:
        self._matrix, self._out = matrix, out
        self._cells = {name: cell for cell in matrix.values() for name in cell.directories}

    def see(self, directory: Directory) -> Seen:
        """Look at a directory. What the rules of cells find is told at the profile's line alone."""
        hits = [*_hits(directory)]
        cell = self._cells.get(directory.name)
        if cell is not None:
            hits += copied.check_cell(directory, cell)
        told = self._told(cell) if cell is not None and hits else ()
        seen = _unjudged(directory)
        news = (
            _finding(seen, self._out, hit) for hit in hits if (hit.rule, hit.message) not in told
        )
        return seen._replace(news=tuple(news))

    def _told(self, cell: Cell) -> set[tuple[str, str]]:
        """Return rule and message of what the rules of cells find as well."""
        return {(item.rule_id, item.message) for item in check_cells(self._matrix, [cell])}


def check_seen(seen: Iterable[Seen], out: Path) -> list[Finding]:
    """Return what was found in all directories of a tree, and in them together, before waivers.

    What the directories of one cell have in common is told in the first of them.
    """
    by_name = {each.name: each for each in seen}
    findings: dict[tuple[str, ...], Finding] = {}
    for each in by_name.values():
        for item in each.news:
            findings.setdefault(_sameness(item, each.name), item)
    across = selectors.check_namespace({name: each.reach for name, each in by_name.items()})
    shared = (_finding(by_name[name], out, hit) for name, hit in across)
    return [*findings.values(), *dict.fromkeys(shared)]


def check_directory(directory: Directory, out: Path) -> list[Finding]:
    """Return what the rules of objects find in one rendered directory, before waivers."""
    seen = _unjudged(directory)
    return [_finding(seen, out, hit) for hit in _hits(directory)]


def _unjudged(directory: Directory) -> Seen:
    reach = selectors.reach(directory)
    return Seen(directory.name, directory.cell, directory.files, reach)


def _hits(directory: Directory) -> Iterator[Hit]:
    for rule in (
        workloads.check, workloads.unmatched_targets, arguments.check, environment.check,
        copied.check, selectors.check, queue.check, objects.check,
        draining.check, drivers.check,
    ):  # fmt: skip
        yield from rule(directory)


def _sameness(item: Finding, directory: str) -> tuple[str, ...]:
    """Return what two findings of one cell share where they are the same one.

    A Deployment's Pods are in the PodTemplate once more, and in the cell's queued directory.
    """
    of_pod = item.field.removeprefix("spec.").removeprefix("template.")
    return item.cell or directory, item.rule_id, of_pod, item.message


def check_output(out: Path, plan: Plan) -> Iterator[Finding]:
    """Yield a finding for each directory of the output that is not what the profiles say."""
    run = "run synth with the same options"
    replaced = LINKS.keys() & {*plan.updated}
    for link in sorted(replaced):
        message = f"{link} is not the link to {LINKS[link]}: what is written there is not built"
        hint = (
            "remove what is in both places from here, and run synth, which moves your files to "
            "their place and makes the link"
        )
        yield Finding(str(out / link), *START, "IRA028", "", message, hint)
    for paths, message, hint in (
        (plan.created, "is missing", run),
        (plan.updated, "is not what the profiles say", run),
        (plan.removed, "is no longer generated", run),
        (plan.hollow, "is an empty folder of a cell that is gone", run),
        (
            plan.blocked,
            "was not written by synth and is in its way",
            f"{way_out(next(iter(plan.blocked), ''))}, or name another folder with --out",
        ),
    ):
        for same in _by_directory(set(paths) - replaced):
            first, others = same[0], len(same) - 1
            name = PurePosixPath(first).name
            said = f"{name} {message}" if not others else f"{name} {message}, and {others} more"
            yield Finding(str(out / first), *START, "IRA028", "", said, hint)


def _by_directory(paths: Iterable[str]) -> list[list[str]]:
    grouped: dict[str, list[str]] = {}
    for path in sorted(paths):
        grouped.setdefault(directory_of(path), []).append(path)
    return list(grouped.values())


def _finding(seen: Seen, out: Path, hit: Hit) -> Finding:
    file = str(out / seen.name / hit.file)
    line, column = _place(seen.files.get(hit.file, b""), hit)
    field = yaml_source.dotted(hit.path)
    return Finding(file, line, column, hit.rule, field, hit.message, hit.hint, seen.cell)


def _place(content: bytes, hit: Hit) -> Place:
    if hit.file == RUNTIME_CONFIG:
        lines = content.decode().splitlines()
        starts = (
            number for number, line in enumerate(lines, 1) if line.startswith(f"{hit.path[0]}=")
        )
        return Place(next(starts, 1), 1)
    document, _ = yaml_source.read(hit.file, content)
    return document.keys.get(hit.path) or document.place(hit.path)
