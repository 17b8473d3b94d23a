"""Rehearse the walkthrough on this machine and print what happened, at most 80 columns wide.

Usage:

    python -m tools.rehearse [FOLDER]

FOLDER is the output of a synth; the default is dist/. The scripts, mounts, arguments and probes
are those that kubectl renders from it. Stand-ins are the Hub and its models of a few kilobytes, a
folder for the bucket, and a server that only answers /health. The exit code is 1 if something is
wrong.
"""

import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ira_manifests.messages import count
from testing.hub import Hub
from testing.project import DIST
from testing.rehearsal.prober import observed
from testing.rehearsal.server import NEVER, Life
from testing.rehearsal.stage import Cell, Stage, missing, warm_up
from testing.tiny_model import sharded_model

WIDTH = 80
MINUTE = 60
LOAD = 30 * MINUTE
HANG = 40 * MINUTE
LONG = 48 * 60 * MINUTE


class Account:
    """The printed report, and whether everything was as expected."""

    def __init__(self) -> None:
        self.good = True

    def title(self, text: str) -> None:
        """Print the heading of a directory."""
        print(f"\n{text}")

    def say(self, part: str, text: str, *, good: bool = True) -> None:
        """Print the result of a part of the Pod."""
        self.good = self.good and good
        indent = f"  {part:<9}" if part else "  "
        mark = "" if good else "NOT GOOD: "
        print(
            textwrap.fill(
                mark + text,
                WIDTH,
                initial_indent=indent,
                subsequent_indent=" " * len(indent),
                break_on_hyphens=False,
                break_long_words=False,
            )
        )


def main(arguments: Sequence[str]) -> int:
    """Rehearse every directory of an output folder; return the exit code."""
    dist = Path(arguments[0]) if arguments else DIST
    account = Account()
    print("A rehearsal on this machine. The Hub, the bucket and the server are stand-ins.")
    with TemporaryDirectory() as folder:
        stage = Stage(Path(folder, "stage"), dist)
        cells = stage.cells
        account.title("model-download")
        for model_id in sorted({cell.model_id for cell in cells}):
            _download(account, stage, model_id)
        probes: dict[str, list[str]] = {}
        for cell in cells:
            account.title(cell.directory)
            _serve(account, cell, Path(folder, cell.directory))
            probes.setdefault(_probe(account, cell), []).append(cell.directory)
    for text, directories in probes.items():
        account.title(f"probes of {count(len(directories), 'Deployment')}")
        account.say("", text)
    print("\nAll is as it must be." if account.good else "\nNot all is as it must be.")
    return 0 if account.good else 1


def _download(account: Account, stage: Stage, model_id: str) -> None:
    with Hub(model_id, sharded_model()) as hub:
        run = stage.download(hub)
    said = (run.stdout if run.returncode == 0 else run.stderr).splitlines()
    text = said[-1].removeprefix("download-model: ")
    account.say("job", text, good=run.returncode == 0)


def _serve(account: Account, cell: Cell, folder: Path) -> None:
    model = cell.server.root(folder / "server") / cell.model_path.lstrip("/")
    lacks = missing(model)
    holds = f"lacks {', '.join(lacks)}" if lacks else "the whole model"
    account.say("vllm", f"{cell.model_path}: {holds}", good=not lacks)
    try:
        last = warm_up(cell.warm_up, folder / "warm-up").splitlines()[-1]
    except pytest.skip.Exception as skipped:
        account.say("warm-up", f"not run: {skipped}")
        return
    said = last.removeprefix("fetch-safetensors: ")
    account.say("warm-up", said, good=said.startswith("done: 3 files"))


def _probe(account: Account, cell: Cell) -> str:
    """Probe three servers: one that loads, one that never loads, and one that hangs."""
    server = cell.server.json
    load = observed(server, Life(LOAD), LOAD + 10 * MINUTE)
    never = observed(server, Life(NEVER), LONG)
    hung = observed(server, Life(LOAD, lambda now: NEVER if now >= HANG else 0), LONG)
    waited = "is waited for" if load.is_ready else "is NOT waited for"
    words = [f"A load of {LOAD // MINUTE} min {waited}."]
    if never.killed is not None:
        words.append(
            f"A server that never listens is restarted after {never.killed / MINUTE:.0f} min."
        )
    if hung.ready and hung.killed is not None:
        words.append(
            f"One that hangs gets no requests after {hung.ready[-1][0] - HANG:.0f} s, and is "
            f"restarted after {hung.killed - HANG:.0f} s."
        )
    account.good &= load.is_ready and None not in (never.killed, hung.killed)
    return " ".join(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
