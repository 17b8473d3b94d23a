"""Reads and writes files in the user's cache, any of which may be missing or damaged at any time.

The cache holds code of cdk8s, so it is used only if no other user except root can change it: each
folder of its path belongs to this user or to root, and no one else can write to it unless it is
sticky like /tmp. The folders of this program belong to this user, are not links, and have mode
0700 whatever the umask.

Each file begins with the hash of its content. A new file is written beside the old one and replaces
it by a rename, so a run that is reading the old one is not disturbed. A folder is named by the hash
of its content, and moved into place once it is complete.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from ira_manifests import files

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_HASH = 64 + 1  # hexadecimal digits, and the end of their line

_troubles: list[str] = []


def trouble() -> str | None:
    """Return the reason why nothing is cached, if the user can fix it."""
    return _troubles[0] if _troubles else None


def place() -> Path | None:
    """Return the folder of the cache, which is made if it is not there; None for no cache."""
    try:
        folder = _folder("")
    except OSError as error:
        _note(error)
        return None
    return folder


def read(kind: str, name: str, most: int) -> bytes | None:
    """Return the content of a file, or None if it is missing, damaged or another user's.

    `kind`: the folder. `most`: the largest size in bytes; larger files are ignored.
    """
    try:
        folder = _folder(kind)
        return None if folder is None else _content(folder / name, most)
    except OSError as error:
        _note(error)
    return None


def write(kind: str, name: str, content: bytes, kept: int) -> None:
    """Cache a file if possible, and remove all but the `kept` latest files of its kind."""
    try:
        folder = _folder(kind)
        if folder is not None:
            _put(folder, name, content)
            _drop(folder, kept, folders=False)
    except OSError as error:
        _note(error)


def folder(kind: str, name: str) -> Path | None:
    """Return a folder that `write_folder` wrote, or None. The caller must verify its content."""
    try:
        above = _folder(kind)
        if above is None:
            return None
        _refuse_shared(above / name)
        os.utime(above / name)  # marks it as recently used
    except OSError:
        return None
    return above / name


def write_folder(kind: str, name: str, contents: Mapping[str, bytes], kept: int) -> bool:
    """Cache a folder of files, and remove all but the `kept` latest; return whether it is cached.

    `contents`: the files by their relative paths. `name` must be derived from them: an existing
    folder of that name with other content is damaged, and replaced.
    """
    try:
        above = _folder(kind)
        if above is None:
            return False
        if not _holds(above / name, contents):  # else another run has written it, and may read it
            _put_folder(above, name, contents)
        _drop(above, kept, folders=True)
    except OSError as error:
        _note(error)
        return False
    return True


def _note(error: OSError) -> None:
    _troubles.append(f"{error.filename}: {files.reason(error)}")


def _content(place: Path, most: int) -> bytes | None:
    flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
    try:
        descriptor = os.open(place, flags | getattr(os, "O_BINARY", 0))
    except OSError:  # missing, or unreadable and replaced by the next write
        return None
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_uid != _user(status):
            return None
        whole = file.read(_HASH + most + 1)
    content = whole[_HASH:]
    if len(content) > most or whole != _hashed(content):
        return None
    os.utime(place)  # marks it as recently used
    return content


def _put(folder: Path, name: str, content: bytes) -> None:
    waiting = folder / f".{name}.{os.getpid()}"
    waiting.unlink(missing_ok=True)  # left by a killed run with the same process id
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    try:
        with os.fdopen(os.open(waiting, flags, 0o600), "wb") as file:
            file.write(_hashed(content))
        waiting.replace(folder / name)
    except BaseException as error:
        with contextlib.suppress(OSError):
            waiting.unlink()
        if isinstance(error, OSError):
            error.filename = str(folder)
        raise


def _holds(folder: Path, contents: Mapping[str, bytes]) -> bool:
    try:
        _refuse_shared(folder)
        return all((folder / path).read_bytes() == content for path, content in contents.items())
    except OSError:
        return False


def _put_folder(above: Path, name: str, contents: Mapping[str, bytes]) -> None:
    waiting, aside = above / f".{name}.{os.getpid()}", above / f".{name}.{os.getpid()}.old"
    try:
        _remove(waiting)
        _fill(waiting, contents)
        with contextlib.suppress(FileNotFoundError):
            (above / name).rename(aside)
        waiting.rename(above / name)
    except OSError as error:
        error.filename = str(above)
        raise
    finally:
        _remove(waiting)
        _remove(aside)


def _fill(folder: Path, contents: Mapping[str, bytes]) -> None:
    made = {folder}
    folder.mkdir(mode=0o700)
    for path, content in contents.items():
        place = folder / path
        for parent in reversed(place.parents):
            if parent not in made and folder in parent.parents:
                parent.mkdir(mode=0o700)
                made.add(parent)
        with os.fdopen(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(content)


def _remove(place: Path) -> None:
    if place.is_symlink() or place.is_file():
        place.unlink()
    else:
        shutil.rmtree(place, ignore_errors=True)


def _drop(above: Path, kept: int, *, folders: bool) -> None:
    """Remove all but the latest files, or folders, including incomplete ones of killed runs."""
    with contextlib.suppress(FileNotFoundError):  # another run does the same
        held = [each for each in above.iterdir() if each.is_dir() is folders]
        if folders:
            held = [each for each in held if not each.is_symlink()]
        for each in sorted(held, key=lambda each: each.lstat().st_mtime)[:-kept]:
            _remove(each)


def _hashed(content: bytes) -> bytes:
    return b"%s\n%s" % (sha256(content).hexdigest().encode(), content)


def _folder(kind: str) -> Path | None:
    """Return a folder that only this user can change, or None if there is no home folder.

    It is below XDG_CACHE_HOME, else ~/.cache:
    https://specifications.freedesktop.org/basedir-spec/latest/
    Raises `OSError` if another user can change it, or this user can't.
    """
    named = os.environ.get("XDG_CACHE_HOME", "")
    try:
        base = Path(named) if Path(named).is_absolute() else Path.home() / ".cache"
        for each in dict.fromkeys((*_parts(base.parent), *_parts(base.parent.resolve()))):
            _refuse_foreign(each)
        base.mkdir(mode=0o700, exist_ok=True)
    except (RuntimeError, FileNotFoundError):
        return None
    folder = base.resolve()  # no link is followed from here on
    for each in (base, *_parts(folder)):
        _refuse_foreign(each)
    for name in ("ira_manifests", kind):
        folder /= name
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
        _refuse_shared(folder)
    return folder


def _parts(path: Path) -> Iterator[Path]:
    yield from reversed(path.parents)
    yield path


def _refuse_foreign(path: Path) -> None:
    """Refuse a part of the path that another user can replace."""
    status = path.lstat()
    if status.st_uid not in (0, _user(status)):
        raise OSError(None, f"it belongs to another user ({status.st_uid})", str(path))
    if not stat.S_ISLNK(status.st_mode) and not status.st_mode & stat.S_ISVTX:
        _refuse_open(path, status)


def _refuse_shared(path: Path) -> None:
    """Refuse a folder that other users own or can write to."""
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise OSError(None, "it is not a folder", str(path))
    if status.st_uid != _user(status):
        raise OSError(None, f"it belongs to another user ({status.st_uid})", str(path))
    _refuse_open(path, status)


def _refuse_open(path: Path, status: os.stat_result) -> None:
    if status.st_mode & _OTHERS_WRITE:
        mode = stat.filemode(status.st_mode)
        raise OSError(None, f"other users can write to it ({mode})", str(path))


def _user(status: os.stat_result) -> int:
    """Return this user's id; without user ids in the system, the file's own."""
    return os.geteuid() if hasattr(os, "geteuid") else status.st_uid
