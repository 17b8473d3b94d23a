"""What there is below some paths: kustomizations, manifests and streams of other authors."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path as FilePath

from ira_manifests import files
from ira_manifests.errors import InputError
from ira_manifests.kustomizations import documents
from ira_manifests.kustomizations.documents import FIRST, Document, Spot, Unreadable
from ira_manifests.kustomizations.kustomization import NAMES, Kustomization, Role, file_in

STREAM = "-"
"""The path of standard input."""

TEMPLATE_WORDS = frozenset(("tpl", "tmpl", "template", "tftpl", "example", "sample", "dist"))
"""Parts of the names of files from which others are made, such as x.tpl.env."""

_ENDINGS = (".yaml", ".yml", ".json")
_SKIPPED = frozenset({"node_modules", "__pycache__", "vendor"})
_MOST_FILES = 100_000


@dataclass(frozen=True, order=True)
class Trouble:
    """Something that can't be judged, or that fails. `fails`: whether it is a fault of the tree."""

    file: str
    spot: Spot
    message: str
    hint: str
    fails: bool = True


@dataclass
class Sources:
    """What was found, with every file that was read.

    `kustomizations`: by folder, those that others name included. `plain`: manifests that no
    kustomization names. `named`: the folders that the user named.
    """

    here: FilePath
    kustomizations: dict[FilePath, Kustomization] = field(default_factory=dict)
    plain: list[FilePath] = field(default_factory=list)
    named: set[FilePath] = field(default_factory=set)
    troubles: list[Trouble] = field(default_factory=list)
    stream: bytes | None = None
    _read: dict[FilePath, list[Document] | Unreadable] = field(default_factory=dict)

    def documents(self, file: FilePath) -> list[Document] | Unreadable:
        """Return the documents of a file, else why it can't be read."""
        if file not in self._read:
            self._read[file] = _documents(file)
        return self._read[file]

    def documents_or_none(self, file: FilePath) -> list[Document]:
        """Return the documents of a file; none of one that can't be read."""
        found = self.documents(file)
        return [] if isinstance(found, Unreadable) else found

    def shown(self, path: FilePath) -> str:
        """Return a path as the user sees it: relative where it is below the current folder."""
        return os.path.relpath(path, self.here) if path.is_relative_to(self.here) else str(path)

    def children(self, kustomization: Kustomization) -> Iterator[Kustomization]:
        """Yield the kustomizations whose objects one takes, or that change its objects."""
        for entry in kustomization.entries:
            if entry.role in (Role.RESOURCE, Role.COMPONENT):
                child = self.kustomizations.get(kustomization.local(entry))
                if child is not None:
                    yield child

    def closure(self, root: Kustomization) -> list[Kustomization]:
        """Return a kustomization and all that it is built from, the outermost first."""
        found = {root.folder: root}
        waiting = [root]
        while waiting:
            for child in self.children(waiting.pop(0)):
                if child.folder not in found:
                    found[child.folder] = child
                    waiting.append(child)
        return list(found.values())

    @cached_property
    def roots(self) -> list[Kustomization]:
        """The kustomizations that are applied: those that no other one is built from."""
        parts = {
            child.folder
            for each in self.kustomizations.values()
            for child in self.children(each)
            if child is not each
        }
        wanted = [
            each
            for folder, each in sorted(self.kustomizations.items())
            if not each.is_component and (folder not in parts or folder in self.named)
        ]
        return wanted or [each for _, each in sorted(self.kustomizations.items())]


def find(paths: Sequence[str], stream: bytes | None = None) -> Sources:
    """Return what is below some paths. `stream`: standard input, if `-` is among them.

    Raises `InputError` for a path that does not exist or can't be read.
    """
    sources = Sources(FilePath.cwd().resolve(), stream=stream)
    missing = [f"{each}: there is no such file or folder" for each in paths if not _exists(each)]
    if missing:
        raise InputError(*missing)
    found: dict[FilePath, None] = {}
    for each in dict.fromkeys(paths):
        if each != STREAM:
            found |= dict.fromkeys(_below(sources, FilePath(each)))
    for file in found:
        if file.name in NAMES:
            _add(sources, file)
    _follow(sources)
    parts = _parts(sources)
    others = (
        file
        for file in found
        # Beside a kustomization, what it does not name is not applied.
        if file not in parts and not _is_built_otherwise(file) and file_in(file.parent) is None
    )
    sources.plain = [file for file in others if _is_plain(sources, file)]
    return sources


def _exists(path: str) -> bool:
    return path == STREAM or os.path.exists(path)  # noqa: PTH110  Path.exists raises for long names


def _below(sources: Sources, path: FilePath) -> list[FilePath]:
    """Return the YAML files of a path, with links followed; those of a folder sorted."""
    real = path.resolve()
    if real.is_file():
        if real.name in NAMES:
            sources.named.add(real.parent)
        return [real]
    sources.named.add(real)
    found = list(_walk(sources, real))
    if not found and not sources.troubles:
        raise InputError(f"{path} has no kustomization and no YAML file")
    return found


def _walk(sources: Sources, top: FilePath) -> Iterator[FilePath]:
    count = 0
    for folder, inner, names in os.walk(top):
        inner[:] = sorted(name for name in inner if not _is_skipped(names, name))
        for name in sorted([*names, *inner]):
            path = FilePath(folder, name)
            if path.is_symlink() and _leads_out(sources, path, top):
                continue
            if name in names and (name in NAMES or name.endswith(_ENDINGS)) and path.is_file():
                count += 1
                yield path.resolve()
        if count > _MOST_FILES:
            raise InputError(f"{top} has more than {_MOST_FILES} YAML files; name a part of it")


def _is_skipped(beside: Iterable[str], name: str) -> bool:
    """Return whether a folder holds no manifests: a hidden one, or the templates of a chart."""
    of_chart = name == "templates" and "Chart.yaml" in beside
    return name.startswith(".") or name in _SKIPPED or of_chart


def _leads_out(sources: Sources, path: FilePath, top: FilePath) -> bool:
    """Tell of a symbolic link that leads out of the tree, or nowhere."""
    target = FilePath(os.path.realpath(path))
    if target.is_relative_to(top) and target.exists():
        return False
    what = "leads out of the tree" if target.exists() else "leads nowhere"
    hint = "it is not followed; name its target to have it judged"
    sources.troubles.append(
        Trouble(sources.shown(path), FIRST, f"the symbolic link {what}", hint, fails=False)
    )
    return True


def _add(sources: Sources, file: FilePath) -> Kustomization | None:
    """Read a kustomization; one that can't be read is a trouble."""
    folder = file.parent
    if folder in sources.kustomizations:
        return sources.kustomizations[folder]
    found = sources.documents(file)
    if isinstance(found, Unreadable):
        sources.troubles.append(
            Trouble(sources.shown(file), found.spot, f"the file {found}", "kustomize refuses it")
        )
        return None
    if len(found) != 1 or not isinstance(found[0].data, dict):
        message = "the file is empty" if not found else "the file is not one mapping"
        sources.troubles.append(
            Trouble(sources.shown(file), FIRST, message, "kustomize refuses it")
        )
        return None
    sources.kustomizations[folder] = Kustomization(folder, file, found[0])
    return sources.kustomizations[folder]


def _follow(sources: Sources) -> None:
    """Read the kustomizations that those already read are built from."""
    waiting = list(sources.kustomizations.values())
    while waiting:
        kustomization = waiting.pop()
        for entry in kustomization.entries:
            if entry.role not in (Role.RESOURCE, Role.COMPONENT):
                continue
            folder = kustomization.local(entry)
            file = file_in(folder) if folder not in sources.kustomizations else None
            added = _add(sources, file) if file is not None else None
            if added is not None:
                waiting.append(added)


def _is_built_otherwise(file: FilePath) -> bool:
    """Return whether a file is a kustomization, or a template from which manifests are made."""
    words = file.name.split(".")[1:-1]
    return file.name in NAMES or bool(TEMPLATE_WORDS & {*words})


def _is_plain(sources: Sources, file: FilePath) -> bool:
    """Return whether a file holds manifests; tell of one that can't be read."""
    found = sources.documents(file)
    if isinstance(found, Unreadable):
        if not file.name.endswith(".json"):
            _unreadable(sources, file, found)
        return False
    return any(is_object(each.data) for each in found)


def _parts(sources: Sources) -> set[FilePath]:
    return {each.local(entry) for each in sources.kustomizations.values() for entry in each.entries}


def _unreadable(sources: Sources, file: FilePath, error: Unreadable) -> None:
    if error.is_template:
        message = "the file is a template, and no YAML"
        hint = "judge what it renders: helm template CHART | ira-manifests lint -"
    else:
        message, hint = f"the file {error}", "it is not judged"
    sources.troubles.append(
        Trouble(sources.shown(file), error.spot, message, hint, fails=error.is_fault)
    )


def is_object(data: object) -> bool:
    """Return whether a document is an object of Kubernetes."""
    return (
        isinstance(data, dict)
        and isinstance(data.get("kind"), str)
        and isinstance(data.get("apiVersion"), str)
    )


def _documents(file: FilePath) -> list[Document] | Unreadable:
    try:
        return documents.read(files.read_regular(file, documents.MAX_BYTES + 1))
    except OSError as error:
        return Unreadable(FIRST, f"can't be read: {files.reason(error)}")
