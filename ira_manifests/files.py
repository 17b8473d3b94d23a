"""Safe reads of untrusted paths, and readable reasons for system errors."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

_REASONS = {
    errno.ENOSPC: "no space is left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "a file grew larger than is allowed",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission is denied",
    errno.EPERM: "permission is denied",
    errno.ENOTDIR: "a part of the path is not a folder",
    errno.ENAMETOOLONG: "the path is too long",
    errno.EEXIST: "a file that is not a folder is there",
    errno.ELOOP: "its symbolic links form a loop",
}


def reason(error: OSError) -> str:
    """Return the reason for a system error, for a message."""
    if error.errno in _REASONS:
        return _REASONS[error.errno]
    said = error.strerror or str(error)
    return said[:1].lower() + said[1:]


def is_file(path: Path) -> bool:
    """Return whether there is a file, which may be no regular one; links are followed.

    False where that can't be seen: `Path.is_file` raises for some of these paths.
    """
    return os.path.isfile(path)  # noqa: PTH113


def read_regular(path: Path, most: int) -> bytes:
    """Return at most `most` bytes of a regular file; links are followed.

    Raises `OSError`, also for a folder, a pipe, a socket or a device; none of them is opened.
    """
    _refuse_others(path, path.stat().st_mode)
    # O_NONBLOCK: do not wait if the path became a pipe after the check.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        _refuse_others(path, os.fstat(file.fileno()).st_mode)
        return file.read(most)


def _refuse_others(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
