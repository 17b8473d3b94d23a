"""Errors for invalid model files and for models without a profile."""

from __future__ import annotations

from ira_manifests.errors import IraError


class ConfigError(IraError, ValueError):
    """An invalid file of a model; the message names the file and the key."""


class RefusedError(IraError, ValueError):
    """A model that vLLM does not serve for chat or completion, or that is not supported here yet.

    The message says which of the two, and why.
    """
