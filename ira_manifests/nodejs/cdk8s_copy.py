"""Caches cdk8s as jsii unpacks it, because unpacking takes most of the start of Node.js.

A cached folder is named by the hash of its content and comes with a list of its files' hashes. It
is written to a temporary place and moved into place when complete. Each run compares every file
with the list before Node.js reads any, so a damaged copy is not used, and is replaced. A cached
folder is never changed; when jsii later adds an index, all files are cached again in a new folder.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ira_manifests import user_cache

_KIND, _KEPT = "cdk8s", 4  # releases to keep
_MOST_BYTES = 1 << 20  # bytes of a list; 158 files take some 30 KiB
# Files that Node.js does not read; each cached file costs every run a comparison.
_NOT_RUN = (".d.ts", ".md", ".tmp")
_NEVER_READ = {".yarn", "browser"}

_OWN = Path(__file__).parents[1] / "constructs/jsii_batch"

Hashes = dict[str, str]
"""SHA-256 of each file of a folder, by its relative path with '/' between the parts."""


class Copy(NamedTuple):
    """A cached folder and its files."""

    folder: Path
    hashes: Hashes


def find() -> Copy | None:
    """Return the cached copy, or None if it is missing or damaged."""
    name = _name()
    content = None if name is None else user_cache.read(_KIND, name, _MOST_BYTES)
    if content is None:
        return None
    try:
        hashes = _checked(json.loads(content))
    except (ValueError, TypeError, RecursionError):
        return None
    folder = user_cache.folder(_KIND, _folder_name(hashes))
    return Copy(folder, hashes) if folder is not None and _holds(folder, hashes) else None


def keep(packages: Path, found: Copy | None) -> None:
    """Cache the files that a run has unpacked, unless `found` has them all already.

    jsii may add an index later.
    """
    files = dict(_files(packages))
    if not files or (found is not None and files.keys() == found.hashes.keys()):
        return
    name = _name()
    if name is None:
        return
    contents = {path: place.read_bytes() for path, place in files.items()}
    hashes = {path: sha256(content).hexdigest() for path, content in contents.items()}
    if user_cache.write_folder(_KIND, _folder_name(hashes), contents, _KEPT):
        user_cache.write(_KIND, name, json.dumps(hashes).encode(), _KEPT)


def _holds(folder: Path, hashes: Hashes) -> bool:
    try:
        return all(_hash(folder / path) == expected for path, expected in hashes.items())
    except OSError:
        return False


def _hash(place: Path) -> str:
    return sha256(place.read_bytes()).hexdigest()


def _folder_name(hashes: Hashes) -> str:
    return "files-" + sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()[:32]


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield the files that Node.js may read, without documentation."""
    for place in sorted(folder.rglob("*")):
        path = place.relative_to(folder)
        if not _NEVER_READ.isdisjoint(path.parts) or place.name.endswith(_NOT_RUN):
            continue
        if place.is_file() and not place.is_symlink():
            yield path.as_posix(), place


def _checked(value: object) -> Hashes:
    """Validate the list of files. Raises `TypeError` or `ValueError`."""
    if not isinstance(value, dict):
        raise TypeError
    for path, digest in value.items():
        if not isinstance(digest, str):
            raise TypeError
        parts = PurePosixPath(path).parts
        if not parts or parts[0] == "/" or ".." in parts or "\0" in path:
            raise ValueError
    return value


def _name() -> str | None:
    """Return a name derived from the installed packages' archives, or None if there are none."""
    found = [sha256(place.read_bytes()).hexdigest() for place in _OWN.iterdir() if place.is_file()]
    for package, folder in (
        ("cdk8s", "_jsii"), ("constructs", "_jsii"), ("jsii", "_embedded/jsii"),
    ):  # fmt: skip
        spec = find_spec(package)
        for place in (spec and spec.submodule_search_locations) or ():
            with os.scandir(Path(place, folder)) as entries:
                found += [
                    f"{each.name} {each.stat().st_size}" for each in entries if each.is_file()
                ]
    return sha256("\n".join(sorted(found)).encode()).hexdigest()[:32] if found else None
