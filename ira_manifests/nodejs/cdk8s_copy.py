"""cdk8s as jsii unpacks it, kept in the user's cache: unpacking is most of a boot of Node.js.

A folder there is written aside and moved into place, and its name follows from its content, which a
list names file by file. Each run compares all of it with the list before Node.js reads any, so a
damaged copy is not used, and the next one takes its place. Nothing in it is changed or removed; an
index that jsii adds late is listed, with all else, in a folder of its own.
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

_KIND, _KEPT = "cdk8s", 4  # releases
_MOST_BYTES = 1 << 20  # of a list; 158 files take some 30 KiB
# What packages have beside what Node.js reads: each file costs each run a comparison.
_NOT_RUN = (".d.ts", ".md", ".tmp")
_NEVER_READ = {".yarn", "browser"}

_OWN = Path(__file__).parents[1] / "constructs/jsii_batch"

Hashes = dict[str, str]
"""SHA-256 of each file of a folder, by its path in it with '/' between the parts."""


class Copy(NamedTuple):
    """A folder that was kept, and its files."""

    folder: Path
    hashes: Hashes


def find() -> Copy | None:
    """Return what was kept, or None where there is nothing that is whole."""
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
    """Keep what a run has unpacked, unless it was found there: jsii adds an index late."""
    name, files = _name(), dict(_files(packages))
    if name is None or not files or (found is not None and files.keys() == found.hashes.keys()):
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
    """Return a name that follows from the packages, which jsii knows by their content."""
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
