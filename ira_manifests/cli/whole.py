"""Writes files and folders whole, or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from ira_manifests import files
from ira_manifests.errors import OutputError


@contextlib.contextmanager
def beside(place: Path, *, name: Path | None = None, done: str = "written") -> Iterator[Path]:
    """Yield a path beside `place`, for the block to fill and then to put in its place.

    What is left of it is removed. A system error becomes an `OutputError` that `place` can't be
    `done`. `name`: what messages call it.
    """
    part = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        yield part
    except OSError as error:
        raise OutputError(f"{name or place} can't be {done}: {files.reason(error)}") from None
    finally:
        _remove(part)


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):
            part.unlink()
