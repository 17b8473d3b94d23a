"""Exceptions of the memory estimate; `ira_manifests.errors` has the whole tree."""

from __future__ import annotations

from ira_manifests.errors import IraError


class MemoryInputError(IraError, ValueError):
    """An input that has no memory estimate; the message names the value."""


class GeometryError(MemoryInputError):
    """A model geometry that is impossible, or whose KV cache vLLM can't lay out."""


class SplitError(GeometryError):
    """A tensor parallel size that does not divide the model's heads."""


class SettingsError(MemoryInputError):
    """A serving setting (utilization, context, KV cache dtype, …) that is out of range."""
