"""Rules of what a kustomization changes: patches, images, replacements, and remote bases."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ira_manifests.kubernetes import names
from ira_manifests.kustomizations import patches
from ira_manifests.kustomizations.build import BuiltObject
from ira_manifests.kustomizations.field_paths import reached, value_at
from ira_manifests.kustomizations.kustomization import Kustomization, Role
from ira_manifests.kustomizations.patches import Patch, Replacement
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule
from ira_manifests.rules.sources.subjects import OVERLAY, Overlay

_SILENT = "kustomize changes nothing then, and says nothing"


@rule("IRA082", "changes-nothing", Severity.ERROR, OVERLAY, Needs.OBJECTS)
def changes_nothing(overlay: Overlay) -> Iterator[Finding]:
    """A patch, a replacement or an entry of `images` matches nothing.

    The target of a patch selects no object, no target of a replacement does, or no container has an
    image of the name: kustomize changes nothing and says nothing, and the cluster gets the value of
    the base. What a base or a component changes in some of its overlays is no fault in the others.
    Not judged: patches that delete, changes of kinds of which patches delete objects, labels and
    annotations of targets, and `images` where other layers change images as well.
    """
    if not overlay.objects:
        return
    for each in overlay.layers:
        for patch in patches.patches(overlay.sources, each):
            if all(_misses(one, patch) for one in overlay.sharing(each)):
                message = f"the patch is for {_shown(patch.target or {})}, and there is none"
                yield overlay.finding_in(each, (*patch.path, "target"), message, _SILENT)
        yield from _replacements(overlay, each)
        yield from _images(overlay, each)


def _misses(overlay: Overlay, patch: Patch) -> bool:
    """Return whether a target selects none of the objects by kind and name."""
    if patch.target is None or patch.deletes or _may_be_gone(overlay, patch.target):
        return False
    return not any(
        patches.selects(patch.target, item.body, overlay.places.names(item))
        for item in overlay.objects
    )


def _may_be_gone(overlay: Overlay, target: Mapping[str, Any]) -> bool:
    """Return whether a layer deletes objects of the kind that a target selects."""
    kind = str(target.get("kind") or "")
    return any(not each or not kind or _alike(each, kind) for each in overlay.deleted)


def _alike(one: str, other: str) -> bool:
    """Return whether two patterns of kinds may mean one kind."""
    return one == other or any(patches.selects({"kind": a}, {"kind": b}, frozenset())
                               for a, b in ((one, other), (other, one)))  # fmt: skip


def _shown(target: Any) -> str:
    named = [str(target[key]) for key in ("kind", "name") if target.get(key)]
    return " ".join(named) or "objects of some labels"


def _replacements(overlay: Overlay, each: Kustomization) -> Iterator[Finding]:
    for replacement in patches.replacements(overlay.sources, each):
        targets = list(replacement.targets)
        selects = [target.get("select") for _, target in targets]
        sharing = overlay.sharing(each)
        if targets and not any(_selects(one, select) for one in sharing for select in selects):
            wanted = dict.fromkeys(_shown(select or {}) for select in selects)
            message = f"the replacement is for {' and '.join(wanted)}, and there is none"
            yield _at(overlay, replacement, message, _SILENT)


def _selects(overlay: Overlay, select: Any) -> bool:
    if not isinstance(select, dict) or _may_be_gone(overlay, select):
        return True
    return any(
        patches.selects(select, item.body, overlay.places.names(item)) for item in overlay.objects
    )


def _at(overlay: Overlay, replacement: Replacement, message: str, hint: str) -> Finding:
    path = (*replacement.path, "targets")
    return overlay.finding_in_document(replacement.file, replacement.document, path, message, hint)


def _images(overlay: Overlay, each: Kustomization) -> Iterator[Finding]:
    if _changes_images_elsewhere(overlay, each) or overlay.deleted:
        return
    built = [item for one in overlay.sharing(each) for item in one.objects]
    images = {_repository(image) for item in built for image in _images_in(item.body)}
    for path, entry in each.items("images"):
        named = {entry.get("name"), entry.get("newName")} if isinstance(entry, dict) else {None}
        if not named & images and isinstance(entry, dict) and entry.get("name"):
            message = f"no container has the image {entry['name']}"
            yield overlay.finding_in(each, (*path, "name"), message, _SILENT)


def _changes_images_elsewhere(overlay: Overlay, each: Kustomization) -> bool:
    others = any(layer.data.get("images") for layer in overlay.layers if layer is not each)
    texts = str([layer.data.get("replacements") for layer in overlay.layers])
    return others or bool(re.search(r"\.image\b", texts))


def _images_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "image" and isinstance(inner, str):
                yield inner
            else:
                yield from _images_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _images_in(inner)


def _repository(image: str) -> str:
    path, slash, last = image.partition("@")[0].rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}"


@rule("IRA083", "options-cut-off", Severity.ERROR, OVERLAY, Needs.OBJECTS)
def options_cut_off(overlay: Overlay) -> Iterator[Finding]:
    """A replacement with a delimiter cuts off mount options.

    A replacement takes the text between two delimiters for the part that it sets. With `only-dir:`
    as the delimiter, everything behind it is that part: options that follow in the same text are
    lost, such as those of the file cache, and the model loads many times slower.
    """
    for each in overlay.layers if overlay.objects else ():
        for replacement in patches.replacements(overlay.sources, each):
            for _, target in replacement.targets:
                yield from _cut_off(overlay, target)


def _cut_off(overlay: Overlay, target: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the mount options that a target with a delimiter loses, where they are written."""
    delimiter = value_at(target, ("options", "delimiter"))
    if not isinstance(delimiter, str) or delimiter in ("", ","):
        return
    for item in overlay.objects:
        texts = target.get("fieldPaths") if _selects_item(overlay, target, item) else ()
        for text in texts or ():
            for path in reached(item.body, str(text)):
                before = overlay.places.written(item, path)
                after = str(value_at(item.body, path))
                index = value_at(target, ("options", "index")) or 0
                lost = _lost(str(before), after, delimiter, index)
                if path[-1:] == ("mountOptions",) and lost:
                    message = f"a replacement with the delimiter {delimiter} cuts off {lost}"
                    hint = f"write {lost} before {delimiter}"
                    site = overlay.places.written_site(item, path)
                    yield overlay.finding_at(site, path, message, hint)


def _lost(before: str, after: str, delimiter: str, index: Any) -> str:
    """Return the options behind the first one of the part that is replaced, if they are gone."""
    parts = before.split(delimiter)
    part = parts[index] if isinstance(index, int) and index < len(parts) else ""
    rest = part.partition(",")[2].strip(",")
    return rest if rest not in after else ""


def _selects_item(overlay: Overlay, target: Mapping[str, Any], item: BuiltObject) -> bool:
    select = target.get("select")
    names_of_it = overlay.places.names(item)
    return isinstance(select, dict) and patches.selects(select, item.body, names_of_it)


@rule("IRA084", "moving-base", Severity.WARNING, OVERLAY, Needs.PART)
def moving_base(overlay: Overlay) -> Iterator[Finding]:
    """A remote base is of a branch, which moves.

    A base without `?ref=`, or with a branch as its `ref`, is whatever the branch is at the time of
    the build: a change of somebody else is applied with the next rollout, unseen, or the build
    fails. A commit is the same for good; a tag with a version is not reported.
    """
    for each in overlay.layers:
        for entry in each.entries:
            if entry.role not in (Role.RESOURCE, Role.COMPONENT) or not entry.is_remote:
                continue
            if each.local(entry).exists() or not _is_repository(entry.text):
                continue
            ref = re.search(r"[?&](?:ref|version)=([^&]*)", entry.text)
            if ref is None or names.is_moving(ref[1]):
                named = f"is of the branch {ref[1]}" if ref else "names no ref"
                message = f"the remote base {named}, which moves"
                yield overlay.finding_in(each, entry.path, message, "write ?ref= and a commit")


def _is_repository(text: str) -> bool:
    """Return whether a URL is one of Git, and not of a single file."""
    return not re.search(r"\.(?:ya?ml|json)(?:\?|$)", text)
