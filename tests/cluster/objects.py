"""Conditions of Kubernetes objects."""

from __future__ import annotations

from testing.objects import Json


def condition(manifest: Json, kind: str) -> Json:
    """The condition of that type in an object's status; empty if there is none."""
    # A new CustomResourceDefinition has null in their place.
    conditions: list[Json] = manifest.get("status", {}).get("conditions") or []
    return next((entry for entry in conditions if entry["type"] == kind), {})


def has_condition(manifest: Json, kind: str) -> bool:
    """Tells whether the condition of that type is True."""
    return condition(manifest, kind).get("status") == "True"
