"""Compares two directories by the objects that are applied of them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ira_manifests.comparing.effects import Effect, effect_of
from ira_manifests.comparing.fields import Difference, differences
from ira_manifests.directories.final import final
from ira_manifests.output.directory import Directory

Json = Mapping[str, Any]

# Names that end in a hash: kustomize's own, and those of constructs.manifests.parts.fingerprint.
_HASHED = {
    "ConfigMap": re.compile(r"-[bcdfghjkmt2456789]{10}$|-[0-9a-f]{8}$"),
    "Job": re.compile(r"-[0-9a-f]{8}$"),
    "PodTemplate": re.compile(r"-[0-9a-f]{8}$"),
    "ProvisioningRequest": re.compile(r"-[0-9a-f]{8}$"),
}
CONTENT = "another content"
"""What is said of an object that is named by its content, where others refer to it."""


class Identity(NamedTuple):
    """What tells objects apart on a cluster, but for the hash in a name."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True)
class FieldChange:
    """A field that changes, and what that does.

    `reference`: the kind and name of the object that the field names, where that object alone
    has another content.
    """

    difference: Difference
    effect: Effect
    reference: str = ""


@dataclass(frozen=True)
class ObjectChange:
    """An object that is new, gone or changed."""

    identity: Identity
    effect: Effect
    fields: tuple[FieldChange, ...] = ()
    old_name: str = ""
    """Its full name before; empty for a new one."""
    new_name: str = ""
    also_in: str = ""
    """The directory without a cell that has the object which this one has no longer."""
    strategy: str = ""
    """How Pods are replaced: `Recreate` or `RollingUpdate`; empty where none are."""

    @property
    def deletion(self) -> str:
        """The command that deletes the object as it is on the cluster."""
        namespace = self.identity.namespace
        beside = f" --namespace {namespace}" if namespace else ""
        return f"kubectl delete {self.identity.kind.lower()}/{self.old_name}{beside}"


@dataclass(frozen=True)
class DirectoryChange:
    """A directory that is new, gone or changed, with the changes of its objects."""

    name: str
    cell: str
    """The name of its cell, "gpu/model"; empty for directories without one."""
    objects: tuple[ObjectChange, ...]
    effect: Effect
    """NEW, REMOVED, or else the greatest effect of its objects."""


def compared(old: Iterable[Directory], new: Iterable[Directory]) -> list[DirectoryChange]:
    """Return the directories of an environment whose objects differ, by name.

    Directories of one name that both sides lack are equal, so the unchanged can be left out.
    """
    before = {each.name: each for each in old}
    after = {each.name: each for each in new}
    homes = _homes(after.values())
    found = []
    for name in sorted({*before, *after}):
        one, other = before.get(name), after.get(name)
        objects = _of_directory(_objects(one), _objects(other), homes)
        if objects:
            cell = (other or one or Directory(name)).cell
            found.append(DirectoryChange(name, cell, tuple(objects), _effect(one, other, objects)))
    return found


def _effect(
    old: Directory | None, new: Directory | None, objects: Collection[ObjectChange]
) -> Effect:
    if old is None or new is None:
        return Effect.NEW if old is None else Effect.REMOVED
    return max(each.effect for each in objects)


def _objects(directory: Directory | None) -> dict[Identity, Json]:
    """Return the objects that are applied of a directory, with what kustomize generates."""
    return (
        {_identity(item): item for item in final(directory).objects.values()} if directory else {}
    )


def _identity(item: Json) -> Identity:
    kind, metadata = item["kind"], item["metadata"]
    return Identity(kind, metadata.get("namespace", ""), _plain(kind, metadata["name"]))


def _plain(kind: str, name: str) -> str:
    """Return a name without the hash at its end."""
    return _HASHED[kind].sub("", name) if kind in _HASHED else name


def _homes(directories: Iterable[Directory]) -> dict[Identity, str]:
    """Return where objects are that directories of cells have in common."""
    common = (each for each in directories if not each.cell)
    return {each: directory.name for directory in common for each in _objects(directory)}


def _of_directory(
    old: Mapping[Identity, Json], new: Mapping[Identity, Json], homes: Mapping[Identity, str]
) -> list[ObjectChange]:
    names = [{_name(item): each for each, item in side.items()} for side in (old, new)]
    found: list[ObjectChange] = []
    for each in {**old, **new}:
        one, other = old.get(each), new.get(each)
        if one is None and other is not None:
            found.append(ObjectChange(each, Effect.NEW, new_name=_name(other)))
        elif one is not None and other is None:
            gone = ObjectChange(each, Effect.REMOVED, old_name=_name(one))
            found.append(_still_in(gone, homes.get(each, "")))
        elif one is not None and other is not None:
            found += _changed(each, one, other, names)
    return found


def _still_in(change: ObjectChange, directory: str) -> ObjectChange:
    return ObjectChange(change.identity, change.effect, (), change.old_name, also_in=directory)


def _name(item: Json) -> str:
    name: str = item["metadata"]["name"]
    return name


def _changed(
    identity: Identity, old: Json, new: Json, names: Sequence[Mapping[str, Identity]]
) -> Iterator[ObjectChange]:
    """Yield the change of an object, if it has one."""
    renamed = _name(old) != _name(new)
    found = _referring(
        [each for each in differences(old, new) if each.path != ("metadata", "name")], names
    )
    fields = tuple(
        FieldChange(each, Effect.REPLACED if renamed else effect_of(identity.kind, each), reference)
        for each, reference in found
    )
    if not fields and not renamed:
        return
    effect = Effect.REPLACED if renamed else max(each.effect for each in fields)
    strategy = _strategy(new) if effect is Effect.ROLLS else ""
    yield ObjectChange(identity, effect, fields, _name(old), _name(new), strategy=strategy)


def _referring(
    found: Iterable[Difference], names: Sequence[Mapping[str, Identity]]
) -> Iterator[tuple[Difference, str]]:
    """Yield differences, and of those that name one object of another content the first only."""
    told = set()
    for each in found:
        old, new = (
            side.get(value) if isinstance(value, str) else None
            for side, value in zip(names, (each.old, each.new), strict=True)
        )
        if old is None or old != new:
            yield each, ""
        elif (old, each.path[:2]) not in told:
            told.add((old, each.path[:2]))
            yield each, f"{old.kind} {old.name}"


def _strategy(item: Json) -> str:
    spec = item["spec"]
    given = spec.get("strategy") or spec.get("rolloutStrategy") or {}
    return str(given.get("type", "RollingUpdate"))
