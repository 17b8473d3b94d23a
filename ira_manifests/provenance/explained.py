"""Finds the source of each value of a directory: a line of a profile, or a construct's reason.

Values are read from the objects of `constructs.manifests`, and sources from its tables, whose
notation for fields is used. Pure; needs no Node.js.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ira_manifests.constructs.manifests import directory, download_containers, model_download_job
from ira_manifests.constructs.manifests.sources import Source, item_key, shown
from ira_manifests.directories import download, of_cell, with_owners
from ira_manifests.layout import MODEL_DOWNLOAD, SHARED
from ira_manifests.messages import count
from ira_manifests.profiles import repositories
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.engine import level_of as level_of_engine
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.schema import OF_REPOSITORY
from ira_manifests.profiles.secrets import HIDDEN
from ira_manifests.profiles.settings import LEVELS

_PLACE = re.compile(
    r"@(platform|engine|settings|gpu|machine|models?|cell)\.([\w.]*\w)(?:\[([^\]]+)\])?"
)

Manifest = Mapping[str, Any]


@dataclass(frozen=True)
class Value:
    """A value that a profile decides: its short name, its field, its text and its source."""

    name: str
    manifest: str
    value: str
    source: str


@dataclass(frozen=True)
class Node:
    """A field of an object, and its value.

    `path`: the field as users write it, with indexes of list items. `keys`: the field as tables
    write it, followed by the fields around it, innermost first.
    """

    path: str
    value: Any
    keys: tuple[str, ...]


def nodes(item: Manifest) -> Iterator[Node]:
    """Yield every field of an object, the object itself first."""
    kind = str(item["kind"])
    return below(Node(kind, item, (kind,)))


def below(node: Node) -> Iterator[Node]:
    """Yield a field and all fields inside it, the field itself first."""
    yield node
    steps: list[tuple[str, str, Any]] = []
    if isinstance(node.value, Mapping):
        separator = "." if " " in node.path else " "
        steps = [(separator + key, separator + key, inner) for key, inner in node.value.items()]
    elif isinstance(node.value, list):
        steps = [(f"[{n}]", f"[{item_key(each, n)}]", each) for n, each in enumerate(node.value)]
    for step, key, inner in steps:
        yield from below(Node(node.path + step, inner, (node.keys[0] + key, *node.keys)))


class Places:
    """Looks up lines in the profiles that all cells share, as "file:line"."""

    def __init__(self, matrix: Matrix) -> None:
        """Look up lines of the profiles that `matrix` was read from."""
        self._profiles = matrix.profiles

    def fill_in(self, text: str) -> str:
        """Return a row's text with each "@…" replaced by the line of its value."""
        return _PLACE.sub(self._named, text)

    def _named(self, match: re.Match[str]) -> str:
        root, fields, item = match.groups()
        if root == "models":
            return self._of_repositories(fields, item)
        inner = () if item is None else (int(item) if item.isdigit() else item,)
        return self._of(root, *fields.split("."), *inner)

    def _of(self, root: str, *path: str | int) -> str:
        return self._line("platform", root, *path)

    def _of_repositories(self, named: str, model_id: str | None) -> str:
        """Return the lines of a field of repositories. `model_id`: of this one; None: of all."""
        fields = ("download", "revision") if named == "download" else (named,)
        having = [
            self._line("models", name, *each.path, field)
            for name, model in self._profiles.models.items()
            for each in repositories.of_model(model)
            for field in fields
            if model_id in (None, each.model_id) and getattr(each, field) is not None
        ]
        return " and ".join(dict.fromkeys(having))

    def _line(self, kind: str, name: str, *path: str | int) -> str:
        if kind == "platform" and path in self._profiles.options:
            return f"the option --{str(path[-1]).replace('_', '-')}"
        at = self._profiles.sources[kind, name].at(path)
        return f"{at.file}:{at.line}"


class PlacesOfCell(Places):
    """Looks up lines in the profiles of a cell."""

    def __init__(self, matrix: Matrix, cell: Cell) -> None:
        """Look up lines of the profiles that `matrix` was read from."""
        super().__init__(matrix)
        self._cell = cell

    def _named(self, match: re.Match[str]) -> str:
        root, fields, _ = match.groups()
        if root == "machine":
            return self._machine(fields)
        if (root, fields) == ("engine", "reference"):
            return self._image()
        if (root, fields) == ("cell", "max_model_len"):
            return self._max_model_len()
        return super()._named(match)

    def _of(self, root: str, *path: str | int) -> str:
        model, gpu = self._cell.model_name, self._cell.gpu_name
        if root == "platform":
            return super()._of(root, *path)
        if root == "engine":
            own = self._cell.own_engine
            decides = level_of_engine(own, str(path[0]))
            root, path = LEVELS[decides], (root, *path)
            if root == "platform":
                return super()._of(root, *path)
        if root == "gpu":
            return self._line("gpus", gpu, *path)
        if root == "settings":
            (kind, name), place = self._cell.source_of_setting(path)
            return self._line(kind, name, *place)
        own_repository = self._cell.profile.model_id is not None and path[0] in OF_REPOSITORY
        within = self._cell.path if root == "cell" or own_repository else ()
        return self._line("models", model, *within, *path)

    def _image(self) -> str:
        engine = self._cell.engine
        given = [key for key in ("tag", "digest") if getattr(engine, key) is not None]
        return " and ".join(self._of("engine", key) for key in given or ["version"])

    def _machine(self, field: str) -> str:
        cell = self._cell
        found = self._of("gpu", "machines", cell.gpu.machines.index(cell.machine), field)
        if cell.profile.compute_class is not None:
            return f"{found}, named by {self._of('cell', 'compute_class')}"
        return f"{found}: smallest machine with {count(cell.profile.gpus, 'GPU')}"

    def _max_model_len(self) -> str:
        found = self._of("cell", "max_model_len")
        if self._cell.profile.max_model_len != "auto":
            return found
        return f"{found}: auto, computed: the longest context that keeps the margin"


@dataclass(frozen=True)
class ExplainedDirectory:
    """A directory of the output: its name, its objects, and the sources of their fields."""

    name: str
    objects: Sequence[Manifest]
    table: Sequence[Source]
    places: Places

    @cached_property
    def values(self) -> list[Value]:
        """The values that profiles decide, in the order of the table.

        What several objects have from one place, such as a label, is there once.
        """
        by_field = defaultdict(list)  # an option can be given twice
        for item in self.objects:
            for node in nodes(item):
                by_field[node.keys[0]].append(node)
        # Directories on queued capacity can have a second row for a field; the last one is listed.
        last = {row.fields[0]: row for row in self.table if row.name}
        listed = [row for row in self.table if row.name and last[row.fields[0]] is row]
        once: dict[tuple[str, str, str], Value] = {}
        for row in listed:
            for value in self._listed(row, by_field):
                once.setdefault((value.name, value.value, value.source), value)
        return list(once.values())

    def source_of(self, node: Node) -> str:
        """Return the source of a field: its own, else that of the innermost field around it."""
        row = self._row(node.keys)
        return "unknown" if row is None else self.places.fill_in(row.text)

    def text_of(self, node: Node) -> str:
        """Return the value of a field without fields of its own, unless it is a secret."""
        row = self._row(node.keys)
        is_hidden = row is not None and row.hidden and not node.path.endswith(".name")
        return HIDDEN if is_hidden else shown(node.value)

    def _listed(self, row: Source, by_field: Mapping[str, Sequence[Node]]) -> list[Value]:
        held = [by_field[each] for each in row.fields if each in by_field]
        if not held:
            return []
        found, text = held[0], self.places.fill_in(row.text)
        if row.hidden:
            return [Value(row.name, found[0].path, HIDDEN, text)]
        if row.listed is None:
            return [Value(row.name, node.path, shown(node.value), text) for node in found]
        every = [node.value for each in held for node in each]
        return [Value(row.name, found[0].path, row.listed(every), text)]

    @cached_property
    def _rows(self) -> dict[str, Source]:
        return {field: row for row in self.table for field in row.fields}

    def _row(self, keys: Sequence[str]) -> Source | None:
        for number, key in enumerate(keys):
            row = self._rows.get(key)
            if row is not None and row.copied:
                inner = [row.copied + each.removeprefix(key) for each in keys[: number + 1]]
                return self._row(inner) or row
            if row is not None:
                return row
        return None


def directories(matrix: Matrix, cell: Cell) -> list[ExplainedDirectory]:
    """Return the directories of a cell, on ordinary capacity first."""
    places = PlacesOfCell(matrix, cell)
    found = []
    for name in cell.directories:
        queued = name == cell.queued_directory
        objects = directory.objects(cell, queued=queued)
        made = of_cell(cell, name, objects)
        # Kustomize generates the ConfigMap from a file with these values.
        config_map = {"kind": "ConfigMap", "data": made.runtime_values}
        generated = [config_map] if made.kustomization.config_maps else []
        every = [*{**objects, **made.objects}.values(), *generated]
        found.append(
            ExplainedDirectory(name, every, directory.sources(cell, queued=queued), places)
        )
    return found


def downloads(matrix: Matrix) -> list[ExplainedDirectory]:
    """Return the directory of the download, or those of each model if the bucket is known."""
    platform, models = matrix.platform, matrix.profiles.models.values()
    if platform.bucket is None:
        return [_model_download(matrix)]
    found = []
    for each in matrix.downloads(matrix.values()):
        objects = directory.download_objects(platform, models, each)
        every = list({**objects, **download(platform, each.name, objects).objects}.values())
        table = model_download_job.sources_of(platform, each)
        found.append(ExplainedDirectory(each.name, every, table, Places(matrix)))
    return found


def shared(matrix: Matrix) -> list[ExplainedDirectory]:
    """Return the files of the directory that others share, each by its path; none without it."""
    if not matrix.platform.pruned:
        return []
    of_downloads = model_download_job.sources(matrix.platform)
    return [
        ExplainedDirectory(f"{SHARED}/{file}", [item], of_downloads, Places(matrix))
        if cell is None
        else ExplainedDirectory(
            f"{SHARED}/{file}",
            [item],
            directory.sources(cell, queued=False),
            PlacesOfCell(matrix, cell),
        )
        for file, (item, cell) in with_owners(matrix).items()
    ]


def _model_download(matrix: Matrix) -> ExplainedDirectory:
    platform, models = matrix.platform, matrix.profiles.models.values()
    # Kustomize generates the ConfigMap from a file that the user fills in.
    config_map = {"kind": "ConfigMap", "data": download_containers.PLACEHOLDERS}
    return ExplainedDirectory(
        MODEL_DOWNLOAD,
        [*directory.download_objects(platform, models).values(), config_map],
        model_download_job.sources(platform),
        Places(matrix),
    )


def values(found: Sequence[ExplainedDirectory]) -> list[Value]:
    """Return the values of all directories; each name appears once."""
    listed: list[Value] = []
    for each in found:
        known = {value.name for value in listed}
        listed += [value for value in each.values if value.name not in known]
    return listed
