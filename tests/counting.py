"""Runs the command line and counts its costs: `counting.py REPORT ARGUMENT...`.

It writes JSON to REPORT: the calls into Node.js by kind, and the files opened for reading and for
writing.
"""

from __future__ import annotations

import atexit
import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

crossings: Counter[str] = Counter()
read: Counter[str] = Counter()
written: Counter[str] = Counter()


def count_files(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str | bytes | os.PathLike):
        path, _, flags = arguments
        counter = written if flags & (os.O_WRONLY | os.O_RDWR) else read
        counter[os.fsdecode(path)] += 1


def count_crossings() -> None:
    from jsii._kernel.providers.process import _NodeProcess

    send = _NodeProcess.send

    def counted(self: Any, request: Any, response_type: Any) -> Any:
        asked = getattr(request, "fqn", None) or getattr(request, "method", None)
        crossings[f"{type(request).__name__} {asked or ''}".strip()] += 1
        return send(self, request, response_type)

    setattr(_NodeProcess, "send", counted)  # noqa: B010  mypy refuses to assign to a method


def report(place: Path) -> None:
    counts = {"crossings": crossings, "read": dict(read), "written": dict(written)}
    place.write_text(json.dumps(counts))


if __name__ == "__main__":
    from ira_manifests.cli import process

    atexit.register(report, Path(sys.argv.pop(1)))
    sys.addaudithook(count_files)
    count_crossings()
    sys.exit(process.run("python -m ira_manifests"))
