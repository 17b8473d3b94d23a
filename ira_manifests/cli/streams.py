"""Standard output and error that can be written to, whatever the caller did to them."""

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

    It may be of anything, such as a folder.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._failure: OSError | None = None

    def fileno(self) -> int:
        """Return the descriptor."""
        return self._descriptor

    def isatty(self) -> bool:
        """Tell whether it is a terminal."""
        return os.isatty(self._descriptor)

    def writable(self) -> bool:
        """Tell that it may be written to."""
        return True

    def write(self, data: Any, /) -> int:
        """Write what the descriptor takes."""
        while self._failure is None:
            try:
                return os.write(self.fileno(), data)
            except BlockingIOError:  # another program made the shared pipe so
                select.select((), (self,), ())
            except OSError as error:
                self._failure = error
        return len(data)

    @property
    def failure(self) -> OSError | None:
        """Why output was lost. A reader that has seen enough is no reason to fail."""
        enough = self._failure is not None and self._failure.errno == errno.EPIPE
        return None if enough else self._failure


def take_over() -> Output:
    """Make `sys.stdout` and `sys.stderr` safe to write to, and return what is below `sys.stdout`.

    A descriptor that the caller closed becomes the null device, so that no file that is opened
    later takes its number and the output with it. Letters that an encoding lacks are escaped.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
        pass  # it stays open in the place of a closed one
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
