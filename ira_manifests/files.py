"""Files whose kind and size nobody vouches for, and why the system refuses one."""

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
    errno.EEXIST: "something that is no folder is there",
    errno.ELOOP: "its links lead round in a circle",
}


def reason(error: OSError) -> str:
    """Return in words why the system refused."""
    if error.errno in _REASONS:
        return _REASONS[error.errno]
    said = error.strerror or str(error)
    return said[:1].lower() + said[1:]


def read_regular(path: Path, most: int) -> bytes:
    """Return `most` bytes at most of a regular file, or of the one that a link leads to.

    Raises `OSError`, also for a folder, a pipe, a socket or a device; none of them is opened.
    """
    _refuse_others(path, path.stat().st_mode)
    # What has become a pipe since it was looked at is not waited for.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        _refuse_others(path, os.fstat(file.fileno()).st_mode)
        return file.read(most)


def _refuse_others(path: Path, mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "it is not a regular file", str(path))
