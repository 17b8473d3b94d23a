"""Finds the kustomizations and manifests below some paths, and reads a stream."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path as FilePath

from ira_manifests import files
from ira_manifests.errors import InputError
from ira_manifests.kustomizations import documents
from ira_manifests.kustomizations.documents import FIRST, Unreadable
from ira_manifests.kustomizations.kustomization import NAMES, Kustomization, Role, file_in
from ira_manifests.kustomizations.sources import STDIN, TEMPLATE_WORDS, Sources, Trouble, is_object

STREAM = "-"
"""The path of standard input."""

_ENDINGS = (".yaml", ".yml", ".json")
_SKIPPED = frozenset({"node_modules", "__pycache__", "vendor"})
_MOST_FILES = 100_000
_MOST_NAMED = 3


def find(paths: Sequence[str], stream: bytes | None = None) -> Sources:
    """Return what is below some paths. `stream`: standard input, if `-` is among them.

    Raises `InputError` for a path that does not exist or can't be read, and if there is nothing
    that can be judged.
    """
    sources = Sources(FilePath.cwd().resolve())
    problems = [f"{each}: {why}" for each in paths if (why := _problem(each))]
    if problems:
        raise InputError(*problems)
    found: dict[FilePath, None] = {}
    if stream is not None:
        _read_stream(sources, stream)
    for each in dict.fromkeys(paths):
        if each != STREAM:
            found |= dict.fromkeys(_below(sources, FilePath(each)))
    for file in found:
        if file.name in NAMES:
            _add(sources, file)
    _follow(sources)
    parts = _parts(sources)
    others = (file for file in found if file not in parts and _is_alone(sources, file))
    sources.plain = [file for file in others if _is_plain(sources, file)]
    _refuse_nothing(sources, paths)
    return sources


def _problem(path: str) -> str:
    """Return why a path can't be read; empty if it can."""
    if path == STREAM:
        return ""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116  Path.stat raises for long names
    except FileNotFoundError:
        return "there is no such file or folder"
    except (OSError, ValueError) as error:
        return files.reason(error) if isinstance(error, OSError) else "it is no name of a file"
    is_folder = stat.S_ISDIR(mode)
    if not is_folder and not stat.S_ISREG(mode):
        return "it is no regular file; pipe what it has, and name -"
    needed = os.R_OK | os.X_OK if is_folder else os.R_OK
    return "" if os.access(path, needed) else files.reason(PermissionError(errno.EACCES, ""))


def _refuse_nothing(sources: Sources, paths: Sequence[str]) -> None:
    """Raise `InputError` where there is nothing to judge, nor anything to tell of a folder."""
    found = sources.roots or sources.plain or sources.stream is not None
    told = sources.troubles and any(os.path.isdir(path) for path in paths)  # noqa: PTH112
    if found or told or any(each.fails for each in sources.troubles):
        return
    why = [f"{each.file}: {each.message}" for each in sources.troubles[:_MOST_NAMED]]
    shown = ", ".join(paths[:_MOST_NAMED])
    raise InputError(f"{shown}: there is no kustomization and no object of Kubernetes", *why)


def _read_stream(sources: Sources, stream: bytes) -> None:
    """Read standard input. Raises `InputError` if it has no object."""
    found = documents.read(stream)
    pipe = "pipe the output of kustomize, helm template or kubectl get -o yaml"
    if isinstance(found, Unreadable):
        sources.troubles.append(Trouble(STDIN, found.spot, f"the input {found}", pipe))
    elif not any(is_object(each.data) for each in found):
        what = "has no object of Kubernetes" if found else "is empty"
        raise InputError(f"standard input {what}; {pipe}")
    else:
        sources.stream = found


def _below(sources: Sources, path: FilePath) -> list[FilePath]:
    """Return the YAML files of a path, with links followed; those of a folder sorted."""
    real = path.resolve()
    if files.is_file(real):
        sources.named.add(real.parent if real.name in NAMES else real)
        return [real]
    sources.named.add(real)
    return list(_walk(sources, real))


def _walk(sources: Sources, top: FilePath) -> Iterator[FilePath]:
    def unread(error: OSError) -> None:
        file = sources.shown(FilePath(error.filename))
        message = f"the folder can't be read: {files.reason(error)}"
        sources.troubles.append(Trouble(file, FIRST, message, "it is not judged", fails=False))

    count = 0
    for folder, inner, names in os.walk(top, onerror=unread):
        inner[:] = sorted(name for name in inner if not _is_skipped(names, name))
        for name in sorted([*names, *inner]):
            path = FilePath(folder, name)
            if name in names and name not in NAMES and not name.endswith(_ENDINGS):
                continue
            if path.is_symlink() and _leads_out(sources, path, top):
                continue
            if name in names and files.is_file(path):
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


def _is_alone(sources: Sources, file: FilePath) -> bool:
    """Return whether a file that no kustomization names may be applied as it is.

    Beside a kustomization, what it does not name is not applied. Nor are templates from which
    manifests are made. Both are if the user names the file.
    """
    if file.name in NAMES:
        return False
    beside = file_in(file.parent)
    if file not in sources.named:
        is_template = TEMPLATE_WORDS & {*file.name.split(".")[1:-1]}
        return beside is None and not is_template
    return beside is None or not _changes(sources, beside, file)


def _changes(sources: Sources, beside: FilePath, file: FilePath) -> bool:
    """Return whether a kustomization uses a file to change objects; if so, tell."""
    for document in sources.documents_or_none(beside):
        kustomization = Kustomization(beside.parent, beside, document)
        for entry in kustomization.entries:
            if entry.role is not Role.RESOURCE and kustomization.local(entry) == file:
                message = f"the file is a part of {sources.shown(beside)}"
                hint = "name the folder of the kustomization"
                sources.troubles.append(
                    Trouble(sources.shown(file), FIRST, message, hint, fails=False)
                )
                return True
    return False


def _is_plain(sources: Sources, file: FilePath) -> bool:
    """Return whether a file holds manifests; tell of one that can't be read."""
    found = sources.documents(file)
    if isinstance(found, Unreadable):
        if not file.name.endswith(".json"):
            _unreadable(sources, file, found)
        return False
    objects = [each for each in found if is_object(each.data)]
    for key in (each.repeated for each in objects if each.repeated is not None):
        message = f"the key {key.text} is there twice"
        sources.troubles.append(
            Trouble(sources.shown(file), key.spot, message, "kubectl refuses it: remove one")
        )
    return bool(objects)


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
