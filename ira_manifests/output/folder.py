"""Reads the output folder, and writes a tree to it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from ira_manifests import files
from ira_manifests.errors import OutputError
from ira_manifests.layout import CELLS, GITIGNORE, LINKS
from ira_manifests.output import env_file, user_files
from ira_manifests.output.transaction import WAITING, Changes, explained
from ira_manifests.output.tree import (
    Found,
    Plan,
    Tree,
    folders_above,
    marker,
    obstacle,
    path_in,
    ways_out,
)
from ira_manifests.output.user_files import UserFiles

_MOST_BYTES = env_file.MAX_BYTES
_DEPTH = 3
"""How deep the output has files: the base of an environment's download."""


def look(folder: Path, directories: Iterable[str]) -> Found:
    """Read what `folder` holds of generated files: at its top, in its directories, in wanted ones.

    `directories`: those that are to be written, wherever they are. The user's files are not
    opened. Raises `OutputError` where the folder can't be read.
    """
    with explained(folder):
        try:
            entries = _sorted(folder)
        except FileNotFoundError:
            if folder.is_symlink():
                raise
            return Found()
        look = _Look(directories)
        for entry in entries:
            look.at(entry)
        return Found(
            look.generated,
            frozenset(look.foreign),
            frozenset(look.empty),
            tuple(look.leftovers),
            tuple(look.hollow),
            look.links,
            frozenset(look.replaced),
            look.own,
        )


def _waits(entry: os.DirEntry[str]) -> bool:
    """Return whether an entry is a temporary file of a killed run."""
    named = entry.name.startswith(".") and entry.name.endswith(WAITING)
    return named and (entry.is_file(follow_symlinks=False) or entry.is_symlink())


def _start(entry: os.DirEntry[str]) -> bytes:
    """Return the content of a file; empty if it can't be read."""
    try:
        return files.read_regular(Path(entry), _MOST_BYTES)
    except OSError:
        return b""


def _sorted(folder: str | Path) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as entries:
        return sorted(entries, key=lambda entry: entry.name)


class _Look:
    def __init__(self, wanted: Iterable[str]) -> None:
        self._wanted = {each for path in wanted for each in (path, *folders_above(path))}
        self.generated: dict[str, bytes] = {}
        self.foreign: set[str] = set()
        self.empty: set[str] = set()
        self.leftovers: list[str] = []
        self.hollow: list[str] = []
        self.links: dict[str, str] = {}
        self.replaced: set[str] = set()
        self.own: dict[str, bytes] = {}

    def at(self, entry: os.DirEntry[str]) -> None:
        """Record one entry of the output folder."""
        if not entry.is_dir(follow_symlinks=False):
            self._file_at_top(entry)
            return
        if entry.name in LINKS:
            self.replaced.add(entry.name)
        self._folder(entry, entry.name, 1)

    def _file_at_top(self, entry: os.DirEntry[str]) -> None:
        if entry.name in LINKS and entry.is_symlink():
            self.links[entry.name] = os.path.normpath(Path(entry).readlink())
        elif _waits(entry):
            self.leftovers.append(entry.name)
        elif entry.name in LINKS and _start(entry) == LINKS[entry.name].encode():
            self.replaced.add(entry.name)
        elif (content := self._generated_content(entry, entry.name)) is not None:
            self.generated[entry.name] = content
        else:
            self.foreign.add(entry.name)
            if entry.name == GITIGNORE:
                self.own[entry.name] = _start(entry)

    def _folder(self, entry: os.DirEntry[str], path: str, depth: int) -> bool:
        """Record a folder; return whether it is wanted, or holds what is generated or unreadable.

        `depth`: its level below the output folder, from 1.
        """
        wanted = path in self._wanted or path in LINKS
        try:
            inside = _sorted(entry.path)
        except PermissionError:
            if wanted:
                raise
            self.foreign.add(f"{path}/")
            return True
        if not inside and not wanted and entry.name.startswith(CELLS):
            self.hollow.append(path)
        return self._into(path, inside, depth, wanted=wanted)

    def _into(
        self, directory: str, entries: Iterable[os.DirEntry[str]], depth: int, *, wanted: bool
    ) -> bool:
        mine: dict[str, bytes] = {}
        others: set[str] = set()
        leftovers: list[str] = []
        below = False
        for entry in entries:
            path = f"{directory}/{entry.name}"
            if _waits(entry):
                leftovers.append(path)
            elif depth < _DEPTH and entry.is_dir(follow_symlinks=False):
                if self._folder(entry, path, depth + 1):
                    below = True
                else:
                    others.add(path)
            elif path not in user_files.PATHS:
                content = self._generated_content(entry, path)
                if content is None:
                    others.add(path)
                else:
                    mine[path] = content
        self.generated |= mine
        if mine or wanted:
            self.foreign |= others
        if mine or wanted or not others:  # not in a directory of foreign files only
            self.leftovers += leftovers
        return bool(mine) or wanted or below

    def _generated_content(self, entry: os.DirEntry[str], path: str) -> bytes | None:
        """Return the content of a generated file, None for any other file."""
        ours = _markers(path)
        try:
            status = entry.stat(follow_symlinks=False)
            if not stat.S_ISREG(status.st_mode):
                return None
            if not status.st_size:
                self.empty.add(path)
            if status.st_size < min(map(len, ours)):
                return None
            with open(entry, "rb") as file:  # noqa: PTH123  pathlib would double the time
                start = file.read(max(map(len, ours)))
                return start + file.read() if start.startswith(ours) else None
        except (FileNotFoundError, PermissionError):
            return None


def _markers(path: str) -> tuple[bytes, ...]:
    """Return how a generated file may begin; in a copy without links, folders replace them."""
    top, _, rest = path.partition("/")
    paths = (path, path_in(LINKS[top], rest)) if top in LINKS else (path,)
    return tuple(marker(each).encode() for each in paths)


def write(
    folder: Path,
    tree: Tree,
    plan: Plan,
    values: Mapping[str, str] | None = None,
    *,
    needs_token: bool = True,
) -> UserFiles:
    """Write the tree to the folder, and create or update the user's files if it links to them.

    `values`: keys of `base/ira-model-config.env` to set. `needs_token`: whether the token's file is
    read, and so is made where it is missing. All new content is on disk, and every
    folder that loses a file is known to be writable, before the first file changes; each file
    then changes by one rename. Raises `OutputError`: with nothing changed where something is in
    the way, a folder or file may not be written, or the disk is full; with some files new and
    the rest old where the system refuses a rename or a removal that it seemed to allow.
    """
    if plan.blocked:
        first, *others = plan.blocked
        more = f" (and {len(others)} more)" if others else ""
        raise OutputError(
            f"{folder / first}{more} was not written by synth and {obstacle(first)}; "
            f"{ways_out(first, 'write to another folder with --out')}"
        )
    with explained(folder), Changes(folder) as changes:
        unread = () if tree.links else user_files.present(folder)
        users = None
        if tree.links:
            users = user_files.schedule(folder, changes, values or {}, needs_token)
        for path in (*plan.created, *plan.updated):
            if path in tree.links:
                changes.link(folder / path, tree.links[path])
            else:
                changes.add(f"{folder}/{path}", tree.files[path])
        for path in (*plan.leftovers, *plan.removed):
            changes.remove(folder / path)
        for path in plan.hollow:
            changes.remove_empty(folder / path)
        changes.commit()
    return users or UserFiles(unread=unread)
