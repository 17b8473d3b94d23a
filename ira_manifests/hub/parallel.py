"""Calls in threads that end with the process, however long a call takes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from time import monotonic
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def each(
    work: Callable[[T], R], items: Sequence[T], *, threads: int = 1, seconds: float | None = None
) -> list[R]:
    """Return the results for all items, in their order.

    Raises the first error of a call, and TimeoutError after some seconds; other calls are left to
    themselves then.
    """
    todo: SimpleQueue[int] = SimpleQueue()
    done: SimpleQueue[tuple[int, R | None, BaseException | None]] = SimpleQueue()
    stopped = threading.Event()
    for number in range(len(items)):
        todo.put(number)

    def run() -> None:
        while not stopped.is_set():
            try:
                number = todo.get_nowait()
            except Empty:
                return
            try:
                done.put((number, work(items[number]), None))
            except BaseException as error:  # noqa: BLE001  raised by the caller's thread
                done.put((number, None, error))

    for _ in range(min(threads, len(items))):
        # A daemon: one that hangs must not keep the process from ending.
        threading.Thread(target=run, daemon=True).start()
    try:
        return _collected(done, len(items), None if seconds is None else monotonic() + seconds)
    finally:
        stopped.set()


def _collected(
    done: SimpleQueue[tuple[int, R | None, BaseException | None]], count: int, end: float | None
) -> list[R]:
    results: dict[int, R] = {}
    while len(results) < count:
        try:
            left = None if end is None else max(0, end - monotonic())
            number, result, error = done.get(timeout=left)
        except Empty:
            raise TimeoutError from None
        if error is not None:
            raise error
        results[number] = result  # type: ignore[assignment]  # without an error there is one
    return [results[number] for number in range(count)]
