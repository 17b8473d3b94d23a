"""What `import` prints of a tree, in 80 columns, or as JSON."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from ira_manifests import installation
from ira_manifests.cli import terminal
from ira_manifests.cli.terminal import BOLD, DIM, Text
from ira_manifests.importing.reading import Left
from ira_manifests.importing.run import Imported, Row
from ira_manifests.messages import count

_MOST = 160  # letters of a value
_FEW = 3  # names, and pairs of values, that are listed one by one
_NONE = "-"


def report(found: Imported) -> None:
    """Print the cells, what is not carried over, and how the cells differ from the tree."""
    head = [[Text("from", BOLD), Text("cell", BOLD)]]
    above = _above(found.cells.values())
    rows = [[Text(_below(unit, above)), Text(cell)] for cell, unit in found.cells.items()]
    terminal.say_table(head, rows, "<<")
    left(found)
    rows_of_tree = [row for row in found.rows if row.difference.there]
    _changed([row for row in rows_of_tree if row.difference.field], len(found.cells))
    _objects([row for row in found.rows if not row.difference.field], len(found.cells))
    _added([row for row in found.rows if row not in rows_of_tree], len(found.cells))
    if found.not_judged:
        terminal.say_heading("Memory not judged:")
        terminal.say_wrapped(
            f"{', '.join(found.not_judged)}: without geometry. Name a folder with the model's "
            "config.json by --models, or write its profile with add.",
            indent="",
        )


def document(found: Imported) -> dict[str, Any]:
    """Return the same as plain values, in full."""
    return {
        "cells": dict(found.cells),
        "left": [each._asdict() for each in found.left],
        "differences": [
            {**row.difference._asdict(), "cells": list(row.cells)} for row in found.rows
        ],
        "not_judged": list(found.not_judged),
    }


# --- what is left out -----------------------------------------------------------------------------


def left(found: Imported) -> None:
    """Print what is not carried over, and why: of many objects once."""
    if not found.left:
        return
    terminal.say_heading("Not carried over, or assumed:")
    above = _above([each.unit for each in found.left if each.unit])
    reasons: dict[tuple[str, str], list[Left]] = {}
    for each in found.left:
        reasons.setdefault((each.field, each.why), []).append(each)
    for (field, why), its in reasons.items():
        names = list(dict.fromkeys(_owner(each, above) for each in its))
        shown = names if len(names) <= _FEW else [names[0], f"{len(names) - 1} more"]
        terminal.say_wrapped(f"{field + ': ' if field else ''}{why}")
        terminal.say_wrapped(f"    in {', '.join(shown)}", DIM, indent="        ")


def _owner(each: Left, above: str) -> str:
    where = f"{_below(each.unit, above)}: " if each.unit else ""
    return f"{where}{each.owner}"


def _above(units: Iterable[str]) -> str:
    """Return the folder that all units are in; empty if there is none."""
    paths = list(dict.fromkeys(units))
    if len(paths) < 2 or len({Path(path).is_absolute() for path in paths}) > 1:  # noqa: PLR2004
        return ""
    return os.path.commonpath(paths)


def _below(unit: str, above: str) -> str:
    return os.path.relpath(unit, above) if above else unit


# --- what differs ---------------------------------------------------------------------------------


def _changed(rows: Sequence[Row], cells: int) -> None:
    """Print the fields that the tree has, and the profiles' objects have otherwise or lack."""
    for kind, of_kind in groupby(rows, key=lambda row: row.difference.kind):
        terminal.say_heading(f"Differs in {kind}:")
        for field, its in groupby(of_kind, key=lambda row: row.difference.field):
            pairs = list(its)
            every = list(dict.fromkeys(name for row in pairs for name in row.cells))
            terminal.say_wrapped(f"{field}{_of(every, cells)}")
            few = len(pairs) <= _FEW
            for row in pairs if few else pairs[:1]:
                which = _of(row.cells, cells) if len(pairs) > 1 else ""
                _pair(row, which)
            if not few:
                terminal.say(f"    and {len(pairs) - 1} more values: --json has them")


def _pair(row: Row, which: str) -> None:
    one = row.difference
    terminal.say_wrapped(f"    there: {_short(one.there)}{which}", indent="        ")
    terminal.say_wrapped(f"    here:  {_short(one.here)}", indent="        ")


def _objects(rows: Sequence[Row], cells: int) -> None:
    """Print the objects that only the tree has."""
    there = [row for row in rows if row.difference.there]
    if there:
        terminal.say_heading("Objects only there:")
    for row in there:
        terminal.say_wrapped(f"{row.difference.kind} {row.difference.there}{_of(row.cells, cells)}")


def _added(rows: Sequence[Row], cells: int) -> None:
    """Print what only the profiles make: objects, and fields of objects that the tree has."""
    for kind, its in groupby(rows, key=lambda row: row.difference.kind):
        texts = list(_texts(list(its), cells))
        terminal.say_heading(f"Only here, {kind}:")
        for text in texts:
            terminal.say_wrapped(text)


def _texts(rows: Sequence[Row], cells: int) -> Iterator[str]:
    for field, its in groupby(rows, key=lambda row: row.difference.field):
        pairs = list(its)
        names = list(dict.fromkeys(name for row in pairs for name in row.cells))
        if field:
            yield f"{field}{_of(names, cells)}"
        else:
            objects = list(dict.fromkeys(row.difference.here for row in pairs))
            few = len(objects) <= _FEW
            yield ", ".join(objects if few else [objects[0], f"{len(objects) - 1} more"])


def _of(names: Sequence[str], cells: int) -> str:
    """Return which cells a difference is of; nothing for all of them."""
    if len(names) in (0, cells):
        return ""
    few = len(names) <= _FEW
    return f" ({', '.join(names) if few else f'{len(names)} of {cells} cells'})"


def _short(text: str) -> str:
    shown = " ".join(text.split())
    return f"{shown[:_MOST]}..." if len(shown) > _MOST else shown or _NONE


def next_steps(out: Path, found: Imported) -> None:
    """Print what was written, and what to do next."""
    kinds = count(len(found.cells), "cell")
    terminal.say(f"\nWrote {out}: {kinds}, {count(len(found.rows), 'difference')}.")
    option = "" if out == Path("profiles") else f" --profiles {out}"
    program = installation.program()
    terminal.say("Next:")
    for command in ("list", "check --profiles-only", "synth"):
        terminal.say(f"    {program} {command}{option}")
