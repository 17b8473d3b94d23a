"""Why a build failed, in a sentence, and the place that its message is about."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path as FilePath
from typing import NamedTuple

from ira_manifests.kustomizations import patches
from ira_manifests.kustomizations.documents import FIRST, Document, Path, Spot, Unreadable
from ira_manifests.kustomizations.kustomization import Kustomization
from ira_manifests.kustomizations.sources import Sources, Trouble

# A line of Kubernetes' log, which has the time and the process, and the error as one of its values.
_LOG = re.compile(r'^[EFIW][0-9]{4} [0-9:.]+ .* err="(.*)"$', re.MULTILINE)
# A line before the error, of fields that will be gone one day.
_WARNING = re.compile(r"^# Warning: .*\n", re.MULTILINE)
# What kustomize writes around an error on its way up, and of these what names a kustomization:
# https://github.com/kubernetes-sigs/kustomize, api/internal/target/kusttarget.go
_AROUND = re.compile(
    r"(?:error|Error): |accumulating (?:resources|components): "
    r"|accumulation err='accumulating resources from '[^']*': '[^']*' must resolve to a file': "
    r"|accumulateDirectory: "
)
_INNER = re.compile(r"(?:recursed accumulation of path|couldn't make target for path) '([^']*)': ")
_OF_FILE = re.compile(
    r"accumulation err='(.*)': must build at directory: '[^']*': file is not directory"
)
_PLUGINS = re.compile(r"external plugins? disabled|must specify --enable-", re.IGNORECASE)
_ADDRESS = re.compile(r"0x[0-9a-f]+")  # of memory, which is another one each time
_ID = re.compile(
    r'resid\.ResId\{Gvk:resid\.Gvk\{[^}]*Kind:"(\w+)"[^}]*\}, Name:"([^"]*)", Namespace:"[^"]*"\}'
)
_NAMED = re.compile(
    r"'([^']+)'|\"([^\"]+)\"|`([^`]+)`|\[([^\]\s]+)\]|Go struct field (?:\w+\.)+(\w+)"
)
_TARGET = re.compile(r"([A-Za-z]+)\.[^/ ]*/([^/ ]+?)\.")  # Deployment.v1.apps/vllm.[noNs]
_MOST_SHOWN = 300


class _Failure(NamedTuple):
    """What a message says, without what is around it, and the innermost folder that it names."""

    said: str
    folder: FilePath | None


def troubles(sources: Sources, root: Kustomization, copy: FilePath, error: str) -> list[Trouble]:
    """Return what makes a build fail: files that are no YAML, else what the message says."""
    unread = list(_unread(sources, root))
    if unread:
        return unread
    failure = _failure(error, copy)
    at = sources.kustomizations.get(failure.folder or root.folder, root)
    shown = failure.said.replace(f"{sources.here}/", "")
    shown = shown if len(shown) < _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}..."
    file = sources.shown(at.file)
    if _PLUGINS.search(shown):
        message, hint = f"the kustomization is not built: {shown}", "plugins are never run"
        return [Trouble(file, FIRST, message, hint, fails=False)]
    message, hint = f"kustomize can't build it: {shown}", "kubectl apply -k fails in the same way"
    return [Trouble(*_place(sources, at, failure.said), message, hint)]


def _unread(sources: Sources, root: Kustomization) -> Iterator[Trouble]:
    """Yield the files of a kustomization that are no YAML, or have a key twice."""
    for each in sources.closure(root):
        for file in dict.fromkeys(map(each.local, each.entries)):
            if file.suffix not in (".yaml", ".yml", ".json") or not file.is_relative_to(
                each.folder
            ):
                continue
            found = sources.documents(file)
            if isinstance(found, Unreadable):
                if found.is_fault:
                    yield _of_file(sources, file, found.spot, f"the file {found}")
                continue
            for key in (item.repeated for item in found if item.repeated is not None):
                yield _of_file(sources, file, key.spot, f"the key {key.text} is there twice")


def _of_file(sources: Sources, file: FilePath, spot: Spot, message: str) -> Trouble:
    return Trouble(sources.shown(file), spot, message, "kustomize refuses it")


# --- the message ----------------------------------------------------------------------------------


def _failure(error: str, copy: FilePath) -> _Failure:
    """Return the innermost error of a message, in which paths are those of the user's files."""
    logged = _LOG.search(error)
    text = logged[1].replace('\\"', '"').replace("\\n", "\n") if logged else error
    text = _ADDRESS.sub("0x...", _WARNING.sub("", text))
    said = _ID.sub(r"\1 '\2'", " ".join(text.split()))
    folder: str | None = None
    while True:
        around, inner, of_file = (each.match(said) for each in (_AROUND, _INNER, _OF_FILE))
        if around is not None:
            said = said[around.end() :]
        elif inner is not None:
            folder, said = inner[1], said[inner.end() :]
        elif of_file is not None:
            said = of_file[1]
        elif said[:1] == said[-1:] == '"':
            said = said[1:-1].replace('\\"', '"')
        else:
            break
    outside = None if folder is None else FilePath("/", os.path.relpath(folder, copy))
    return _Failure(said.replace(str(copy), ""), outside)


def _place(sources: Sources, at: Kustomization, said: str) -> tuple[str, Spot]:
    """Return the place of what a message names: a patch, or a text of the kustomization."""
    for kind, name in _TARGET.findall(said) if "patch" in said else ():
        for patch in patches.patches(sources, at):
            data = patch.text.document.data
            named = ("metadata", "name")
            if patch.target is None and _is(data, kind, name):
                spot = patch.text.document.value_at(named) or FIRST
                return sources.shown(patch.text.file), patch.text.spot(spot)
    names = [next(filter(None, groups)) for groups in _NAMED.findall(said)]
    spots = (_spot_of(at, name) for name in names)
    start = at.document.value_at(()) or FIRST
    return sources.shown(at.file), next(filter(None, spots), start)


def _is(data: object, kind: str, name: str) -> bool:
    if not isinstance(data, dict) or data.get("kind") != kind:
        return False
    metadata = data.get("metadata")
    return isinstance(metadata, dict) and metadata.get("name") == name


def _spot_of(each: Kustomization, text: str) -> Spot | None:
    """Return the place of the last key or value of a kustomization that is a text, or its path."""
    found = [
        path for path, key in _texts(each.data, ()) if text in (key, str(each.local_name(key)))
    ]
    return None if not found else _of(each.document, found[-1], text)


def _of(document: Document, path: Path, text: str) -> Spot | None:
    return document.key_at(path) if path[-1] == text else document.value_at(path)


def _texts(value: object, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key), key
            yield from _texts(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _texts(inner, (*path, index))
    elif isinstance(value, str) and path and "\n" not in value:
        yield path, value
