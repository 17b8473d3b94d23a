"""Directories that need no rendering, because this program has rendered them before.

For each output folder a record in the user's cache says which inputs gave which files, both as
hashes. A directory is taken as it is on disk where its inputs are those of the record, its files
have the recorded hashes, and the rules had nothing to say of it; every other one is rendered. The
inputs are the profiles that the directory follows from and the program: its own files, and the
releases that it renders with.

A record holds no content, so it can't bring back an old one; without a record all is rendered.
`check` and `synth --check` judge what is rendered then, and never a record.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterable, Mapping
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ira_manifests import cache
from ira_manifests.layout import BASE, MODEL_DOWNLOAD, TOP
from ira_manifests.tree import directory_of

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ira_manifests.profiles.cell import Cell
    from ira_manifests.profiles.matrix import Matrix
    from ira_manifests.rules.judge import Seen

# What else decides the bytes, each with a file that names its release.
_RENDERERS = {
    "cdk8s": "_jsii/__init__.py",
    "constructs": "_jsii/__init__.py",
    "jsii": "_metadata.json",
    "yaml": "__init__.py",
}
_OWN = (".py", ".js", ".json", ".sh", ".txt")

_KEPT = 100  # output folders of which there is a record


class Entry(NamedTuple):
    """What is recorded of a directory."""

    inputs: str
    """The hash of all that it follows from."""
    files: Mapping[str, str]
    """The hashes of its files by name."""
    reach: str
    """What the rules of a namespace must know of it."""


Record = Mapping[str, Entry]
"""Entries by the directory's name."""


def read(out: Path) -> Record:
    """Return the record of an output folder; empty where it can't be read, or is of no use."""
    place = _place(out) if out.is_dir() else None
    try:
        found = json.loads(place.read_bytes()) if place else {}
        return {
            name: Entry(str(inputs), dict(files), _readable(reach))
            for name, (inputs, files, reach) in found.items()
        }
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def _readable(reach: Any) -> str:
    from ira_manifests.rules.selectors import read_reach  # where there is a record only

    read_reach(reach)
    return str(reach)


def write(out: Path, record: Record) -> None:
    """Keep a record for the next run; where the cache can't be written, there is none."""
    place = _place(out)
    if place is None:
        return
    waiting = place.with_name(f".{place.name}.{os.getpid()}")
    try:
        waiting.write_text(json.dumps(record), "utf-8")
        waiting.replace(place)
        by_age = sorted(place.parent.glob("*.json"), key=lambda each: each.stat().st_mtime)
        for each in by_age[:-_KEPT]:
            each.unlink()
    except OSError:
        with contextlib.suppress(OSError):
            waiting.unlink()


def covers(record: Record, inputs: Mapping[str, str]) -> bool:
    """Tell whether the record is of these inputs, and so nothing but the disk may ask for more."""
    return all(name in record and record[name].inputs == now for name, now in inputs.items())


def unchanged(
    record: Record, inputs: Mapping[str, str], generated: Mapping[str, bytes]
) -> dict[str, dict[str, bytes]]:
    """Return the directories that need no rendering, with their files by name.

    `inputs`: the hashes of what the directories follow from now. `generated`: what is on disk, by
    path.
    """
    by_directory: dict[str, dict[str, bytes]] = {}
    for path, content in generated.items():
        directory, name = directory_of(path), path.rpartition("/")[2]
        if directory in record and record[directory].inputs == inputs.get(directory):
            by_directory.setdefault(directory, {})[name] = content
    return {
        name: files for name, files in by_directory.items() if _hashes(files) == record[name].files
    }


def entries(seen: Iterable[Seen], inputs: Mapping[str, str]) -> dict[str, Entry]:
    """Return what to record of directories; what is found in one is to be found every time."""
    return {
        each.name: Entry(inputs[each.name], _hashes(each.files), each.reach)
        for each in seen
        if not each.news
    }


def _hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: _hash(content) for name, content in files.items()}


def inputs_of(matrix: Matrix, cells: Iterable[Cell]) -> dict[str, str]:
    """Return the hash of all that a directory follows from, by its name."""
    program = _program()
    texts: dict[int, str] = {}

    def text(profile: BaseModel) -> str:
        if id(profile) not in texts:
            texts[id(profile)] = profile.model_dump_json()
        return texts[id(profile)]

    platform = matrix.platform
    own_lists = [text(model) for model in matrix.profiles.models.values() if model.download]
    found = {name: _hash(program, name, text(platform)) for name in (TOP, BASE)}
    found[MODEL_DOWNLOAD] = _hash(program, MODEL_DOWNLOAD, text(platform), *own_lists)
    for cell in cells:
        profiles = [text(item) for item in (platform, cell.gpu, cell.model)]
        for name in cell.directories:
            found[name] = _hash(program, name, *cell.key, *profiles)
    return found


def _program() -> str:
    own = Path(__file__).parent
    files = [path for path in own.rglob("*") if path.suffix in _OWN and path.is_file()]
    for package, file in _RENDERERS.items():
        spec = find_spec(package)
        files += [Path(folder, file) for folder in (spec and spec.submodule_search_locations) or ()]
    contents = (path.read_bytes() for path in sorted(files))
    # cdk8s reads this one: https://cdk8s.io/docs/latest/basics/api-object/
    return _hash(sys.version, os.environ.get("CDK8S_DISABLE_SORT", ""), *contents)


def _hash(*parts: str | bytes) -> str:
    whole = sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        whole.update(b"%d:" % len(content))
        whole.update(content)
    return whole.hexdigest()


def _place(out: Path) -> Path | None:
    folder = cache.folder("synth")
    try:
        name = _hash(os.fsencode(out.resolve()))[:32]
    except (OSError, RuntimeError):  # links that lead round in a circle
        return None
    return folder and folder / f"{name}.json"
