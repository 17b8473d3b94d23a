"""The rule of paths in a server's arguments that no volume shows."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ira_manifests.kubernetes.expansion import references
from ira_manifests.rules.catalogue import Needs, Severity
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import rule
from ira_manifests.rules.view.groups import DIRECTORY
from ira_manifests.rules.view.rendered import View
from ira_manifests.rules.view.servers import Server

_PATH = re.compile(r"(?:^|=)(/[\w.-]+(?:/[\w.@+-]+)+)/?$")
# Folders that images have themselves, so that a path in them needs no volume.
_OF_IMAGES = frozenset(
    {
        "app", "bin", "dev", "etc", "home", "lib", "opt", "proc", "root", "run", "srv", "sys",
        "tmp", "usr", "var", "vllm-workspace", "workspace",
    }
)  # fmt: skip


@rule("IRA085", "path-not-mounted", Severity.ERROR, DIRECTORY, Needs.OBJECTS)
def path_not_mounted(view: View) -> Iterator[Finding]:
    """An argument names a path beside every mount.

    An argument, such as the model or `--chat-template`, names a file or folder outside of every
    volume, although a volume is mounted in the same top folder: a mount of `/gcs/org/model-it` does
    not show `/gcs/org/model/chat_template.jinja`. The server finds nothing there and exits. Not
    judged: top folders in which nothing is mounted, and those that images have themselves.
    (In the trees of this project IRA023 reports it.)
    """
    for server in () if view.own else view.servers:
        mounts = [str(mount.get("mountPath", "")).rstrip("/") for mount in server.container.mounts]
        for word, place in zip(server.command.words, server.places, strict=False):
            found = _PATH.search(word)
            if found and _is_beside(found[1], mounts) and not _is_partly_known(server, word):
                message = (
                    f"{found[1]} is in no volume: mounted are {', '.join(_near(found[1], mounts))}"
                )
                hint = "correct the path, or mount a volume that has it"
                yield view.finding(server.file, place, message, hint)


def _top(path: str) -> str:
    return path.split("/")[1]


def _near(path: str, mounts: list[str]) -> list[str]:
    return [each for each in mounts if each and _top(each) == _top(path)]


def _is_beside(path: str, mounts: list[str]) -> bool:
    near = _near(path, mounts)
    inside = any(f"{path}/".startswith(f"{each}/") for each in near)
    return bool(near) and not inside and _top(path) not in _OF_IMAGES


def _is_partly_known(server: Server, word: str) -> bool:
    return bool(references(word)) or server.container.template.is_copy
