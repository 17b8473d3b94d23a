"""Runs the command line in this process: streams, signals, exit code."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import sys
import threading
from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

from ira_manifests import files
from ira_manifests.cli import app, streams, terminal
from ira_manifests.cli.common import BAD_INPUT
from ira_manifests.errors import IraError, ProfileError
from ira_manifests.messages import shortened, visible

_STOPS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]
_MOST_LETTERS = 4000  # of one error
_AGAIN = 0.01  # seconds
_SIGNALLED = 128  # a shell adds the signal's number


class _StoppedError(BaseException):
    """A signal asks the run to end. A BaseException, so that `except Exception` misses it."""

    def __init__(self, number: int) -> None:
        self.number = number


_raised: list[_StoppedError] = []  # kept, because Python may replace it by another error


def run(program: str) -> int:
    """Run the command line of `sys.argv` as `program`, and return the exit code."""
    atexit.register(_die_of_the_signal)  # registered first, so it runs last
    output = streams.take_over()
    code = _outcome(program)
    _note_an_unused_cache()
    if output.failure is not None:
        terminal.complain(
            f"error: standard output can't be written: {files.reason(output.failure)}"
        )
        code = BAD_INPUT
    sys.stderr.flush()
    return code


def _note_an_unused_cache() -> None:
    if "ira_manifests.user_cache" not in sys.modules:  # a short command does not pay for it
        return
    from ira_manifests import user_cache

    if (trouble := user_cache.trouble()) is not None:
        terminal.complain(visible(f"note: the cache is not used: {trouble}"))


def _die_of_the_signal() -> None:
    """End by the signal itself, so that a shell's loop ends too."""
    if _raised:
        signal.signal(_raised[0].number, signal.SIG_DFL)
        os.kill(os.getpid(), _raised[0].number)


def _outcome(program: str) -> int:
    """Return the exit code of the command; errors are printed and become 2."""
    try:
        with _stoppable():
            return _run_and_flush(program)
    except _StoppedError as stopped:
        terminal.complain(f"stopped by {signal.Signals(stopped.number).name}")
        return _SIGNALLED + stopped.number
    except SystemExit as end:  # argparse has printed its help
        return end.code if isinstance(end.code, int) else 0
    except ProfileError as error:
        for problem in error.problems:
            terminal.complain_wrapped(str(problem), unbroken=len(problem.place))
        terminal.complain(error.summary)
        _complain_of(error.options)
    except IraError as error:
        _complain_of(error.messages)
    except OSError as error:
        place = error.filename or "the system"
        terminal.complain_wrapped(f"error: {visible(f'{place}: {files.reason(error)}')}")
    return BAD_INPUT


def _complain_of(messages: Iterable[str]) -> None:
    for message in messages:
        terminal.complain_wrapped(f"error: {visible(shortened(message, _MOST_LETTERS))}")


def _run_and_flush(program: str) -> int:
    try:
        return app.run(program, sys.argv[1:])
    finally:
        sys.stdout.flush()  # may block on the reader until a signal


@contextlib.contextmanager
def _stoppable() -> Iterator[None]:
    """Turn signals into an exception, so that temporary files are removed."""
    for number in _STOPS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _stop)
    sys.unraisablehook = _unraisable
    # jsii's reader thread fails when the pipe to Node.js is closed at the end.
    threading.excepthook = lambda _lost: None
    well = False
    try:
        yield
        well = True
    except BaseException:
        if _raised:
            raise _raised[0] from None
        raise
    finally:  # only quick clean-up is left, which no signal may interrupt
        for number in _STOPS:
            signal.signal(number, signal.SIG_IGN)
        if (node := sys.modules.get("ira_manifests.nodejs.boot")) is not None:
            node.stop(well=well)


def _stop(number: int, _frame: FrameType | None) -> None:
    for each in _STOPS:  # a second signal ends the run at once
        signal.signal(each, signal.SIG_DFL)
    stopped = _StoppedError(number)
    _raised.append(stopped)
    raise stopped


def _unraisable(lost: Any) -> None:
    """Handle an exception that Python can't raise, such as in a callback of an import.

    A signal is sent again, after this function: an exception that it raises is lost as well. Others
    come from objects that are being discarded, such as the pipe to a dead Node.js.
    """
    if isinstance(lost.exc_value, _StoppedError):
        number = lost.exc_value.number
        signal.signal(number, _stop)
        again = threading.Timer(_AGAIN, os.kill, (os.getpid(), number))
        again.daemon = True
        again.start()
