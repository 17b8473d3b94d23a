"""JSON Schemas of Kubernetes' own types, from the table of `ira_manifests.kubernetes.fields`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ira_manifests.kubernetes import fields

_PLAIN: dict[str, dict[str, Any]] = {
    "text": {"type": "string"},
    "number": {"type": "integer"},
    "truth": {"type": "boolean"},
    "quantity": {"type": ["string", "number"]},
    "number-or-text": {"type": ["integer", "string"]},
    "any": {},
}
_WORD = re.compile(r"[A-Za-z]\w+")


def reference(kind: str) -> dict[str, Any]:
    """Return a reference to the definition of a type."""
    return {"$ref": f"#/$defs/{name(kind)}"}


def name(kind: str) -> str:
    """Return the name of a type's definition, which is none of a profile's."""
    return f"Kubernetes{kind}"


def definitions(kinds: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the definitions of some types and of all types in them, by name."""
    found: dict[str, dict[str, Any]] = {}
    waiting = list(kinds)
    while waiting:
        kind = waiting.pop()
        if kind in fields.table() and name(kind) not in found:
            found[name(kind)] = _object(kind, fields.table()[kind])
            waiting += _WORD.findall(" ".join(fields.table()[kind].values()))
    return found


def _object(kind: str, members: Mapping[str, str]) -> dict[str, Any]:
    needed = [key for key, value in members.items() if value.endswith("!")]
    return {
        "title": kind,
        "type": "object",
        "properties": {key: {"title": key, **_value(value)} for key, value in members.items()},
        "additionalProperties": False,
        **({"required": needed} if needed else {}),
    }


def _value(kind: str) -> dict[str, Any]:
    if items := fields.items_type(kind):
        return {"type": "array", "items": _value(items)}
    if kind.startswith("{"):
        return {"type": "object", "additionalProperties": _value(kind.rstrip("!")[1:-1])}
    word = kind.rstrip("!")
    if word in _PLAIN:
        return _PLAIN[word]
    return reference(word) if word in fields.table() else {"type": "object"}
