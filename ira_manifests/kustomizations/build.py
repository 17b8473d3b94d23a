"""Builds kustomizations as kubectl does, from a copy that keeps the origin of each object."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from ira_manifests.kustomizations import copies, documents
from ira_manifests.kustomizations.documents import FIRST, Spot, Unreadable
from ira_manifests.kustomizations.kustomization import Kustomization
from ira_manifests.kustomizations.sources import Sources, Trouble, is_object
from ira_manifests.kustomizations.tool import NO_TOOL, Tool, remedy

_ORIGIN = "config.kubernetes.io/origin"
_ANNOTATIONS = (_ORIGIN, "alpha.config.kubernetes.io/transformations")
# A line of Kubernetes' log, which has the time and the process, and the error as one of its values.
_LOG = re.compile(r'^[EFIW][0-9]{4} [0-9:.]+ .* err="(.*)"$', re.MULTILINE)
# A line before the error, of fields that will be gone one day.
_WARNING = re.compile(r"^# Warning: .*\n", re.MULTILINE)
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
    is_part: bool = False
    """Whether a remote base was left out, so that objects and fields are missing."""


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
    message = f"the kustomization is not built: {NO_TOOL}"
    return Trouble(sources.shown(root.file), FIRST, message, remedy(), fails=False)


def _build(sources: Sources, tool: Tool, root: Kustomization, *, remote: bool) -> Built:
    plan = copies.plan(sources, root, remote=remote)
    troubles, stood_in = tuple(plan.troubles), frozenset(plan.stand_ins)
    if not plan.is_whole:
        return Built(root, (), troubles, stood_in)
    with tempfile.TemporaryDirectory(prefix="ira-lint-") as name:
        copy = FilePath(name).resolve()
        copies.write(plan, copy)
        output, error = tool.build(copies.inside(copy, root.folder), copy, remote=remote)
    remotes = tuple(_left_out(sources, plan, fails=bool(error)))
    troubles += remotes
    if error and remotes:
        return Built(root, (), troubles, stood_in)
    if error:
        return Built(root, (), (*troubles, _failed(sources, root, copy, error)), stood_in)
    found = documents.read(output)
    if isinstance(found, Unreadable):
        return Built(root, (), (*troubles, _failed(sources, root, copy, str(found))), stood_in)
    objects = tuple(_object(root, each.data) for each in found if is_object(each.data))
    return Built(root, objects, troubles, stood_in, is_part=bool(remotes))


def _left_out(sources: Sources, plan: copies.Plan, *, fails: bool) -> Iterator[Trouble]:
    """Yield the remote bases of a plan: a part is judged without them, or nothing."""
    for folder, entries in plan.left_out.items():
        each = sources.kustomizations[folder]
        for entry in entries:
            spot = each.document.value_at(entry.path) or FIRST
            message = f"only a part is judged: {entry.text} is remote"
            if fails:
                message = f"the kustomization is not built: {entry.text} is remote"
            yield Trouble(sources.shown(each.file), spot, message, copies.FETCH, fails=False)


# --- what was built -------------------------------------------------------------------------------


def _failed(sources: Sources, root: Kustomization, copy: FilePath, error: str) -> Trouble:
    """Return the failure of a build, at the innermost kustomization that its message names."""
    folders = _INNER.findall(error)
    at = sources.kustomizations.get(_outside(copy, folders[-1])) if folders else None
    said = _INNER.split(_said(error))[-1].replace(str(copy), "")
    shown = (
        " ".join(said.replace('\\"', '"').split()).removeprefix("error: ").removeprefix("Error: ")
    )
    shown = shown.removesuffix('"') if shown.count('"') % 2 else shown
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
    said = logged[1].replace('\\"', '"').replace("\\n", "\n") if logged else error
    return _WARNING.sub("", said)


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
