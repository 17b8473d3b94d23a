"""Measures whole commands: wall time, and the CPU time and memory of all their processes."""

from __future__ import annotations

import contextlib
import os
import resource
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_INTERVAL = 0.02


@dataclass(frozen=True)
class Command:
    """A command to measure. `before`: called ahead of each run, and not measured."""

    words: Sequence[str | Path]
    before: Callable[[], object] = lambda: None
    env: Mapping[str, str] | None = None
    times: float = 1
    """The factor by which times are multiplied, if the command is only a part of the work."""


@dataclass(frozen=True)
class Run:
    """One run: seconds, and the peak memory of all its processes in bytes."""

    wall: float
    cpu: float
    peak: int


@dataclass(frozen=True)
class Figure:
    """All runs of one command."""

    runs: tuple[Run, ...]

    @property
    def wall(self) -> float:
        """Median of the wall time in seconds."""
        return statistics.median(run.wall for run in self.runs)

    @property
    def cpu(self) -> float:
        """Median of the CPU time of all processes, user and system, in seconds."""
        return statistics.median(run.cpu for run in self.runs)

    @property
    def peak(self) -> int:
        """Peak memory of all processes together, in bytes."""
        return max(run.peak for run in self.runs)


def interleaved(commands: Mapping[str, Command], rounds: int) -> dict[str, Figure]:
    """Run the commands in turn, `rounds` times each, so that a slow minute affects all of them."""
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            runs[name].append(_run(command))
    return {name: Figure(tuple(found)) for name, found in runs.items()}


def _run(command: Command) -> Run:
    command.before()
    env = {**os.environ, **(command.env or {})}
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # users keep compiled modules
    start, before = time.perf_counter(), _children_cpu()
    with subprocess.Popen(  # noqa: S603  the commands of this suite
        [str(word) for word in command.words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=env,
    ) as process:
        memory = _Memory(process.pid)
        _, errors = process.communicate()
        wall, cpu = time.perf_counter() - start, _children_cpu() - before
        peak = memory.stop()
    if process.returncode:
        raise SystemExit(f"{command.words} failed: {errors.decode()[-2000:]}")
    return Run(wall * command.times, cpu * command.times, peak)


def _children_cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class _Memory:
    """Polls the kernel for the peak resident memory of a process and its children."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._highest: dict[int, int] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()

    def stop(self) -> int:
        self._over.set()
        self._thread.join()
        return sum(self._highest.values())

    def _watch(self) -> None:
        while not self._over.wait(_INTERVAL):
            for pid in (self._pid, *_children(self._pid)):
                with contextlib.suppress(OSError, StopIteration):
                    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
                    line = next(line for line in lines if line.startswith("VmHWM:"))
                    self._highest[pid] = int(line.split()[1]) * 1024


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *_children(int(child))]
    return found
