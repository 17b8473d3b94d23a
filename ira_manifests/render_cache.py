"""Skips the rendering of directories whose inputs and files are unchanged.

The user's cache has one record for each output folder. It maps each directory to the hashes of its
inputs and of its files. A directory is not rendered if its inputs and its files on disk have the
recorded hashes and the rules had no findings in it; all others are rendered. The inputs are the
profiles that the directory depends on, and the program: its own files and the releases of the
packages that it renders with.

A record holds no file contents, so it can't restore old ones. Without a record, everything is
rendered. A record is untrusted: one of the wrong shape is ignored, and findings in a tree that it
contributed to are confirmed by rendering before they fail a run. `check` and `synth --check` always
render and never use a record.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from ira_manifests import user_cache
from ira_manifests.inputs import Inputs
from ira_manifests.layout import BASE, MODEL_DOWNLOAD, SHARED, TOP, placed
from ira_manifests.output.tree import directory_of

if TYPE_CHECKING:
    from ira_manifests.profiles.matrix import Selection
    from ira_manifests.rules.view.namespace import Seen

# Packages that determine the output, each with a file that contains its version.
_RENDERERS = {
    "cdk8s": "_jsii/__init__.py",
    "constructs": "_jsii/__init__.py",
    "jsii": "_metadata.json",
    "yaml": "__init__.py",
}
_OWN = (".py", ".js", ".json", ".sh", ".txt")

_KIND = "synth"
_KEPT = 100  # records to keep, one for each output folder
_MOST_BYTES = 1 << 26  # ten thousand cells need a third of it


class _Entry(NamedTuple):
    """The record of one directory."""

    inputs: str
    """The hash of its inputs."""
    files: Mapping[str, str]
    """The hashes of its files, by name."""
    selector_index: str
    """Its `SelectorIndex`, as JSON."""
    objects: Sequence[str]
    """The namespace, the kind and the name of each of its objects."""


class RenderCache:
    """The record of one output folder, and the current hashes of its directories' inputs."""

    def __init__(self, out: Path, selections: Sequence[Selection]) -> None:
        self._out = out
        self._record = _read(out)
        self._inputs = inputs(selections)
        self._cell_of = {
            placed(matrix.environment, name): cell.name
            for matrix, cells in selections
            for cell in cells
            for name in cell.directories
        }

    def unchanged(self, generated: Mapping[str, bytes]) -> list[Seen]:
        """Return the directories that need no rendering. `generated`: files on disk, by path."""
        from ira_manifests.rules.view.namespace import Seen

        by_directory: dict[str, dict[str, bytes]] = {}
        for path, content in generated.items():
            name, file = directory_of(path), path.rpartition("/")[2]
            if name in self._record and self._record[name].inputs == self._inputs.get(name):
                by_directory.setdefault(name, {})[file] = content
        return [
            Seen(
                name,
                self._cell_of.get(name, ""),
                files,
                self._record[name].selector_index,
                self._record[name].objects,
            )
            for name, files in by_directory.items()
            if _hashes(files) == self._record[name].files
        ]

    def keep(self, unchanged: Iterable[Seen], rendered: Iterable[Seen], *, partial: bool) -> None:
        """Record what is on disk now, for the next run.

        `partial`: whether to keep the records of directories of other cells. A directory with
        findings gets no record, so that every run reports them.
        """
        kept = self._record if partial else {e.name: self._record[e.name] for e in unchanged}
        fresh = {
            each.name: _Entry(
                self._inputs[each.name], _hashes(each.files), each.selector_index, each.objects
            )
            for each in rendered
            if not each.findings
        }
        name = _name(self._out)
        if name is not None:
            content = json.dumps({**kept, **fresh}).encode()
            user_cache.write(_KIND, name, content, _KEPT)


def _read(out: Path) -> dict[str, _Entry]:
    """Return the record of an output folder; empty if it is missing or has the wrong shape."""
    name = _name(out) if out.is_dir() else None
    content = None if name is None else user_cache.read(_KIND, name, _MOST_BYTES)
    try:
        found = json.loads(content or b"{}")
        return {name: _entry(*each) for name, each in _mapping(found).items()}
    except (ValueError, TypeError, RecursionError):
        return {}


def _entry(inputs: Any, files: Any, index: Any, objects: Any) -> _Entry:
    """Return a checked entry. Raises `TypeError` or `ValueError` if it has the wrong shape."""
    from ira_manifests.rules.view.selector_index import SelectorIndex

    SelectorIndex.from_json(_text(index))
    if not isinstance(objects, list):
        raise TypeError
    hashes = {name: _text(each) for name, each in _mapping(files).items()}
    return _Entry(_text(inputs), hashes, index, [_text(each) for each in objects])


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError
    return value


def _hashes(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: _hash(content) for name, content in files.items()}


def inputs(selections: Sequence[Selection]) -> dict[str, str]:
    """Return the hash of each directory's inputs, by name; equal ones are rendered alike."""
    program, inputs = _program(), Inputs()
    return {
        placed(each.matrix.environment, name): found
        for each in selections
        for name, found in _inputs_of(program, each, inputs).items()
    }


def _inputs_of(program: str, selection: Selection, inputs: Inputs) -> dict[str, str]:
    matrix, cells = selection
    environment, of_platform = matrix.environment, inputs.of_platform(matrix.platform)
    found = {name: _hash(program, environment, name, of_platform) for name in (TOP, BASE)}
    repositories = inputs.of_repositories(matrix)
    found[MODEL_DOWNLOAD] = _hash(program, environment, MODEL_DOWNLOAD, of_platform, *repositories)
    of_models = inputs.of_models(matrix) if matrix.platform.pruned else []
    found[SHARED] = _hash(program, environment, SHARED, of_platform, *of_models)
    layout = [(cell.name, cell.directories, cell.profile.nodes) for cell in matrix.values()]
    for name in matrix.of_controller:
        found[name] = _hash(program, environment, name, of_platform, repr(layout))
    for each in matrix.downloads(cells):
        of_download = inputs.of_download(matrix, each)
        found[each.name] = _hash(program, environment, of_platform, *of_download)
    for cell in cells:
        of_cell = inputs.of_cell(cell)
        for name in cell.directories:
            found[name] = _hash(program, environment, name, of_platform, *of_cell)
    return found


def _program() -> str:
    own = Path(__file__).parent
    files = [path for path in own.rglob("*") if path.suffix in _OWN and path.is_file()]
    for package, file in _RENDERERS.items():
        spec = find_spec(package)
        files += [Path(folder, file) for folder in (spec and spec.submodule_search_locations) or ()]
    contents = (path.read_bytes() for path in sorted(files))
    # cdk8s reads this variable: https://cdk8s.io/docs/latest/basics/api-object/
    return _hash(sys.version, os.environ.get("CDK8S_DISABLE_SORT", ""), *contents)


def _hash(*parts: str | bytes) -> str:
    whole = sha256()
    for part in parts:
        content = part.encode() if isinstance(part, str) else part
        whole.update(b"%d:" % len(content))
        whole.update(content)
    return whole.hexdigest()


def _name(out: Path) -> str | None:
    try:
        return _hash(os.fsencode(out.resolve()))[:32] + ".json"
    except (OSError, RuntimeError):  # a loop of symbolic links
        return None
