"""The text of a kustomization in a copy: with the origin of objects, and without remote bases.

Where a base is remote, what patches say of its objects is built alone: the objects that they are
for are made up, with nothing but their names.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path as FilePath
from typing import Any

from ira_manifests import files
from ira_manifests.kustomizations import documents, patches
from ira_manifests.kustomizations.documents import Path
from ira_manifests.kustomizations.field_paths import value_at
from ira_manifests.kustomizations.kustomization import Entry, Kustomization, Role
from ira_manifests.kustomizations.patches import Patch
from ira_manifests.kustomizations.sources import Sources

_METADATA = "[originAnnotations, transformerAnnotations]"
_FILE = "ira-remote-objects.json"
_TEMPLATE: Path = ("spec", "template", "spec", "containers")
_UNKNOWN_IMAGE = "vllm/vllm-openai:${remote}"


def with_metadata(root: Kustomization) -> bytes:
    """Return the root's text, which asks kustomize for the origin of each object."""
    text = _text(root)
    if text and "buildMetadata" not in root.data:
        last = text.rstrip().rpartition(b"\n")[2]
        if not text.lstrip().startswith(b"{") and last not in (b"...", b"---"):
            return text.rstrip() + f"\nbuildMetadata: {_METADATA}\n".encode()
    return _json({**root.data, "buildMetadata": _wanted()})


def _text(root: Kustomization) -> bytes:
    try:
        return files.read_regular(root.file, documents.MAX_BYTES)
    except OSError:
        return b""  # it is gone; what was read of it is built


def _wanted() -> list[str]:
    return [word.strip() for word in _METADATA.strip("[]").split(",")]


def _json(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, default=str).encode()


def without_remotes(
    sources: Sources, root: Kustomization, left_out: Mapping[FilePath, list[Entry]]
) -> dict[FilePath, bytes]:
    """Return the files of a copy that replace remote bases by what patches say of their objects.

    Replacements are left out: their targets may be fields of the remote objects.
    """
    layers = sources.closure(root)
    first = next(each for each in layers if each.folder in left_out)
    files = {first.folder / _FILE: _json(_listed(_made_up(sources, layers)))}
    for each in layers:
        remote = {entry.text for entry in left_out.get(each.folder, ())}
        data = {key: value for key, value in each.data.items() if key != "replacements"}
        for key in ("resources", "bases"):
            if isinstance(data.get(key), list):
                data[key] = [text for text in data[key] if text not in remote]
        if each is first:
            data["resources"] = [*data.get("resources", ()), _FILE]
        if each is root:
            data["buildMetadata"] = _wanted()
        files[each.file] = _json(data)
    return files


def _listed(items: list[dict[str, Any]]) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _made_up(sources: Sources, layers: list[Kustomization]) -> list[dict[str, Any]]:
    """Return an object for each one that patches are for, and that no file of the layers holds."""
    known = set(_of_files(sources, layers))
    found: dict[tuple[Any, Any], dict[str, Any]] = {}
    for each in layers:
        for patch in patches.patches(sources, each):
            body = _object(patch)
            identity = (body.get("kind"), value_at(body, ("metadata", "name")))
            if body and identity not in known:
                found[identity] = {**body, **found.get(identity, {})}
    return list(found.values())


def _of_files(sources: Sources, layers: list[Kustomization]) -> Iterator[tuple[Any, Any]]:
    for each in layers:
        for entry in each.entries:
            if entry.role is Role.RESOURCE:
                for document in sources.documents_or_none(each.local(entry)):
                    yield (
                        value_at(document.data, ("kind",)),
                        value_at(document.data, ("metadata", "name")),
                    )


def _object(patch: Patch) -> dict[str, Any]:
    """Return the object that a patch is for, with its names alone; empty if they are not known."""
    data = patch.text.document.data
    target = patch.target or {}
    name = target.get("name") or value_at(data, ("metadata", "name"))
    if not isinstance(data, dict) or not isinstance(data.get("kind"), str) or not name:
        return {}
    body = {key: data.get(key) for key in ("apiVersion", "kind")}
    body["metadata"] = {"name": name}
    containers = value_at(data, _TEMPLATE)
    servers = [
        {"name": item.get("name"), "image": _UNKNOWN_IMAGE}
        for item in (containers if isinstance(containers, list) else ())
        if isinstance(item, dict) and _serves(item)
    ]
    if servers:
        body["spec"] = {"template": {"spec": {"containers": servers}}}
    return body


def _serves(container: Mapping[str, Any]) -> bool:
    """Return whether a patch gives a container the arguments of a vLLM server."""
    given = container.get("args")
    words = [str(word) for word in given] if isinstance(given, list) else []
    return any(word.startswith(("--model=", "--tensor-parallel-size")) for word in words)
