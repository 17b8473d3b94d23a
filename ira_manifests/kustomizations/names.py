"""Names that kustomize gives to generated objects."""

from __future__ import annotations

import re

# https://github.com/kubernetes-sigs/kustomize, api/hasher: the letters of a content's hash.
_HASH = re.compile(r"-[bcdfghkmt2456789]{10}$")


def without_hash(name: str) -> str:
    """Return a name without the hash of the content that kustomize adds to it."""
    return _HASH.sub("", name)
