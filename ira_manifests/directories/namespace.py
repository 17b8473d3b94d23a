"""Puts objects into a namespace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]


def in_namespace(objects: Mapping[str, Json], namespace: str | None) -> dict[str, Json]:
    """Return objects by file name in a namespace; None: in that of kubectl's context.

    All are of kinds that have one. The keys of metadata are in the order of cdk8s.
    """
    return {file: _moved(item, namespace) for file, item in objects.items()}


def _moved(item: Json, namespace: str | None) -> Json:
    metadata = item["metadata"]
    if metadata.get("namespace") == namespace:
        return item
    others = {key: value for key, value in metadata.items() if key != "namespace"}
    placed = {} if namespace is None else {"namespace": namespace}
    return {**item, "metadata": dict(sorted({**others, **placed}.items()))}
