"""Makes standard output and error safe to write to, even if closed or broken."""

from __future__ import annotations

import errno
import io
import os
import select
import sys
from typing import Any, TextIO

_STDOUT, _STDERR = 1, 2


class Output(io.RawIOBase):
    """A descriptor whose writes never raise: failed ones are discarded, and the first error kept.

    The descriptor may be anything, even a folder.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._failure: OSError | None = None

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Return whether it is a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Return true: writes never raise."""
        return True

    def write(self, data: Any, /) -> int:
        """Write as much as the descriptor takes."""
        while self._failure is None:
            try:
                return os.write(self.fileno(), data)
            except BlockingIOError:  # the pipe was made non-blocking by another program
                select.select((), (self,), ())
            except OSError as error:
                self._failure = error
        return len(data)

    @property
    def failure(self) -> OSError | None:
        """The first error of a write; None if only the reader closed the pipe."""
        enough = self._failure is not None and self._failure.errno == errno.EPIPE
        return None if enough else self._failure


def take_over() -> Output:
    """Replace `sys.stdout` and `sys.stderr`, and return the raw output of `sys.stdout`.

    A descriptor that the caller closed becomes the null device, so that no file opened later gets
    its number and the output. Characters that an encoding lacks are escaped.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass  # it replaces a closed one
    os.close(descriptor)
    below = Output(_STDOUT)
    sys.stdout = _text(below, sys.stdout)
    sys.stderr = _text(Output(_STDERR), sys.stderr)
    return below


def _text(output: Output, replaced: TextIO | None) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(output),
        encoding=replaced.encoding if replaced else "utf-8",
        errors="backslashreplace",
        line_buffering=output.isatty() or output.fileno() == _STDERR,
    )
