"""This program's folder in the user's cache. Whatever is in it may be deleted at any time."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def folder(name: str) -> Path | None:
    """Return a folder that exists and can be written to, or None where there can't be one.

    It is below XDG_CACHE_HOME, else ~/.cache, and nobody else's to write to:
    https://specifications.freedesktop.org/basedir-spec/latest/
    """
    with contextlib.suppress(OSError, RuntimeError):  # no space, no permission, no home
        named = os.environ.get("XDG_CACHE_HOME", "")
        base = Path(named) if Path(named).is_absolute() else Path.home() / ".cache"
        base.mkdir(mode=0o700, exist_ok=True)  # but no home where there is none
        found = base / "ira_manifests" / name
        found.mkdir(mode=0o700, parents=True, exist_ok=True)
        if os.access(found, os.R_OK | os.W_OK | os.X_OK):
            return found
    return None
