"""Runs the rules on other authors' trees, and joins what one place does in many kustomizations."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import NamedTuple, TypeVar

from ira_manifests.errors import IraError
from ira_manifests.kustomizations.build import Built
from ira_manifests.kustomizations.sources import Sources
from ira_manifests.lint import namespaces, serving, spelling
from ira_manifests.lint.families import Member, families
from ira_manifests.lint.models import Library
from ira_manifests.lint.serving import Serving
from ira_manifests.lint.spelling import Served
from ira_manifests.lint.units import Place, units
from ira_manifests.lint.view import NOT_KNOWN, ForeignView
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import matrix_of
from ira_manifests.profiles.yaml_source import dotted
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.cells.subjects import CELL, CellOf
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import Check
from ira_manifests.rules.sources.subjects import (
    FOLDER,
    OVERLAY,
    TROUBLE,
    WORKLOAD,
    WRITTEN,
    Overlay,
    Workload,
)
from ira_manifests.rules.view.groups import DIRECTORY, NAMESPACE
from ira_manifests.rules.view.servers import Server

_PART = frozenset({Needs.PART})
_KNOWN = frozenset({Needs.PART, Needs.OBJECTS, Needs.RELEASE})

S = TypeVar("S")


class _Told(NamedTuple):
    """A finding, and the unit in which it is; empty for one of no unit."""

    unit: str
    finding: Finding


def judge(
    sources: Sources,
    built: Sequence[Built],
    library: Library,
    step: Callable[[str], None] = lambda _name: None,
) -> list[Finding]:
    """Return the findings of some sources, each once, sorted. `step` is called for each unit."""
    told: list[_Told] = []
    members: list[Member] = []
    served: list[Served] = []
    for unit in units(sources, built):
        view = ForeignView(unit)
        told += (_Told(unit.name, item) for item in _of_view(view, library))
        served += (
            each for server in view.servers for each in spelling.served(unit.name, view, server)
        )
        if unit.built is not None and not unit.is_part:
            members.append(Member(unit.name, unit.built, view))
        step(unit.name)
    for name, folder in spelling.folders(served):
        told += (_Told(name, item) for item in FOLDER.run(folder, _PART))
    for written in namespaces.written(sources, built):
        told += (_Told("", item) for item in WRITTEN.run(written, _PART))
    for family in families(sources, members):
        told += (_Told("", item) for item in _guarded(NAMESPACE.checks(_KNOWN), family))
    overlays: list[Overlay] = []
    overlays += (Overlay(sources, each, overlays) for each in built)
    for overlay in overlays:
        each = overlay.built
        name = sources.shown(each.root.folder)
        known = _PART if each.is_part else _KNOWN
        told += (_Told(name, item) for item in _guarded(OVERLAY.checks(known), overlay))
        for trouble in each.troubles:
            told += (_Told(name, item) for item in TROUBLE.run(trouble, _KNOWN))
    for trouble in sources.troubles:
        told += (_Told("", item) for item in TROUBLE.run(trouble, _KNOWN))
    return joined(told)


def _of_view(view: ForeignView, library: Library) -> Iterator[Finding]:
    yield from _guarded(DIRECTORY.checks(_PART if view.is_part else _KNOWN), view)
    for server in view.servers:
        if not server.container.template.is_copy:
            found = serving.read(view, server, library)
            if view.is_merged or not view.is_part:  # else a note of the remote base says so
                yield from _of_workload(view, found)
            yield from _of_cells(view, found, library)


def _guarded(checks: Iterable[Check[S]], subject: S) -> Iterator[Finding]:
    """Yield findings; a check that an object of an impossible shape breaks says nothing of it."""
    for check in checks:
        try:
            found = list(check(subject))
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            continue  # such as labels that are no mapping, which the API server refuses
        yield from (item for item in found if item.line != NOT_KNOWN)


def _of_workload(view: ForeignView, found: Serving) -> Iterator[Finding]:
    container = found.server.container
    path = (*container.path, "image")
    place = view.place(container.file, path)
    workload = Workload(*place, dotted(path), container.template.name, found.unknown)
    yield from WORKLOAD.run(workload, _KNOWN)


# --- cells ----------------------------------------------------------------------------------------


def _of_cells(view: ForeignView, found: Serving, library: Library) -> Iterator[Finding]:
    """Yield the findings of a server's cell; of several, those that all of them have."""
    known = {Needs.PART, Needs.OBJECTS, *((Needs.MODEL,) if found.is_whole else ())}
    # The newest first: most servers have no fault there, and then no other release is asked.
    told = [item for cell in found.cells[-1:] for item in _of_cell(cell, library, known)]
    for cell in reversed(found.cells[:-1]):
        common = {item.rule_id for item in _of_cell(cell, library, known)} if told else set()
        told = [item for item in told if item.rule_id in common]
    yield from (_placed(view, found.server, item) for item in told)


def _of_cell(cell: Cell, library: Library, known: set[Needs]) -> Iterator[Finding]:
    matrix = matrix_of(cell, "")
    profiles = replace(matrix.profiles, known_model_ids=library.model_ids)
    matrix.profiles = profiles
    for check in CELL.checks(known):
        try:
            yield from check(CellOf(matrix, cell))
        except IraError:
            continue  # a release without facts, or no machine with as many GPUs


def _placed(view: ForeignView, server: Server, item: Finding) -> Finding:
    """Return a finding of a cell at the argument that decides the field, in the author's words."""
    field = item.field.split(".")[-1]
    place = _place(view, server, field, item.message)
    message, hint = (_in_options(text) for text in (item.message, item.hint))
    shown = serving.OPTIONS.get(field, "")
    return replace(
        item, file=place.file, line=place.line, column=place.column, field=shown,
        message=message, hint=hint, cell="",
    )  # fmt: skip


def _place(view: ForeignView, server: Server, field: str, message: str) -> Place:
    named = (each for each in server.settings if message.startswith(each))
    option = serving.OPTIONS.get(field) or next(named, None)
    if option is not None and option in server.settings:
        return view.place(server.file, server.place_of(option))
    if field == "tensor_parallel" and server.container.gpus:
        path = (*server.container.path, "resources", "limits", "nvidia.com/gpu")
        return view.place(server.file, path)
    return view.place(server.file, server.model_place)


_FIELD = re.compile(r"\b(" + "|".join(serving.OPTIONS) + r")\b")


def _in_options(text: str) -> str:
    text = text.replace("waive the rule", "ignore the rule")  # waivers are of profiles
    return _FIELD.sub(lambda found: serving.OPTIONS[found[1]], text)


# --- one fault, one finding -----------------------------------------------------------------------


def joined(told: Iterable[_Told]) -> list[Finding]:
    """Return one finding for each rule and place, with the units that it reaches.

    Notes of one place differ in what they say, and so are joined by that as well.
    """
    groups: dict[tuple[object, ...], list[_Told]] = {}
    for each in sorted(told):
        item = each.finding
        said = item.message if item.severity is Severity.NOTE else ""
        key = (item.rule_id, item.file, item.line, item.column, said)
        groups.setdefault(key, []).append(each)
    causes = {key[1:4] for key in groups if key[0] == _CAUSE}
    found = (same for key, same in groups.items() if key[0] == _CAUSE or key[1:4] not in causes)
    return sorted(map(_one, found))


# With a comment in a value, anything else that is wrong with the value follows from it.
_CAUSE = "IRA025"


def _one(same: Sequence[_Told]) -> Finding:
    first = same[0].finding
    names = sorted({each.unit for each in same if each.unit})
    alone = len(names) == 1 and PurePath(first.file).is_relative_to(names[0])
    in_itself = alone or names in ([first.file], [])
    return replace(first, reach=() if in_itself else tuple(names))
