"""Changes a folder in two steps: prepares everything, then renames and removes files.

No other module writes to the output folder, or to that of a new project.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from ira_manifests import files
from ira_manifests.errors import OutputError

if sys.platform != "win32":
    import fcntl

# New content is written beside its file with this ending, so that one rename puts it in place and
# leftovers of killed runs are recognised by name.
WAITING = ".ira-tmp"


@contextlib.contextmanager
def explained(folder: Path, then: str = "") -> Iterator[None]:
    """Turn a system error into an `OutputError`. `then`: what else to say, or what to do."""
    try:
        yield
    except OSError as error:
        if isinstance(error, NotADirectoryError) and folder.exists() and not folder.is_dir():
            raise OutputError(
                f"{folder} is not a folder; name a folder for the output with --out"
            ) from None
        place = error.filename or str(folder)
        raise OutputError(f"{place} can't be used: {files.reason(error)}{then}") from None


@contextlib.contextmanager
def locked(folder: Path, command: str = "synth") -> Iterator[None]:
    """Lock a folder against other runs of a command; create it if it is missing.

    The lock of a killed run is released. A created folder is removed again if nothing is written.
    Raises `OutputError` if another run holds the lock.
    """
    with explained(folder), contextlib.ExitStack() as undo:
        undo.callback(_remove_empty, make_folder(folder))
        descriptor = _lock(folder, command)
        try:
            yield
        finally:
            if descriptor is not None:
                os.close(descriptor)


def _lock(folder: Path, command: str) -> int | None:
    if sys.platform == "win32":  # folders can't be locked
        return None
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise OutputError(
            f"another {command} is writing to {folder}; wait for it to end, then run this again"
        ) from None
    except OSError:  # some network file systems have no locks
        pass
    return descriptor


def make_folder(folder: Path) -> list[Path]:
    """Make a folder and those above it; return what was missing, the innermost first."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir(exist_ok=True)
    return missing


def _remove_empty(folders: Iterable[Path]) -> None:
    """Remove folders, the innermost first, up to one that is not empty.

    Those above that one are in its path, such as x in x/../y, and have to stay.
    """
    with contextlib.suppress(OSError):  # not empty
        for folder in folders:
            folder.rmdir()


class Changes:
    """New contents and removals, all checked before the first one is made."""

    def __init__(self, folder: Path, command: str = "synth") -> None:
        self._folder = folder
        self._command = command
        self._waiting: deque[tuple[str, str]] = deque()
        self._moves: deque[tuple[Path, Path]] = deque()
        self._removed: list[Path] = []
        self._hollow: list[Path] = []
        self._links: list[tuple[Path, Path]] = []
        self._made: deque[list[Path]] = deque()
        self._there: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def add(
        self,
        target: str | Path,
        content: bytes,
        *,
        like: Path | None = None,
        mode: int | None = None,
        durable: bool = False,
    ) -> None:
        """Write `content` beside `target`, for `commit` to rename.

        A replaced file keeps its owner and permissions, or gets those of `like`. `mode`:
        permissions of a new file; default: the system's. `durable`: a user's file: synced to
        disk, and refused with an `OutputError` if its owner can't be kept.
        """
        folder, name = os.path.split(target)
        self._make(folder)
        waiting = os.path.join(folder, f".{name}{WAITING}")
        self._waiting.append((waiting, os.fspath(target)))
        before = _regular(like or target)
        # Not readable for others until it has its final permissions.
        with open(_create(waiting, 0o600 if before or mode is not None else 0o666), "wb") as file:
            file.write(content)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        if before is not None:
            if not _given(waiting, before) and durable:
                raise OutputError(
                    f"{target} belongs to another user or group, which only they or root can "
                    "keep; run synth as that user, or edit the file yourself"
                )
            mode = stat.S_IMODE(before.st_mode)
        if mode is not None:
            os.chmod(waiting, mode)

    def _make(self, folder: str) -> None:
        if folder not in self._there:
            self._made.appendleft(make_folder(Path(folder)))
            self._there.add(folder)

    def move(self, source: Path, target: Path) -> None:
        """Schedule a rename, before all other changes; it replaces an existing target.

        Raises `PermissionError` if the source's folder is not writable.
        """
        _require_writable(source.parent)
        self._make(os.fspath(target.parent))
        self._moves.append((source, target))

    def link(self, path: Path, target: str) -> None:
        """Schedule a symbolic link; files that are to be removed may be in its place until then.

        Raises `OutputError` if the file system has no symbolic links.
        """
        waiting = path.with_name(f".{path.name}{WAITING}")
        waiting.unlink(missing_ok=True)
        try:
            waiting.symlink_to(target, target_is_directory=True)
        except OSError as error:
            raise OutputError(
                f"{path} can't be made a symbolic link to {target}: {files.reason(error)}; name "
                "a folder on a file system that has symbolic links with --out"
            ) from None
        self._links.append((waiting, path))

    def remove(self, path: Path) -> None:
        """Schedule the removal of a file; also removes its folder if it becomes empty.

        Raises `PermissionError` if the folder is not writable.
        """
        _require_writable(path.parent)
        self._removed.append(path)

    def remove_empty(self, folder: Path) -> None:
        """Schedule the removal of a folder, if it is still empty then.

        Raises `PermissionError` if its parent is not writable.
        """
        _require_writable(folder.parent)
        self._hollow.append(folder)

    def commit(self) -> None:
        """Make all scheduled changes.

        Raises `OutputError` if the system refuses one after all.
        """
        with explained(
            self._folder,
            f"; some files are already new: fix that, and run {self._command} again for the rest",
        ):
            while self._moves:
                source, place = self._moves[0]
                source.replace(place)
                self._moves.popleft()
            while self._waiting:
                waiting, target = self._waiting[0]
                os.replace(waiting, target)
                self._waiting.popleft()
            self._made.clear()
            to_come = {
                link for link, _ in self._links
            }  # a killed run may have left one of this name
            for path in self._removed:
                if path not in to_come:
                    path.unlink(missing_ok=True)
            for directory in (*{path.parent for path in self._removed}, *self._hollow):
                _remove_empty(self._up_from(directory))
            while self._links:
                waiting_link, link = self._links[-1]
                _remove_empty([link])
                waiting_link.replace(link)
                self._links.pop()

    def _up_from(self, directory: Path) -> Iterator[Path]:
        """Yield a directory and those above it in the folder, such as an environment's."""
        while directory != self._folder and self._folder in directory.parents:
            yield directory
            directory = directory.parent

    def __exit__(self, *_: object) -> None:
        waiting: list[str | Path] = [each for each, _ in self._waiting]
        for each in (*waiting, *(link for link, _ in self._links)):
            with contextlib.suppress(OSError):
                os.unlink(each)
        for folders in self._made:
            _remove_empty(folders)


def _require_writable(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def _regular(path: str | Path) -> os.stat_result | None:
    """Return the status of a regular file, or None."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _given(path: str, before: os.stat_result) -> bool:
    """Give a file the owner and group of another one; return whether it has them."""
    now = os.lstat(path)
    if sys.platform == "win32" or (now.st_uid, now.st_gid) == (before.st_uid, before.st_gid):
        return True
    try:
        os.chown(path, before.st_uid, before.st_gid)
    except PermissionError:
        return False
    return True


def _create(path: str, mode: int) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        return os.open(path, flags, mode)
    except FileExistsError:  # left by a killed run
        os.unlink(path)
        return os.open(path, flags, mode)
