"""Patches of a cell's objects: applied, checked, and as sources of the fields that they change."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from ira_manifests.constructs.manifests.parts import Json
from ira_manifests.constructs.manifests.sources import Source, item_key, source
from ira_manifests.constructs.manifests.workload import TEMPLATES
from ira_manifests.errors import PatchError
from ira_manifests.kubernetes import fields, json_patch, strategic_merge
from ira_manifests.kubernetes import labels as keys
from ira_manifests.kubernetes import leader_worker_set as lws
from ira_manifests.kubernetes import queued_capacity as queued
from ira_manifests.kubernetes.fields import Wrong
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.patches import Patch
from ira_manifests.profiles.pod_fields import OWN_CONTAINERS

_FIELD = "@settings.patches"

K = TypeVar("K")


def applied(cell: Cell, objects: Mapping[K, Json]) -> dict[K, Json]:
    """Return objects of a cell by their ids, after the patches of its profiles.

    Raises `PatchError` for a patch that can't be applied.
    """
    found = dict(objects)
    for number, patch in enumerate(cell.settings.patches):
        for name, item in found.items():
            if matches(patch, item):
                try:
                    found[name] = changed(patch, item)
                except PatchError as error:
                    message = f"{cell.name}: patches[{number}] of the {patch.kind}: {error}"
                    raise PatchError(error.path, message) from None
    return found


def matches(patch: Patch, item: Json) -> bool:
    """Return whether a patch is for an object."""
    return patch.kind == item["kind"] and patch.name in (None, item["metadata"]["name"])


def changed(patch: Patch, item: Json) -> Json:
    """Return an object after a patch.

    Raises `PatchError`, with the place inside the patch, if the patch does not fit the object, if
    it changes its identity or a value that fields of profiles decide, or leaves a wrong object.
    """
    form = "strategic_merge" if patch.json_patch is None else "json_patch"
    try:
        if patch.json_patch is None:
            found: Any = strategic_merge.merged(item, patch.strategic_merge or {}, patch.kind)
        else:
            found = json_patch.patched(item, patch.json_patch)
    except PatchError as error:
        raise PatchError((form, *error.path), str(error)) from None
    _check(item, found)
    return {**found, "metadata": _sorted(found["metadata"])}


def _sorted(metadata: Json) -> Json:
    """Return metadata in the order of cdk8s."""
    return {
        key: dict(sorted(value.items())) if isinstance(value, dict) else value
        for key, value in sorted(metadata.items())
    }


def _check(before: Json, after: Any) -> None:
    if not isinstance(after, dict) or not isinstance(after.get("metadata"), dict):
        raise PatchError((), "leaves no object")
    for path, wrong in _wrong(before["kind"], after):
        raise PatchError((), f"leaves a wrong object: {_dotted(path)} {wrong.message}")
    kept = _decided(after)
    for path, (value, instead) in _decided(before).items():
        if path not in kept or kept[path][0] != value:
            raise PatchError((), f"changes {path}: {instead}")


def _wrong(kind: str, item: Json) -> Iterator[tuple[Sequence[str | int], Wrong]]:
    """Yield what is wrong in an object, or in the Pod templates of a custom resource."""
    if kind in fields.table():
        for each in fields.wrong(kind, item):
            yield each.path, each
    elif kind in TEMPLATES:
        for path in TEMPLATES[kind]:
            for each in fields.wrong("PodTemplateSpec", _at(item, *path)):
                yield (*path, *each.path), each


def _dotted(path: Sequence[str | int]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")


_IDENTITY = "the object would be another one; use the fields of profiles for names"
_SELECTED = "a selector can't be changed once it is applied, and the Pods would not be found"
_CHECKED = "what is known of the cell would not be true"


def _decided(item: Json) -> dict[str, tuple[Any, str]]:
    """Return the values that patches can't change, by path, each with what to do instead."""
    metadata = _at(item, "metadata")
    found: dict[str, tuple[Any, str]] = {
        "apiVersion": (item.get("apiVersion"), _IDENTITY),
        "kind": (item.get("kind"), _IDENTITY),
        "metadata.name": (metadata.get("name"), _IDENTITY),
        "metadata.namespace": (metadata.get("namespace"), _IDENTITY),
        "spec.selector": (_at(item, "spec").get("selector"), _SELECTED),
    }
    if item.get("kind") == lws.KIND:
        *parents, key = lws.SIZE_OF_GROUP
        size = _at(item, *parents).get(key)
        found[".".join(lws.SIZE_OF_GROUP)] = (size, f"{_CHECKED}; set nodes")
    for path in TEMPLATES.get(str(item.get("kind")), ()):
        found |= _of_template(".".join(path), _at(item, *path))
    return found


def _of_template(path: str, template: Json) -> dict[str, tuple[Any, str]]:
    """Return the values of a Pod template by which its Pods are found and its machine is chosen."""
    found: dict[str, tuple[Any, str]] = {}
    pod = _at(template, "spec")
    for key in (keys.NAME, keys.INSTANCE):
        value = _at(template, "metadata", "labels").get(key)
        found[f"{path}.metadata.labels.{key}"] = (value, _SELECTED)
    compute_class = _at(pod, "nodeSelector").get(queued.COMPUTE_CLASS)
    found[f"{path}.spec.nodeSelector.{queued.COMPUTE_CLASS}"] = (
        compute_class, f"{_CHECKED}; set compute_class",
    )  # fmt: skip
    server: Json = next(
        (each for each in pod.get("containers", []) if each.get("name") == OWN_CONTAINERS[0]), {}
    )
    return found | _of_server(f"{path}.spec.containers[{OWN_CONTAINERS[0]}]", server)


def _of_server(path: str, server: Json) -> dict[str, tuple[Any, str]]:
    """Return the values of the server's container that decide its memory and its machine."""
    instead = {
        "args": "set args", "command": "set engine.command", "image": "set engine",
        "name": "leave the server's container",
    }  # fmt: skip
    found = {
        f"{path}.{key}": (server.get(key), f"{_CHECKED}; {text}") for key, text in instead.items()
    }
    amounts = {"cpu": "set cpu", "memory": "set memory", keys.GPU: "set tensor_parallel"}
    for part in ("requests", "limits"):
        for key, text in amounts.items():
            value = _at(server, "resources", part).get(key)
            found[f"{path}.resources.{part}.{key}"] = (value, f"{_CHECKED}; {text}")
    return found


def _at(item: Any, *path: str) -> Json:
    for key in path:
        item = item.get(key) if isinstance(item, dict) else None
    return item if isinstance(item, dict) else {}


def sources(cell: Cell, objects: Iterable[Json], table: Sequence[Source]) -> list[Source]:
    """Return the rows of the fields that patches change, which replace those of `table`.

    `objects`: the objects before the patches.
    """
    if not cell.settings.patches:
        return []
    of_field: dict[str, int] = {}
    final: dict[str, list[Any]] = {}
    for item in objects:
        now = item
        for number, patch in enumerate(cell.settings.patches):
            if matches(patch, item):
                after = changed(patch, now)
                of_field |= dict.fromkeys(_differing(now, after), number)
                now = after
        final |= _leaves(now)
    by_patch: dict[int, list[str]] = defaultdict(list)
    for field, number in of_field.items():
        if field in final:
            by_patch[number].append(field)
    rows = [source(_text([number]), *found) for number, found in by_patch.items()]
    return [*rows, *_listed(table, {f: n for f, n in of_field.items() if f in final})]


def _text(numbers: Iterable[int]) -> str:
    return " and ".join(f"{_FIELD}[{number}]" for number in numbers)


def _listed(table: Sequence[Source], of_field: Mapping[str, int]) -> Iterator[Source]:
    """Yield the rows that `explain` lists, with the patches that change their values."""
    for row in {row.fields[0]: row for row in table if row.name}.values():
        field = row.fields[0]
        if field in of_field:
            yield replace(row, text=_text([of_field[field]]), fields=(field,), listed=None)
            continue
        inside = {n for f, n in of_field.items() if f.startswith((f"{field}.", f"{field}["))}
        if inside:
            yield replace(row, text=f"{row.text} and {_text(sorted(inside))}", listed=_as_json)


def _as_json(values: Sequence[Any]) -> str:
    """Return values of any form as text; what tables list expects those of the construct."""
    return ", ".join(json.dumps(each, ensure_ascii=False) for each in values)


def _differing(before: Json, after: Json) -> list[str]:
    """Return the fields without inner fields that are new or have another value."""
    known = _leaves(before)
    return [field for field, values in _leaves(after).items() if known.get(field) != values]


def _leaves(item: Json) -> dict[str, list[Any]]:
    """Return the values of the fields without inner fields, as tables write the fields."""
    found: dict[str, list[Any]] = defaultdict(list)
    for field, value in _walk(item, str(item["kind"])):
        found[field].append(value)
    return found


def _walk(value: Any, field: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict) and value:
        separator = "." if " " in field else " "
        for key, inner in value.items():
            yield from _walk(inner, f"{field}{separator}{key}")
    elif isinstance(value, list) and value:
        for number, inner in enumerate(value):
            yield from _walk(inner, f"{field}[{item_key(inner, number)}]")
    else:
        yield field, value
