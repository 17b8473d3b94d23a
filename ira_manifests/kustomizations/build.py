"""Builds kustomizations as kubectl does, from a copy that keeps the origin of each object."""

from __future__ import annotations

import json
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any

from ira_manifests.kustomizations import documents, stand_ins
from ira_manifests.kustomizations.documents import FIRST, Spot, Unreadable
from ira_manifests.kustomizations.field_paths import value_at
from ira_manifests.kustomizations.kustomization import Entry, Kustomization, Role, file_in
from ira_manifests.kustomizations.sources import Sources, Trouble, is_object
from ira_manifests.kustomizations.tool import Tool

_ORIGIN = "config.kubernetes.io/origin"
_ANNOTATIONS = (_ORIGIN, "alpha.config.kubernetes.io/transformations")
_METADATA = "[originAnnotations, transformerAnnotations]"
_TOOL_FREE = "install kubectl or kustomize, or the extra: pip install 'ira-manifests[kubectl]'"
# A line of Kubernetes' log, which has the time and the process, and the error as one of its values.
_LOG = re.compile(r'^[EFIW][0-9]{4} [0-9:.]+ .* err="(.*)"$', re.MULTILINE)
_INNER = re.compile(r"recursed accumulation of path '([^']*)': ")
_PLUGINS = re.compile(r"plugin|alpha-plugins|enable-exec|enable-helm|helmCharts", re.IGNORECASE)


@dataclass(frozen=True)
class Origin:
    """Where an object of a build comes from: a file, or the generator of a kustomization."""

    file: FilePath
    generator: str = ""
    """The kind of the generator, such as ConfigMapGenerator; empty for a manifest."""


@dataclass(frozen=True)
class BuiltObject:
    """An object of a build, without kustomize's own annotations."""

    body: dict[str, Any]
    origin: Origin | None


@dataclass(frozen=True)
class Built:
    """The objects of one kustomization; none if it was not built."""

    root: Kustomization
    objects: tuple[BuiltObject, ...] = ()
    troubles: tuple[Trouble, ...] = ()
    stand_ins: frozenset[FilePath] = frozenset()
    """Files that were missing, and that the build took from a template or made up."""


@dataclass
class _Plan:
    """The files of one copy, as target -> content or file to copy."""

    files: dict[FilePath, FilePath | bytes] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    stand_ins: set[FilePath] = field(default_factory=set)
    is_whole: bool = True


def build(
    sources: Sources,
    tool: Tool | None,
    step: Callable[[str], None] = lambda _name: None,
    *,
    remote: bool = False,
) -> list[Built]:
    """Build every root of some sources, in parallel, in their order.

    `step` is called with each that is done. `remote`: whether bases may be fetched.
    """
    roots = sources.roots
    if tool is None:
        return [Built(root, (), (_without_tool(sources, root),)) for root in roots]

    done = []
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        for built in pool.map(lambda root: _build(sources, tool, root, remote=remote), roots):
            done.append(built)
            step(sources.shown(built.root.folder))
    return done


def _without_tool(sources: Sources, root: Kustomization) -> Trouble:
    message = "the kustomization is not built: there is no kubectl and no kustomize"
    return Trouble(sources.shown(root.file), FIRST, message, _TOOL_FREE, fails=False)


def _build(sources: Sources, tool: Tool, root: Kustomization, *, remote: bool) -> Built:
    plan = _plan(sources, root, remote=remote)
    troubles, stood_in = tuple(plan.troubles), frozenset(plan.stand_ins)
    if not plan.is_whole:
        return Built(root, (), troubles, stood_in)
    with tempfile.TemporaryDirectory(prefix="ira-lint-") as name:
        copy = FilePath(name).resolve()
        _write(plan, copy)
        output, error = tool.build(_inside(copy, root.folder), copy, remote=remote)
    if error:
        return Built(root, (), (*troubles, _failed(sources, root, copy, error)), stood_in)
    found = documents.read(output)
    if isinstance(found, Unreadable):
        return Built(root, (), (*troubles, _failed(sources, root, copy, str(found))), stood_in)
    objects = tuple(_object(root, each.data) for each in found if is_object(each.data))
    return Built(root, objects, troubles, stood_in)


# --- the copy -------------------------------------------------------------------------------------


def _inside(copy: FilePath, path: FilePath) -> FilePath:
    return copy / path.relative_to(path.anchor)


def _plan(sources: Sources, root: Kustomization, *, remote: bool) -> _Plan:
    plan = _Plan()
    _visit(sources, root, plan, (), remote=remote)
    if plan.is_whole:
        plan.files[root.file] = _with_metadata(root)
    return plan


def _visit(
    sources: Sources,
    each: Kustomization,
    plan: _Plan,
    above: tuple[FilePath, ...],
    *,
    remote: bool,
) -> None:
    plan.files[each.file] = each.file
    if each.data.get("helmCharts") or each.data.get("helmChartInflationGenerator"):
        _not_built(sources, each, plan, ("helmCharts",), "it renders a Helm chart", _HELM)
    for entry in each.entries:
        path = each.local(entry)
        child = sources.kustomizations.get(path)
        if child is not None and entry.role in (Role.RESOURCE, Role.COMPONENT):
            if path in (*above, each.folder):
                message = f"{entry.text} leads back here: the kustomization contains itself"
                _fails(sources, each, plan, entry, message, "remove one of the two")
            elif child.file not in plan.files:
                _visit(sources, child, plan, (*above, each.folder), remote=remote)
        elif path.is_file():
            _take(sources, each, plan, entry, path)
        else:
            _absent(sources, each, plan, entry, path, remote=remote)


_HELM = "judge what it renders: helm template CHART | ira-manifests lint -"


def _take(sources: Sources, each: Kustomization, plan: _Plan, entry: Entry, path: FilePath) -> None:
    """Plan the copy of a file, which kustomize reads only in or below the kustomization."""
    if not path.is_relative_to(each.folder):
        message = f"{entry.text} is outside of the kustomization's folder"
        _fails(sources, each, plan, entry, message, "kustomize reads no file outside: move it in")
    elif path.stat().st_size > documents.MAX_BYTES:
        message = f"{entry.text} has more than {documents.MAX_BYTES >> 20} MiB"
        _not_built(sources, each, plan, entry.path, message, "files of this size are not read")
    else:
        plan.files[each.folder / os.path.normpath(entry.text)] = path


def _absent(
    sources: Sources,
    each: Kustomization,
    plan: _Plan,
    entry: Entry,
    path: FilePath,
    *,
    remote: bool,
) -> None:
    if entry.is_remote:
        if not remote:
            message, hint = f"{entry.text} is remote", "--allow-remote fetches it"
            _not_built(sources, each, plan, entry.path, message, hint)
        return
    if path.is_dir():
        unread = file_in(path) is not None
        message = f"{entry.text} " + ("can't be read" if unread else "has no kustomization.yaml")
        _fails(sources, each, plan, entry, message, "name a folder with one, or a file")
        return
    if not _stand_in(sources, each, plan, entry, path):
        message = f"{entry.text} does not exist"
        _fails(sources, each, plan, entry, message, "correct the path, or add the file")


def _stand_in(
    sources: Sources, each: Kustomization, plan: _Plan, entry: Entry, path: FilePath
) -> bool:
    """Plan a stand-in for a missing file, and tell of it; return whether there is one."""
    template = stand_ins.template_of(path)
    content: FilePath | bytes
    if template is not None:
        told = f"built with {os.path.relpath(template, each.folder)}"
        content = template
    elif entry.role is Role.ENV:
        name = str(value_at(each.data, (*entry.path[:2], "name")))
        keys = stand_ins.keys_read(sources, name)
        told = f"built with {', '.join(keys)}, which are read from it" if keys else "built empty"
        content = "".join(f"{key}=<{key}>\n" for key in keys).encode()
    else:
        return False
    plan.files[each.folder / os.path.normpath(entry.text)] = content
    plan.stand_ins.add(path)
    spot = each.document.value_at(entry.path) or FIRST
    message = f"{entry.text} does not exist: {told}"
    hint = "its values are not judged; until something makes it, the kustomization does not build"
    plan.troubles.append(Trouble(sources.shown(each.file), spot, message, hint, fails=False))
    return True


def _fails(
    sources: Sources, each: Kustomization, plan: _Plan, entry: Entry, message: str, hint: str
) -> None:
    spot = each.document.value_at(entry.path) or FIRST
    # Where templates are kept, other tools add what is missing.
    is_template = "templates" in each.folder.parts
    plan.troubles.append(
        Trouble(sources.shown(each.file), spot, message, hint, fails=not is_template)
    )
    plan.is_whole = False


def _not_built(
    sources: Sources,
    each: Kustomization,
    plan: _Plan,
    path: tuple[str | int, ...],
    message: str,
    hint: str,
) -> None:
    spot = each.document.key_at(path) or FIRST
    message = f"the kustomization is not built: {message}"
    plan.troubles.append(Trouble(sources.shown(each.file), spot, message, hint, fails=False))
    plan.is_whole = False


def _with_metadata(root: Kustomization) -> bytes:
    """Return the root's text, which asks kustomize for the origin of each object."""
    if "buildMetadata" not in root.data:
        text = root.file.read_bytes()
        last = text.rstrip().rpartition(b"\n")[2]
        if not text.lstrip().startswith(b"{") and last not in (b"...", b"---"):
            return text.rstrip() + f"\nbuildMetadata: {_METADATA}\n".encode()
    wanted = [word.strip() for word in _METADATA.strip("[]").split(",")]
    return json.dumps({**root.data, "buildMetadata": wanted}, default=str).encode()


def _write(plan: _Plan, copy: FilePath) -> None:
    for target, content in plan.files.items():
        path = _inside(copy, target)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            shutil.copyfile(content, path)


# --- what was built -------------------------------------------------------------------------------


def _failed(sources: Sources, root: Kustomization, copy: FilePath, error: str) -> Trouble:
    """Return the failure of a build, at the innermost kustomization that its message names."""
    folders = _INNER.findall(error)
    at = sources.kustomizations.get(_outside(copy, folders[-1])) if folders else None
    said = _INNER.split(_said(error))[-1].replace(str(copy), "")
    shown = " ".join(said.split()).removeprefix("error: ").removeprefix("Error: ")
    shown = shown if len(shown) < _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}..."
    if _PLUGINS.search(shown):
        message, hint = f"the kustomization is not built: {shown}", "plugins are never run"
        return Trouble(sources.shown((at or root).file), FIRST, message, hint, fails=False)
    message, hint = f"kustomize can't build it: {shown}", "kubectl apply -k fails in the same way"
    return Trouble(sources.shown((at or root).file), _spot_of(at or root), message, hint)


_MOST_SHOWN = 300


def _said(error: str) -> str:
    """Return the error that kubectl prints, as a line or as one of its log."""
    logged = _LOG.search(error)
    return logged[1].replace('\\"', '"').replace("\\n", "\n") if logged else error


def _outside(copy: FilePath, text: str) -> FilePath:
    return (
        FilePath("/", os.path.relpath(text, copy)) if text.startswith(str(copy)) else FilePath(text)
    )


def _spot_of(kustomization: Kustomization) -> Spot:
    return kustomization.document.value_at(()) or FIRST


def _object(root: Kustomization, body: dict[str, Any]) -> BuiltObject:
    metadata = body.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(annotations, dict):
        return BuiltObject(body, None)
    own = {key: value for key, value in annotations.items() if key not in _ANNOTATIONS}
    kept = {key: value for key, value in metadata.items() if key != "annotations"}
    kept |= {"annotations": own} if own else {}
    return BuiltObject({**body, "metadata": kept}, _origin(root, annotations.get(_ORIGIN)))


def _origin(root: Kustomization, text: Any) -> Origin | None:
    if not isinstance(text, str):
        return None
    fields = dict(_fields(text))
    if "repo" in fields:
        return None  # a remote base: its files are not the user's
    path = fields.get("path") or fields.get("configuredIn")
    if path is None:
        return None
    file = FilePath(os.path.realpath(root.folder / path))
    return Origin(file, "" if "path" in fields else fields.get("kind", ""))


def _fields(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        key, colon, value = line.strip().partition(": ")
        if colon:
            yield key, value.strip("'\"")
