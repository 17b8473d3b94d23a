"""Strategic merge patches of plain objects, as `kubectl kustomize` applies them.

Mappings are merged by key, and null deletes. Lists are replaced, but for those that Kubernetes
merges by keys of their items: `fields.merge_keys`. Their items that the patch names come first, in
its order. Kinds that are not in the table of fields have no such lists. "$patch: delete" deletes a
mapping or an item; "$patch: replace" replaces a mapping, or as an item of its own the whole list.
https://github.com/kubernetes/community/blob/master/contributors/devel/sig-api-machinery/strategic-merge-patch.md

Unlike there, nothing is ignored: an item to delete must be there, an item must have its keys, and
other directives are refused. A port is one of TCP if it does not say otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from ira_manifests.errors import PatchError
from ira_manifests.kubernetes import fields

_DIRECTIVE = "$patch"
_DELETE, _REPLACE, _MERGE = "delete", "replace", "merge"
_USUAL = {"protocol": "TCP"}

_Path = tuple[str | int, ...]


def merged(document: Mapping[str, Any], patch: Mapping[str, Any], kind: str) -> dict[str, Any]:
    """Return an object of a kind after a patch.

    Raises `PatchError` for a directive that is not read, for an item without its keys or twice, and
    for one to delete that is not there.
    """
    return _merged(document, patch, kind, ())


def _merged(
    document: Mapping[str, Any], patch: Mapping[str, Any], kind: str | None, path: _Path
) -> dict[str, Any]:
    directive = _directive(patch, path)
    if directive == _REPLACE:
        document = {}
    found = dict(document)
    for key, value in patch.items():
        if key == _DIRECTIVE:
            continue
        here, inner = (*path, key), fields.field_type(kind, key)
        if value is None or (isinstance(value, dict) and _directive(value, here) == _DELETE):
            if key not in found and directive != _REPLACE:
                raise PatchError(here, "is to be deleted, and the object has no such field")
            found.pop(key, None)
        elif isinstance(value, dict):
            held = found.get(key)
            found[key] = _merged(held if isinstance(held, dict) else {}, value, inner, here)
        elif isinstance(value, list):
            found[key] = _merged_list(found.get(key), value, inner, here)
        else:
            found[key] = value
    return found


def _merged_list(held: Any, patch: list[Any], kind: str | None, path: _Path) -> list[Any]:
    keys = fields.merge_keys(kind)
    items = held if isinstance(held, list) else []
    if keys is None:
        return [_without_nulls(each) for each in patch]
    if not keys:
        return [*patch, *(each for each in items if each not in patch)]
    return _merged_items(items, patch, kind, keys, path)


def _merged_items(
    items: Sequence[Any], patch: Sequence[Any], kind: str | None, keys: Sequence[str], path: _Path
) -> list[Any]:
    left = [(_identity(each, keys), each) for each in items]
    found, seen = [], set()
    for number, item in enumerate(patch):
        here = (*path, number)
        if item == {_DIRECTIVE: _REPLACE}:
            left = []
            continue
        identity = _checked_identity(item, keys, here)
        if identity in seen:
            raise PatchError(here, f"is there twice: {_named(keys, identity)}; keep one of the two")
        seen.add(identity)
        same = [each for known, each in left if known == identity]
        left = [(known, each) for known, each in left if known != identity]
        directive = _directive(item, here)
        if directive == _REPLACE:
            message = (
                "replaces a mapping or, as an item of its own, the whole list; delete the item"
            )
            raise PatchError((*here, _DIRECTIVE), f"{message}, or write out what changes")
        if directive == _DELETE:
            if not same:
                raise PatchError(
                    here, f"is to be deleted, and no item has {_named(keys, identity)}"
                )
            continue
        found.append(_merged(same[0] if same else {}, item, fields.items_type(kind), here))
    return [*found, *(each for _, each in left)]


def _identity(item: Any, keys: Sequence[str]) -> tuple[str, ...]:
    held = item if isinstance(item, dict) else {}
    return tuple(str(held.get(key, _USUAL.get(key, ""))) for key in keys)


def _checked_identity(item: Any, keys: Sequence[str], path: _Path) -> tuple[str, ...]:
    if not isinstance(item, dict):
        raise PatchError(path, "is no mapping (key: value)")
    for key in keys:
        if item.get(key) is None and key not in _USUAL:
            message = f"has no {key}; items of this list are found by {' and '.join(keys)}"
            raise PatchError(path, message)
    return _identity(item, keys)


def _named(keys: Sequence[str], identity: Sequence[str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in zip(keys, identity, strict=True))


def _directive(patch: Mapping[str, Any], path: _Path) -> str:
    for key in patch:
        if key.startswith("$") and key != _DIRECTIVE:
            raise PatchError((*path, key), "is a directive that is not read; use $patch")
    found = patch.get(_DIRECTIVE, _MERGE)
    if found not in (_DELETE, _REPLACE, _MERGE):
        message = f"is {str(found)[:60]!r}; it must be one of delete, merge, replace"
        raise PatchError((*path, _DIRECTIVE), message)
    return str(found)


def _without_nulls(value: Any) -> Any:
    """Return a value that is set as a whole, in which null has nothing to delete."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return deepcopy(value)
