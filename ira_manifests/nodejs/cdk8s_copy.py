"""cdk8s as jsii has unpacked it, kept in the user's cache: that is most of a boot of Node.js.

It is kept as one file, and put into a folder of each run's own. So no run waits for another one,
removes what another one reads, or runs code from a folder that it shares.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from ira_manifests import user_cache

_KIND, _KEPT = "cdk8s", 4  # releases
_MOST_BYTES = 1 << 26
_NOT_RUN = (".d.ts", ".md", ".tmp")
# Packages have their files for browsers there; making a file is what a restoration costs.
_NEVER_READ = "browser"

Sizes = dict[str, int]
"""Files of a folder by their paths in it, with '/' between the parts."""


def restore(folder: Path) -> Sizes:
    """Put what was kept into a new folder; return the files, none where nothing is kept."""
    name = _name()
    content = None if name is None else user_cache.read(_KIND, name, _MOST_BYTES)
    head, _, rest = (content or b"").partition(b"\n")
    try:
        sizes = _sizes(json.loads(head or b"{}"))
    except (ValueError, TypeError, RecursionError):
        return {}
    if sum(sizes.values()) != len(rest):
        return {}
    for parent in {(folder / path).parent for path in sizes}:
        parent.mkdir(parents=True, exist_ok=True)
    start = 0
    for path, size in sizes.items():
        (folder / path).write_bytes(rest[start : start + size])
        start += size
    return sizes


def keep(folder: Path, restored: Sizes | None) -> None:
    """Keep what a run has unpacked, where that is more than what was kept before."""
    name = _name()
    found = dict(_files(folder))
    sizes = {path: place.stat().st_size for path, place in found.items()}
    if name is None or not sizes or sizes == restored:
        return
    contents = {path: place.read_bytes() for path, place in found.items()}
    head = json.dumps({path: len(content) for path, content in contents.items()})
    user_cache.write(_KIND, name, b"\n".join((head.encode(), b"".join(contents.values()))), _KEPT)


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield what Node.js may read; a package has its documentation beside that."""
    for place in sorted(folder.rglob("*")):
        path = place.relative_to(folder)
        if _NEVER_READ in path.parts or place.name.endswith(_NOT_RUN):
            continue
        if place.is_file() and not place.is_symlink():
            yield path.as_posix(), place


def _sizes(value: object) -> Sizes:
    """Return what names the files. Raises `TypeError` or `ValueError` where it does not."""
    if not isinstance(value, dict):
        raise TypeError
    for path, size in value.items():
        if not isinstance(size, int) or size < 0:
            raise TypeError
        parts = PurePosixPath(path).parts
        if not parts or parts[0] == "/" or ".." in parts or "\0" in path:
            raise ValueError
    return value


def _name() -> str | None:
    """Return a name that follows from the releases; jsii knows its packages by their content."""
    found = []
    for package, folder in (
        ("cdk8s", "_jsii"),
        ("constructs", "_jsii"),
        ("jsii", "_embedded/jsii"),
    ):
        spec = find_spec(package)
        for place in (spec and spec.submodule_search_locations) or ():
            with os.scandir(Path(place, folder)) as entries:
                found += [
                    f"{each.name} {each.stat().st_size}" for each in entries if each.is_file()
                ]
    return sha256("\n".join(sorted(found)).encode()).hexdigest()[:32] if found else None
