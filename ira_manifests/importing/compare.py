"""How two sets of objects differ in what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from ira_manifests.importing.effective import EMPTY, Fields, Path, fields, view_of
from ira_manifests.kubernetes.quantities import same_quantity, same_value
from ira_manifests.lint.view import ForeignView
from ira_manifests.rules.view.pods import Object

# Their values are compared where they are read, and a Secret's are never read.
VALUES = ("ConfigMap", "Secret")


class Difference(NamedTuple):
    """A field that two objects of a kind have otherwise; empty where one has none.

    Without a field it is an object that only one side has, by its name.
    """

    kind: str
    field: str
    there: str
    here: str


def differences(
    there: Sequence[Mapping[str, Any]], here: Sequence[Mapping[str, Any]]
) -> list[Difference]:
    """Return how objects differ, both sides with the ConfigMaps that they read.

    An object is compared with the one of its kind and name, else with the only other of its kind.
    """
    return between(view_of("there", there), view_of("here", here))


def between(there: ForeignView, here: ForeignView) -> list[Difference]:
    """Return how the objects of two views differ."""
    found: list[Difference] = []
    for one, other in _pairs(_compared(there), _compared(here)):
        if one is None or other is None:
            only = one or other
            names = ("" if one is None else one.name, "" if other is None else other.name)
            found.append(Difference("" if only is None else only.kind, "", *names))
        else:
            found += of_fields(one.kind, fields(there, one), fields(here, other))
    return found


def _compared(view: ForeignView) -> list[Object]:
    return [item for item in view.objects if item.kind not in VALUES]


def _pairs(
    there: Sequence[Object], here: Sequence[Object]
) -> Iterator[tuple[Object | None, Object | None]]:
    waiting = {(item.kind, item.name): item for item in here}
    alone = []
    for item in there:
        same = waiting.pop((item.kind, item.name), None)
        if same is None:
            alone.append(item)
        else:
            yield item, same
    for item in alone:
        kin = [key for key in waiting if key[0] == item.kind]
        is_only = sum(each.kind == item.kind for each in alone) == 1
        yield item, waiting.pop(kin[0]) if is_only and len(kin) == 1 else None
    yield from ((None, item) for item in waiting.values())


def of_fields(kind: str, there: Fields, here: Fields) -> list[Difference]:
    """Return how two objects differ; of what one side lacks as a whole, the outermost field."""
    found: dict[str, Difference] = {}
    parts = (_prefixes(there), _prefixes(here))
    for path in sorted({*there, *here}):
        one, other = there.get(path), here.get(path)
        if one is not None and other is not None:
            if not _same(path, one, other):
                found[shown(path)] = Difference(kind, shown(path), one, other)
            continue
        lacking = parts[1] if other is None else parts[0]
        if path in lacking and EMPTY in (one, other):
            continue  # the fields in it are told
        tops = (path[:n] for n in range(1, len(path) + 1) if path[:n] not in lacking)
        top = next(tops, path)
        texts = (_summary(there, top), "") if other is None else ("", _summary(here, top))
        found.setdefault(shown(top), Difference(kind, shown(top), *texts))
    return list(found.values())


def _prefixes(given: Fields) -> set[Path]:
    return {path[:length] for path in given for length in range(1, len(path) + 1)}


def _summary(given: Fields, top: Path) -> str:
    inside = {path[len(top) :]: text for path, text in given.items() if path[: len(top)] == top}
    if () in inside:
        return inside[()]
    return ", ".join(f"{'.'.join(path)}: {text}" for path, text in sorted(inside.items()))


def _same(path: Path, one: str, other: str) -> bool:
    is_share = path[-1] == "--gpu-memory-utilization"
    return same_value(path, one, other) or (is_share and same_quantity(one, other))


def shown(path: Path) -> str:
    """Return a path as users write it, without the way to the Pod's spec."""
    text = ".".join(path)
    for way in ("spec.leaderWorkerTemplate.leaderTemplate", "spec.template"):
        text = re.sub(rf"^{re.escape(way)}\.(spec|metadata)\.", r"pod.\1.", text)
    return text.replace("pod.spec.", "pod.").replace(".containers[", ".container[")
