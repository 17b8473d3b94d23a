"""Changes of a folder, all prepared before the first is made. The one module that writes."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import sys
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from ira_manifests import files
from ira_manifests.errors import OutputError

if sys.platform != "win32":
    import fcntl

# New content waits beside its file under this ending, so that putting it in place is one rename
# and what a killed run leaves is known by name.
WAITING = ".ira-tmp"


@contextlib.contextmanager
def explained(folder: Path, then: str = "") -> Iterator[None]:
    """Turn a refusal of the system into an `OutputError`. `then`: what to know or do about it."""
    try:
        yield
    except OSError as error:
        if isinstance(error, NotADirectoryError) and folder.exists():
            raise OutputError(
                f"{folder} is not a folder; name a folder for the output with --out"
            ) from None
        place = error.filename or str(folder)
        raise OutputError(f"{place} can't be used: {files.reason(error)}{then}") from None


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other runs out of a folder, which is made where it is missing.

    A run that is killed takes its lock along. A folder that was made is removed again where the
    run fails. Raises `OutputError` where another run is at work.
    """
    with explained(folder), contextlib.ExitStack() as undo:
        for made in make_folder(folder):
            undo.callback(_remove_empty, made)
        descriptor = _lock(folder)
        try:
            yield
        finally:
            if descriptor is not None:
                os.close(descriptor)
        undo.pop_all()


def _lock(folder: Path) -> int | None:
    if sys.platform == "win32":  # it has no locks of folders
        return None
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise OutputError(
            f"another synth is writing to {folder}; run this one again when that has ended"
        ) from None
    except OSError:  # some network file systems have none either
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


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # somebody's file keeps it
        folder.rmdir()


class Changes:
    """New contents and removals, all known to be possible before the first is done."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._waiting: deque[tuple[str, str]] = deque()
        self._moves: deque[tuple[Path, Path]] = deque()
        self._removed: list[Path] = []
        self._hollow: list[Path] = []
        self._links: list[tuple[Path, Path]] = []
        self._made: deque[Path] = deque()
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
        """Write `content` to wait for its place.

        What replaces a file keeps its owner and its permissions, or has those of `like`. `mode`:
        permissions of a new file; default as the system has it. `durable`: it is the user's
        file: on disk even if the power fails, and refused with an `OutputError` where its owner
        can't be kept.
        """
        folder, name = os.path.split(target)
        self._make(folder)
        waiting = os.path.join(folder, f".{name}{WAITING}")
        self._waiting.append((waiting, os.fspath(target)))
        before = _regular(like or target)
        # Nobody else reads it while it waits.
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
            self._made.extendleft(reversed(make_folder(Path(folder))))
            self._there.add(folder)

    def move(self, source: Path, target: Path) -> None:
        """Note a file to rename before all else; it keeps what it is, and replaces what is there.

        Raises `PermissionError` where nothing may be taken from its folder.
        """
        _require_writable(source.parent)
        self._make(os.fspath(target.parent))
        self._moves.append((source, target))

    def link(self, path: Path, target: str) -> None:
        """Note a symbolic link to make; what is to be removed may be in its place until then.

        Raises `OutputError` where the file system has no symbolic links.
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
        """Note a file to remove; its folder goes with it when it is empty then.

        Raises `PermissionError` where nothing may be removed from the folder.
        """
        _require_writable(path.parent)
        self._removed.append(path)

    def remove_empty(self, folder: Path) -> None:
        """Note a folder to remove, unless somebody puts something into it before.

        Raises `PermissionError` where nothing may be removed from the folder around it.
        """
        _require_writable(folder.parent)
        self._hollow.append(folder)

    def commit(self) -> None:
        """Put every waiting content in its place, and remove what is to be removed.

        Raises `OutputError` where the system refuses what it seemed to allow.
        """
        with explained(
            self._folder, "; some files are new already: mend that and run synth again for the rest"
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
            to_come = {link for link, _ in self._links}  # a killed run left one of this name
            for path in self._removed:
                if path not in to_come:
                    path.unlink(missing_ok=True)
            for directory in (*{path.parent for path in self._removed}, *self._hollow):
                _remove_empty(directory)
            while self._links:
                waiting_link, link = self._links[-1]
                _remove_empty(link)
                waiting_link.replace(link)
                self._links.pop()

    def __exit__(self, *_: object) -> None:
        waiting: list[str | Path] = [each for each, _ in self._waiting]
        for each in (*waiting, *(link for link, _ in self._links)):
            with contextlib.suppress(OSError):
                os.unlink(each)
        for made in self._made:
            _remove_empty(made)


def _require_writable(folder: Path) -> None:
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


def _regular(path: str | Path) -> os.stat_result | None:
    """Return the status of a regular file, None for all else."""
    try:
        found = os.lstat(path)
    except FileNotFoundError:
        return None
    return found if stat.S_ISREG(found.st_mode) else None


def _given(path: str, before: os.stat_result) -> bool:
    """Give a new file the owner and the group of another one; tell whether it has them."""
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
    except FileExistsError:  # of a run that was killed
        os.unlink(path)
        return os.open(path, flags, mode)
