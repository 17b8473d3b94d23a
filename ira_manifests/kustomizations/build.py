"""Builds kustomizations as kubectl does, from a copy that keeps the origin of each object."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from ira_manifests.kustomizations import copies, documents, failures
from ira_manifests.kustomizations.documents import FIRST, Unreadable
from ira_manifests.kustomizations.kustomization import Kustomization
from ira_manifests.kustomizations.sources import Sources, Trouble, is_object
from ira_manifests.kustomizations.tool import ORIGIN, NoTool, Tool

_ANNOTATIONS = (ORIGIN, "alpha.config.kubernetes.io/transformations")


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
    tool: Tool | NoTool,
    step: Callable[[str], None] = lambda _name: None,
    *,
    remote: bool = False,
) -> list[Built]:
    """Build every root of some sources, in parallel, in their order.

    `step` is called with each that is done. `remote`: whether bases may be fetched.
    """
    roots = sources.roots
    if isinstance(tool, NoTool):
        return [Built(root, (), (_without_tool(sources, root, tool),)) for root in roots]

    done = []
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 2) as pool:
        try:
            for built in pool.map(lambda root: _build(sources, tool, root, remote=remote), roots):
                done.append(built)
                step(sources.shown(built.root.folder))
        except BaseException:  # such as a signal: what runs must not keep the pool from ending
            tool.stop()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return done


def _without_tool(sources: Sources, root: Kustomization, tool: NoTool) -> Trouble:
    message = f"the kustomization is not built: {tool.why}"
    return Trouble(sources.shown(root.file), FIRST, message, tool.advice, fails=False)


def _build(sources: Sources, tool: Tool, root: Kustomization, *, remote: bool) -> Built:
    plan = copies.plan(sources, root, remote=remote)
    troubles, stood_in = tuple(plan.troubles), frozenset(plan.stand_ins)
    if not plan.is_whole:
        return Built(root, (), troubles, stood_in)
    with tempfile.TemporaryDirectory(prefix="ira-lint-") as name:
        copy = FilePath(name).resolve()
        unread = copies.write(sources, plan, copy)
        if unread is not None:
            return Built(root, (), (*troubles, unread), stood_in)
        output, error = tool.build(copies.inside(copy, root.folder), copy, remote=remote)
    remotes = tuple(_left_out(sources, plan, fails=bool(error)))
    troubles += remotes
    if error and remotes:
        return Built(root, (), troubles, stood_in)
    found = documents.read(output)
    if isinstance(found, Unreadable):
        error = f"what it builds {found}"
    if error or isinstance(found, Unreadable):
        failed = failures.troubles(sources, root, copy, error)
        return Built(root, (), (*troubles, *failed), stood_in)
    objects = tuple(_object(root, each.data) for each in found if is_object(each.data))
    if not objects:
        troubles = (*troubles, _builds_nothing(sources, root))
    return Built(root, objects, troubles, stood_in, is_part=bool(remotes))


def _builds_nothing(sources: Sources, root: Kustomization) -> Trouble:
    message, hint = "the kustomization builds no object", "name the resources that it is to build"
    return Trouble(sources.shown(root.file), FIRST, message, hint, fails=False)


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


def _object(root: Kustomization, body: dict[str, Any]) -> BuiltObject:
    metadata = body.get("metadata")
    annotations = metadata.get("annotations") if isinstance(metadata, dict) else None
    if not isinstance(metadata, dict) or not isinstance(annotations, dict):
        return BuiltObject(body, None)
    own = {key: value for key, value in annotations.items() if key not in _ANNOTATIONS}
    kept = {key: value for key, value in metadata.items() if key != "annotations"}
    kept |= {"annotations": own} if own else {}
    return BuiltObject({**body, "metadata": kept}, _origin(root, annotations.get(ORIGIN)))


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
