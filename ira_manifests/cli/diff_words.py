"""The sentences of `diff`, for text and for Markdown."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

from ira_manifests.comparing import (
    CellChange,
    Comparison,
    Counts,
    DirectoryChange,
    Effect,
    Facts,
    FieldChange,
    ObjectChange,
    OfEnvironment,
)
from ira_manifests.comparing.fields import ORDER, shown
from ira_manifests.messages import count, shortened, visible

_SHORT = {
    Effect.IN_PLACE: "no restart",
    Effect.REMOVED: "removed",
    Effect.NEW: "new objects",
    Effect.REPLACED: "new objects",
    Effect.ROLLS: "Pods replaced",
    Effect.IMMUTABLE: "delete first",
}
_ABOVE = ("spec.template.spec.", "spec.template.", "template.spec.", "spec.leaderWorkerTemplate.")
_NO_FIT = ("does not fit", "impossible")
_CONTEXT = 40  # letters before a difference, of the 60 that are shown
_COPIES = ("PodTemplate",)
"""Kinds whose fields are told as those of the workload that they are copies of."""


class Group(NamedTuple):
    """Directories with the same changes of objects."""

    directories: Sequence[DirectoryChange]

    @property
    def names(self) -> list[str]:
        """The names of the directories."""
        return [each.name for each in self.directories]

    @property
    def objects(self) -> Sequence[ObjectChange]:
        """The changes of objects, those of the first for all."""
        return self.directories[0].objects


def groups(of: OfEnvironment) -> list[Group]:
    """Return changed directories, those with the same changes together."""
    found: dict[str, list[DirectoryChange]] = {}
    for each in of.directories:
        if each.effect not in (Effect.NEW, Effect.REMOVED):
            found.setdefault(_shape(each), []).append(each)
    return [Group(each) for each in found.values()]


def whole(of: OfEnvironment) -> list[tuple[str, list[str]]]:
    """Return a heading for new directories, and one for those that are gone, with their names."""
    removed = (
        "Removed directories; what applies the output removes their objects"
        if of.is_pruned
        else "Removed directories; their objects stay until you delete them"
    )
    headings = {Effect.NEW: "New directories", Effect.REMOVED: removed}
    found = [
        (heading, [each.name for each in of.directories if each.effect is effect])
        for effect, heading in headings.items()
    ]
    return [(heading, names) for heading, names in found if names]


def _shape(directory: DirectoryChange) -> str:
    """Return the changes of a directory as text, without names."""
    objects = [
        [
            each.identity.kind,
            each.effect,
            each.strategy,
            each.also_in,
            [_field(field) for field in each.fields],
        ]
        for each in directory.objects
    ]
    return json.dumps([directory.effect, objects])


def summary(found: Comparison, name: str) -> str:
    """Return how many cells change, as one sentence."""
    if found.is_empty:
        return f"Nothing changes on a cluster, compared with {name}."
    cells = [cell for each in found.environments for cell in each.cells]
    new = sum(cell.old is None for cell in cells)
    gone = sum(cell.new is None for cell in cells)
    said = [
        f"{count(number, 'cell')} {word}"
        for number, word in (
            (len(cells) - new - gone, "changed"),
            (new, "new"),
            (gone, "removed"),
        )
        if number
    ]
    return f"Compared with {name}: {', '.join(said) or 'no cell changed'}."


def outcome(cell: CellChange, of: OfEnvironment) -> str:
    """Return what happens to a cell, in two words."""
    if cell.old is None or cell.new is None:
        return "new" if cell.old is None else "removed"
    effects = [each.effect for each in of.directories if each.cell == cell.name]
    return _SHORT[max(effects)] if effects else "nothing"


def machine(cell: CellChange) -> str:
    """Return the machine before and after."""
    return _both(cell, lambda facts: _nodes(facts) + facts.machine)


def _nodes(facts: Facts) -> str:
    return "" if facts.nodes == 1 else f"{facts.nodes} × "


def gpus(cell: CellChange) -> str:
    """Return the GPUs of all replicas before and after."""
    return _both(cell, lambda facts: number(facts.all_gpus))


def memory(cell: CellChange) -> str:
    """Return the memory verdict before and after."""
    return _both(cell, _verdict)


def _verdict(facts: Facts) -> str:
    short = facts.verdict.partition(":")[0]
    return "no fit" if short in _NO_FIT else short


def _both(cell: CellChange, said: Callable[[Facts], str]) -> str:
    """Return what is said of a cell before and after, once where it is the same."""
    texts = [said(facts) for facts in (cell.old, cell.new) if facts is not None]
    return " → ".join(dict.fromkeys(texts))


def number(counts: Counts) -> str:
    """Return GPUs as text: "8", or "8-32" where an autoscaler adds replicas."""
    return str(counts.least) if counts.least == counts.most else f"{counts.least}-{counts.most}"


def capacity(found: Comparison) -> list[tuple[str, str, str, str]]:
    """Return each GPU type whose GPUs change: before, after, and how many more."""
    rows = []
    for gpu, old, new in found.gpus:
        if old != new:
            more = new - old
            least, most = f"{more.least:+d}", f"{more.most:+d}"
            rows.append(
                (gpu, number(old), number(new), least if least == most else f"{least} to {most}")
            )
    return rows


CAPACITY = "GPUs, if every cell is applied"
DOWNLOADS = "Models to download first, if the bucket does not have them"


def deletions(of: OfEnvironment) -> list[str]:
    """Return the commands that delete what the API server does not let change."""
    found = (
        each.deletion
        for directory in of.directories
        for each in directory.objects
        if each.effect is Effect.IMMUTABLE
    )
    return list(dict.fromkeys(found))


def downloads(of: OfEnvironment) -> tuple[str, ...]:
    """Return the models to download before the output is applied.

    What prunes is a controller, which applies the downloads of the output first.
    """
    return () if of.is_pruned else of.models


def consequence(change: ObjectChange, *, is_pruned: bool) -> str:
    """Return what happens to an object."""
    if change.effect is Effect.IMMUTABLE:
        lost = ", with its data" if change.identity.kind == "PersistentVolumeClaim" else ""
        return f"can't be changed; if it is there, delete it first{lost}"
    if change.effect is Effect.ROLLS:
        down = "; none serves until the new ones are ready" if change.strategy == "Recreate" else ""
        return f"its Pods are replaced ({change.strategy}){down}"
    if change.effect is Effect.REPLACED:
        then = "is removed" if is_pruned else "stays until you delete it"
        return f"a new one takes its place; the old one {then}"
    if change.effect is Effect.REMOVED:
        if change.also_in:
            return f"is in {change.also_in} now"
        return (
            "is removed" if is_pruned else "is not written any more; it stays until you delete it"
        )
    return "is new" if change.effect is Effect.NEW else "changes without a restart"


def fields(change: ObjectChange) -> Iterator[tuple[str, str]]:
    """Yield each field that changes, and how."""
    if change.identity.kind not in _COPIES:
        yield from (_field(each) for each in change.fields)


def _field(change: FieldChange) -> tuple[str, str]:
    old, new = change.difference.old, change.difference.new
    if change.reference:
        return change.reference, "has another content"
    if change.difference.path[-1] == ORDER:
        return _short(shown(change.difference.path[:-1])), "another order"
    name = _short(change.difference.field)
    if old is None:
        return name, f"+ {_value(new)}"
    if new is None:
        return name, f"- {_value(old)}"
    if "\n" in f"{old}{new}":
        return name, f"{_lines(old)} → {_lines(new)}, another text"
    return name, " → ".join(map(_value, _from_difference(old, new)))


def _short(field: str) -> str:
    for above in _ABOVE:
        if field.startswith(above):
            return visible(field.removeprefix(above))
    return visible(field)


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _value(value: Any) -> str:
    if isinstance(value, str) and "\n" in value:
        return _lines(value)
    text = value if isinstance(value, str) else _json(value)
    return visible(shortened(text)) or '""'


def _from_difference(old: Any, new: Any) -> tuple[Any, Any]:
    """Return two texts without the beginning that they share, if that is all that would be shown.

    They then begin with the item of a list or the word in which they differ.
    """
    # Tokens are hidden first: a part of one is not recognised.
    texts = [visible(each if isinstance(each, str) else _json(each)) for each in (old, new)]
    if texts[0] == texts[1] or shortened(texts[0]) != shortened(texts[1]):
        return old, new
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(*texts, strict=False)))
    start = max(alike - _CONTEXT, *(texts[0].rfind(end, 0, alike) + 1 for end in ", "))
    return f"...{texts[0][start:]}", f"...{texts[1][start:]}"


def _lines(value: Any) -> str:
    return count(len(str(value).splitlines()), "line")
