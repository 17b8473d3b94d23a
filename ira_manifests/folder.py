"""The output folder on disk: the one module that writes files."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from ira_manifests import env_file
from ira_manifests.errors import OutputError
from ira_manifests.profiles.matrix import BASE
from ira_manifests.tree import Found, Plan, Tree, marker

# New content waits beside its file under this ending, so that putting it in place is one rename
# and what a killed run leaves is known by name.
_WAITING = ".ira-tmp"
_USER_FILES = frozenset(f"{BASE}/{name}" for name in (env_file.MODEL_CONFIG, env_file.TOKEN))


@dataclass(frozen=True)
class UserFiles:
    """What became of the user's files in `base/`."""

    created: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    model_config: bytes = b""
    """What the model config holds now."""


def look(folder: Path, tree: Tree) -> Found:
    """Read what `folder` holds of generated files, one level of directories deep.

    The user's files are not opened. Raises `OutputError` where the folder can't be read.
    """
    with _explained(folder):
        if not os.path.lexists(folder):
            return Found()
        if not folder.is_dir():
            raise OutputError(f"{folder} is not a folder; name a folder for the output with --out")
        generated: dict[str, bytes] = {}
        foreign: set[str] = set()
        wanted = set(tree.directories)
        for entry in sorted(folder.iterdir()):
            if entry.is_dir() and not entry.is_symlink():
                _look_into(entry, entry.name in wanted, generated, foreign)
            elif entry.name in wanted:  # a file or a link where a directory belongs
                foreign |= {path for path in tree.files if path.startswith(f"{entry.name}/")}
        return Found(generated, frozenset(foreign))


def _look_into(
    directory: Path, wanted: bool, generated: dict[str, bytes], foreign: set[str]
) -> None:
    mine: dict[str, bytes] = {}
    others: set[str] = set()
    for entry in sorted(directory.iterdir()):
        path = f"{directory.name}/{entry.name}"
        if path in _USER_FILES or entry.name.endswith(_WAITING):
            continue
        content = _generated_content(entry, path)
        if content is None:
            others.add(path)
        else:
            mine[path] = content
    generated |= mine
    if mine or wanted:  # a directory without generated files is none of ours
        foreign |= others


def _generated_content(entry: Path, path: str) -> bytes | None:
    if entry.is_symlink() or not entry.is_file():
        return None
    ours = marker(path).encode()
    with entry.open("rb") as file:
        start = file.read(len(ours))
        return start + file.read() if start == ours else None


def token_path(folder: Path) -> Path:
    """Return where the user keeps the token."""
    return folder / BASE / env_file.TOKEN


def token_file(folder: Path) -> bytes | None:
    """Read the user's token, for `check` alone, or None where there is no such file.

    Raises `OutputError` where it can't be read.
    """
    path = token_path(folder)
    with _explained(path):
        return path.read_bytes() if path.is_file() else None


def write(
    folder: Path, tree: Tree, plan: Plan, values: Mapping[str, str] | None = None
) -> UserFiles:
    """Make the folder hold the tree, and see to the user's files.

    `values`: keys of `base/ira-model-config.env` to set. All new content is on disk before the
    first file changes; each file then changes by one rename. Raises `OutputError`, with nothing
    changed, where something is in the way or the disk is full.
    """
    if plan.blocked:
        first, *others = (str(folder / path) for path in plan.blocked)
        more = f" (and {len(others)} more)" if others else ""
        raise OutputError(
            f"{first}{more} was not written by synth and is in its way; move it away, "
            "or write to another folder with --out"
        )
    with _explained(folder), _Changes(folder) as changes:
        users = _user_files(folder, values or {}, changes)
        for path in (*plan.created, *plan.updated):
            changes.add(folder / path, tree.files[path])
        changes.commit()
        _remove(folder, plan.removed)
    return users


def _user_files(folder: Path, values: Mapping[str, str], changes: _Changes) -> UserFiles:
    config = folder / BASE / env_file.MODEL_CONFIG
    token = token_path(folder)
    created, updated = [], []
    if not os.path.lexists(token):
        changes.add(token, env_file.NEW_TOKEN, mode=0o600)
        created.append(f"{BASE}/{env_file.TOKEN}")
    exists = os.path.lexists(config)
    before = config.read_bytes() if exists else b""
    after = env_file.with_values(before if exists else env_file.NEW_MODEL_CONFIG, values)
    if not exists:
        changes.add(config, after)
        created.append(f"{BASE}/{env_file.MODEL_CONFIG}")
    elif after != before:
        changes.add(config.resolve(), after, mode=stat.S_IMODE(config.stat().st_mode))
        updated.append(f"{BASE}/{env_file.MODEL_CONFIG}")
    return UserFiles(tuple(created), tuple(updated), after)


def _remove(folder: Path, paths: tuple[str, ...]) -> None:
    for path in paths:
        (folder / path).unlink(missing_ok=True)
    for directory in {(folder / path).parent for path in paths}:
        for leftover in directory.glob(f".*{_WAITING}"):
            leftover.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # somebody else's file keeps it
            directory.rmdir()


class _Changes:
    """New contents, all written beside their files before the first takes its place."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: list[tuple[Path, Path]] = []
        self._made: list[Path] = []

    def __enter__(self) -> Self:
        return self

    def add(self, target: Path, content: bytes, mode: int | None = None) -> None:
        """Write `content` to wait for its place. `mode`: permissions; default as for new files."""
        self._make_folder(target.parent)
        waiting = target.with_name(f".{target.name}{_WAITING}")
        with contextlib.suppress(FileNotFoundError):
            waiting.unlink()  # of a run that was killed
        self._waiting.append((waiting, target))
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        descriptor = os.open(waiting, flags, 0o666 if mode is None else mode)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
        if mode is not None:
            waiting.chmod(mode)

    def commit(self) -> None:
        """Put every waiting content in its place."""
        while self._waiting:
            waiting, target = self._waiting[0]
            waiting.replace(target)
            del self._waiting[0]
        self._made.clear()

    def __exit__(self, *_: object) -> None:
        for waiting, _target in self._waiting:
            with contextlib.suppress(OSError):
                waiting.unlink()
        for made in reversed(self._made):
            with contextlib.suppress(OSError):
                made.rmdir()

    def _make_folder(self, folder: Path) -> None:
        missing = []
        while not folder.exists():
            missing.append(folder)
            folder = folder.parent
        for made in reversed(missing):
            made.mkdir()
            self._made.append(made)


_REASONS = {
    errno.ENOSPC: "no space is left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file grew larger than is allowed",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
    errno.ENOTDIR: "a part of the path is not a folder",
    errno.ENAMETOOLONG: "the path is too long",
}


@contextlib.contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
        place = error.filename or str(folder)
        raise OutputError(f"{place} can't be used: {reason}") from None
