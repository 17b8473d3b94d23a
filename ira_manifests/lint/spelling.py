"""Model folders of a bucket that a tree spells in two ways."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ira_manifests.kubernetes import labels
from ira_manifests.lint.placeholders import has_placeholder
from ira_manifests.lint.units import Place
from ira_manifests.lint.view import ForeignView
from ira_manifests.rules.sources.subjects import Folder
from ira_manifests.rules.view.plain import at
from ira_manifests.rules.view.servers import Server

_FOLDER = re.compile(r"/(?:[\w.-]+/)*([\w.-]+/[\w.-]+)/?")


class Served(NamedTuple):
    """The folder that a server loads its model from, as ORG/NAME, and the place of that."""

    unit: str
    text: str
    place: Place


def served(unit: str, view: ForeignView, server: Server) -> Iterator[Served]:
    """Yield the folder of a server, if its argument is a path that is known in a bucket."""
    model = server.command.model or ""
    found = _FOLDER.fullmatch(model)
    if found and not has_placeholder(model) and _is_in_bucket(server, model):
        yield Served(unit, found[1], view.place(server.file, server.model_place))


def _is_in_bucket(server: Server, path: str) -> bool:
    """Return whether a path is in a mounted bucket; disks and images have folders of their own."""
    template = server.container.template
    buckets = [
        volume.get("name")
        for volume in template.volumes
        if at(volume, "csi", "driver") == labels.GCSFUSE_DRIVER
    ]
    return any(
        mount.get("name") in buckets and path.startswith(str(mount.get("mountPath")))
        for mount in server.container.mounts
    )


def folders(every: Sequence[Served]) -> Iterator[tuple[str, Folder]]:
    """Yield the folders that are spelled otherwise than most are, each with its unit."""
    by_name: dict[str, list[Served]] = defaultdict(list)
    for each in every:
        by_name[each.text.casefold()].append(each)
    for same in by_name.values():
        (usual, most), *others = Counter(each.text for each in same).most_common()
        if not others or others[0][1] == most:
            continue  # as many each way: which one is right is not known
        for each in same:
            if each.text != usual:
                yield each.unit, Folder(*each.place, each.text, usual)
