"""Finds the Node.js to start."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from typing import IO, cast

from ira_manifests.errors import NodeError
from ira_manifests.nodejs import packaged
from ira_manifests.nodejs.processes import OLDEST, OWN_GROUP, kill, read_line, signals_held

_VERSION_LIMIT = 15  # seconds to print its version; usually 0.03


def find() -> str:
    """Return the Node.js to start: see `booting`. Raises `NodeError` as that does."""
    named, wheel = os.environ.get("JSII_NODE"), packaged.find()
    if wheel is not None and named in (None, "", wheel):
        return wheel  # the wheel's version is known
    program = named or shutil.which("node")
    if not program:
        raise NodeError(f"cdk8s needs Node.js, and none is on PATH: {_both_ways()}")
    major = version(program)
    if major is None or major < OLDEST:
        found = "does not print its version" if major is None else f"is version {major}"
        raise NodeError(
            f"cdk8s needs Node.js {OLDEST} or newer, and {program} {found}: {_both_ways()}"
        )
    return program


def _both_ways() -> str:
    from ira_manifests import installation

    wheel = installation.way_to(installation.NODE, f"pip install '{packaged.WHEEL}>={OLDEST}'")
    return f"install Node.js {OLDEST} or newer, or its wheel: {wheel}"


def version(program: str) -> int | None:
    """Return the major release of a Node.js; None where the program does not print one."""
    process = None
    try:
        with signals_held():
            process = subprocess.Popen(  # noqa: S603  the user's own node
                [program, "--version"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL, **OWN_GROUP,
            )  # fmt: skip
        line, _ = read_line(
            cast("IO[bytes]", process.stdout).fileno(), b"", _VERSION_LIMIT, program
        )
    except (OSError, ValueError):
        return None
    finally:
        if process is not None:
            kill(process)
            cast("IO[bytes]", process.stdout).close()
    match = re.match(rb"v(\d{1,6})\.", line)
    return int(match[1]) if match else None
