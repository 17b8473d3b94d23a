"""Locked requirements of the download's container: huggingface_hub and its dependencies.

Each release has a file in pip's format with the SHA-256 of every wheel. `make lock` writes the file
of the release that `profiles/platform.yaml` pins.
"""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent
_PREFIX, _SUFFIX = "huggingface_hub-", ".txt"


def file_name(release: str) -> str:
    """Return the name of a release's file in this package."""
    return f"{_PREFIX}{release}{_SUFFIX}"


def releases() -> list[str]:
    """Return the releases that have a lock."""
    return sorted(path.stem.removeprefix(_PREFIX) for path in _FOLDER.glob(f"{_PREFIX}*{_SUFFIX}"))


def requirements(release: str) -> str:
    """Return a release's lock without comments. Raises `FileNotFoundError` if there is none."""
    text = (_FOLDER / file_name(release)).read_text("utf-8")
    return "".join(line for line in text.splitlines(keepends=True) if not line.startswith("#"))


def problem(release: str) -> str | None:
    """Return why a release can't be installed, as a phrase, or None."""
    if (_FOLDER / file_name(release)).is_file():
        return None
    return (
        f"has no hashes here, without which the download installs nothing; pin "
        f"{' or '.join(releases())}, or lock it in a clone of this project (CONTRIBUTING.md)"
    )
