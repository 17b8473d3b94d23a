"""What to copy of a kustomization, so that it builds as it is, and what stands in the way."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path as FilePath

from ira_manifests import files
from ira_manifests.kustomizations import documents, parts, stand_ins
from ira_manifests.kustomizations.documents import FIRST
from ira_manifests.kustomizations.field_paths import value_at
from ira_manifests.kustomizations.kustomization import Entry, Kustomization, Role, file_in, files_in
from ira_manifests.kustomizations.sources import Sources, Trouble


@dataclass
class Plan:
    """The files of one copy, as target -> content or file to copy.

    `is_whole`: whether it can be built. `stand_ins`: files that are missing, and made up.
    `left_out`: the remote bases of each kustomization, which are not copied; without them the build
    has only a part of the objects.
    """

    files: dict[FilePath, FilePath | bytes] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    stand_ins: set[FilePath] = field(default_factory=set)
    left_out: dict[FilePath, list[Entry]] = field(default_factory=dict)
    is_whole: bool = True


def inside(copy: FilePath, path: FilePath) -> FilePath:
    """Return the place of a path in a copy."""
    return copy / path.relative_to(path.anchor)


def plan(sources: Sources, root: Kustomization, *, remote: bool) -> Plan:
    """Return what to copy of a kustomization. `remote`: whether remote bases may be fetched."""
    found = Plan()
    _visit(sources, root, found, (), remote=remote)
    if found.is_whole and found.left_out:
        found.files |= parts.without_remotes(sources, root, found.left_out)
    elif found.is_whole:
        found.files[root.file] = parts.with_metadata(root)
    return found


def _visit(
    sources: Sources,
    each: Kustomization,
    plan: Plan,
    above: tuple[FilePath, ...],
    *,
    remote: bool,
) -> None:
    plan.files[each.file] = each.file
    _one_of_its_names(sources, each, plan)
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
        elif files.is_file(path):
            _take(sources, each, plan, entry, path)
        else:
            _absent(sources, each, plan, entry, path, remote=remote)


def _one_of_its_names(sources: Sources, each: Kustomization, plan: Plan) -> None:
    for other in files_in(each.folder):
        if other != each.file:
            message = f"the folder has {each.file.name} too, and kustomize takes one of them"
            trouble = Trouble(sources.shown(other), FIRST, message, "remove one of the two")
            plan.troubles.append(trouble)
            plan.is_whole = False


FETCH = "--allow-remote fetches it"
_HELM = "judge what it renders: helm template CHART | ira-manifests lint -"


def _take(sources: Sources, each: Kustomization, plan: Plan, entry: Entry, path: FilePath) -> None:
    """Plan the copy of a file, which kustomize reads only in or below the kustomization."""
    if not path.is_relative_to(each.folder):
        _outside(sources, each, plan, entry)
    elif _size(path) > documents.MAX_BYTES:
        message = f"{entry.text} has more than {documents.MAX_BYTES >> 20} MiB"
        _not_built(sources, each, plan, entry.path, message, "files of this size are not read")
    else:
        plan.files[each.folder / os.path.normpath(entry.text)] = path


def _told(sources: Sources, folder: FilePath) -> list[Trouble]:
    """Return why a folder's kustomization was not read."""
    file = file_in(folder)
    return [each for each in sources.troubles if file and each.file == sources.shown(file)]


def _outside(sources: Sources, each: Kustomization, plan: Plan, entry: Entry) -> None:
    message = f"{entry.text} is outside of the kustomization's folder"
    _fails(sources, each, plan, entry, message, "kustomize reads no file outside: move it in")


def _size(path: FilePath) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0  # it is gone; copying it tells


def _absent(
    sources: Sources,
    each: Kustomization,
    plan: Plan,
    entry: Entry,
    path: FilePath,
    *,
    remote: bool,
) -> None:
    if entry.is_remote:
        if not remote and entry.role is Role.RESOURCE:
            plan.left_out.setdefault(each.folder, []).append(entry)
        elif not remote:
            message, hint = f"{entry.text} is remote", FETCH
            _not_built(sources, each, plan, entry.path, message, hint)
        return
    if path.is_dir():
        told = _told(sources, path)
        if told:
            plan.troubles += told
            plan.is_whole = False
            return
        unread = not os.access(path, os.R_OK | os.X_OK)
        message = f"{entry.text} " + ("can't be read" if unread else "has no kustomization.yaml")
        _fails(sources, each, plan, entry, message, "name a folder with one, or a file")
        return
    if entry.role in (Role.ENV, Role.FILE) and not path.is_relative_to(each.folder):
        _outside(sources, each, plan, entry)
        return
    if not _stand_in(sources, each, plan, entry, path):
        message = f"{entry.text} does not exist"
        _fails(sources, each, plan, entry, message, "correct the path, or add the file")


def _stand_in(
    sources: Sources, each: Kustomization, plan: Plan, entry: Entry, path: FilePath
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
    sources: Sources, each: Kustomization, plan: Plan, entry: Entry, message: str, hint: str
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
    plan: Plan,
    path: tuple[str | int, ...],
    message: str,
    hint: str,
) -> None:
    spot = each.document.key_at(path) or FIRST
    message = f"the kustomization is not built: {message}"
    plan.troubles.append(Trouble(sources.shown(each.file), spot, message, hint, fails=False))
    plan.is_whole = False


def write(sources: Sources, plan: Plan, copy: FilePath) -> Trouble | None:
    """Write the files of a plan to the folder of a copy; return what stands in the way.

    That is a file that can't be read, or no longer. Raises `OSError` for the copy itself.
    """
    for target, content in plan.files.items():
        path = inside(copy, target)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            found = content if isinstance(content, bytes) else _content(content)
        except OSError as error:
            message = f"the file can't be read: {files.reason(error)}"
            hint = "what is built from it is not judged"
            return Trouble(sources.shown(target), FIRST, message, hint)
        path.write_bytes(found)
    return None


def _content(file: FilePath) -> bytes:
    return files.read_regular(file, documents.MAX_BYTES)
