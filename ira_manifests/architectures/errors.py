"""What is wrong with a model's files, or why no profile follows from them."""

from __future__ import annotations

from ira_manifests.errors import IraError


class ConfigError(IraError, ValueError):
    """A file of a model that can't be read as what it should be; the message names file and key."""


class RefusedError(IraError, ValueError):
    """A model that vLLM does not serve as a chat or completion server, or that is not judged yet.

    The message says which of the two, and why.
    """
