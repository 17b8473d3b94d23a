"""Reads the output folder, and writes a tree to it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ira_manifests import files
from ira_manifests.errors import OutputError
from ira_manifests.layout import BASE, BASE_LINK, CELLS, GITIGNORE, LINKS
from ira_manifests.output import env_file
from ira_manifests.output.transaction import WAITING, Changes, explained, locked
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

__all__ = [
    "UserFiles",
    "config_path",
    "locked",
    "look",
    "model_config",
    "token_file",
    "token_path",
    "write",
]

# Paths for messages; a synth writes to the link's target.
_CONFIG = f"{BASE_LINK}/{env_file.MODEL_CONFIG}"
_TOKEN = f"{BASE_LINK}/{env_file.TOKEN}"
_USERS = frozenset(f"{folder}/{name}" for folder in (BASE, BASE_LINK) for name in env_file.FILES)
_MOST_BYTES = env_file.MAX_BYTES
_DEPTH = 3
"""How deep the output has files: the base of an environment's download."""


@dataclass(frozen=True)
class UserFiles:
    """What was done with the user's files in `base/`."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    unlinked: tuple[str, ...] = ()
    """Updated files that had another hard link, which keeps the old content."""
    unread: tuple[str, ...] = ()
    """Files that are there, and that no directory reads."""
    model_config: bytes = b""
    """The new content of the model config."""


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
            elif path not in _USERS:
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


def token_path(folder: Path) -> Path:
    """Return the path of the token's file."""
    return _users(folder) / env_file.TOKEN


def config_path(folder: Path) -> Path:
    """Return the path of the model config, which names the bucket and the model to download."""
    return _users(folder) / env_file.MODEL_CONFIG


def _users(folder: Path) -> Path:
    """Return the folder of the user's files, through the link if there is one."""
    link = folder / BASE_LINK
    return link if link.is_symlink() and link.is_dir() else folder / BASE


def token_file(folder: Path) -> bytes | None:
    """Read the user's token, for `check` alone, or None where there is no such file.

    Raises `OutputError` where it can't be read.
    """
    return _user_file(token_path(folder))


def model_config(folder: Path) -> bytes | None:
    """Read the user's model config, or None where there is no such file.

    Raises `OutputError` where it can't be read.
    """
    return _user_file(config_path(folder))


def _user_file(path: Path) -> bytes | None:
    with explained(path):
        return files.read_regular(path, _MOST_BYTES + 1) if os.path.lexists(path) else None


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
        unread = () if tree.links else _present(folder)
        users = _users_files(folder, changes, values or {}, needs_token) if tree.links else None
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


def _present(folder: Path) -> tuple[str, ...]:
    """Return the user's files in a folder; none is opened."""
    folders = (BASE,) if (folder / BASE_LINK).is_symlink() else (BASE, BASE_LINK)
    paths = (f"{each}/{name}" for each in folders for name in env_file.FILES)
    return tuple(path for path in paths if (folder / path).is_file())


def _users_files(
    folder: Path, changes: Changes, values: Mapping[str, str], needs_token: bool
) -> UserFiles:
    """Schedule what is to be done with the user's files, which the walkthrough alone has."""
    moving = _adopted(folder, changes)
    token = _new_token(folder, changes, moving) if needs_token else ()
    users = _model_config(folder, values, changes, moving)
    return replace(users, created=(*token, *users.created))


def _adopted(folder: Path, changes: Changes) -> dict[str, Path]:
    """Schedule moves of the user's files from a folder in the link's place; return them by name.

    Such a folder comes from an older release, from a copy without links, or from the user. Raises
    `OutputError` if both places hold values. The token's file is moved without being read.
    """
    moving: dict[str, Path] = {}
    if (folder / BASE_LINK).is_symlink():
        return moving
    for name in env_file.FILES:
        theirs, place = folder / BASE_LINK / name, folder / BASE / name
        if theirs.is_symlink():
            raise OutputError(
                f"{theirs} is a link; move its target to {place}, and remove the link"
            )
        if not theirs.exists():
            continue
        if not os.path.lexists(place) or _may_give_way(place):
            changes.move(theirs, place)
            moving[name] = theirs
        elif name == env_file.MODEL_CONFIG and _filled_in(theirs) in ({}, _filled_in(place)):
            changes.remove(theirs)
        else:
            raise OutputError(
                f"{theirs} and {place} both exist, and only the second is read; correct the "
                "second, remove the first, and run synth again"
            )
    return moving


def _may_give_way(place: Path) -> bool:
    """Return whether a user's file has no value yet; a token's file is not read."""
    return place.name == env_file.MODEL_CONFIG and not _filled_in(place)


def _filled_in(path: Path) -> dict[str, str]:
    return env_file.filled_in(files.read_regular(path, _MOST_BYTES))


def _new_token(folder: Path, changes: Changes, moving: Mapping[str, Path]) -> tuple[str, ...]:
    token = token_path(folder)
    if env_file.TOKEN in moving or os.path.lexists(token):
        return ()
    changes.add(token, env_file.NEW_TOKEN, mode=0o600)
    return (_TOKEN,)


def _model_config(
    folder: Path, values: Mapping[str, str], changes: Changes, moving: Mapping[str, Path]
) -> UserFiles:
    place = config_path(folder)
    config = moving.get(env_file.MODEL_CONFIG, place)
    if not os.path.lexists(config):
        content = env_file.with_values(env_file.NEW_MODEL_CONFIG, values)
        changes.add(config, content, durable=True)
        return UserFiles(created=(_CONFIG,), model_config=content)
    before = files.read_regular(config, _MOST_BYTES + 1)
    after = env_file.with_values(before, values)
    if after == before:
        return UserFiles(model_config=before)
    if len(before) > _MOST_BYTES:
        raise OutputError(f"{config} has more than {_MOST_BYTES} bytes, so synth can't edit it")
    status = config.stat()
    if not status.st_mode & 0o222 or not os.access(config, os.W_OK):
        raise OutputError(f"{config} is read-only; make it writable, or edit it yourself")
    # A link stays; its target is changed.
    changes.add(place.resolve(), after, like=config.resolve(), durable=True)
    unlinked = (_CONFIG,) if status.st_nlink > 1 else ()
    return UserFiles((), (_CONFIG,), unlinked, model_config=after)
