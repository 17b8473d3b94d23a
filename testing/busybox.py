"""Finds a busybox, which provides the shell and tools of the warm-up's image.

It is the one in the variable BUSYBOX, else the one on PATH, else Debian's package busybox-static,
which apt-get downloads and which is unpacked into build/ without being installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from testing.project import ROOT

UNPACKED = ROOT / "build" / "busybox"


def busybox() -> Path:
    """Return the program. Without one, the test is skipped, or fails in CI."""
    found = shutil.which(os.environ.get("BUSYBOX", "busybox"))
    if found:
        return Path(found)
    try:
        if not _unpacked():
            _unpack()
    except (OSError, subprocess.CalledProcessError) as error:
        refuse = pytest.fail if os.environ.get("CI") else pytest.skip
        refuse(f"there is no busybox; name one in BUSYBOX, or install one. ({error})")
    return _unpacked()[0]


def tools(folder: Path) -> Path:
    """Create a folder with busybox's tools only, like the image's `/bin`, and return it."""
    program = busybox()
    folder.mkdir()
    listed = subprocess.run([program, "--list"], capture_output=True, text=True, check=True)
    for tool in listed.stdout.split():
        (folder / tool).symlink_to(program)
    return folder


def _unpacked() -> list[Path]:
    return sorted(UNPACKED.glob("**/bin/busybox"))


def _unpack() -> None:
    """Download and unpack the package without root: apt-get's lists are in a temporary folder."""
    UNPACKED.parent.mkdir(exist_ok=True)
    with TemporaryDirectory(dir=UNPACKED.parent) as folder:
        lists, cache = Path(folder, "lists"), Path(folder, "cache")
        for part in (lists, cache / "archives"):
            (part / "partial").mkdir(parents=True)
        apt_get = [
            "apt-get",
            "-qq",
            "-o",
            f"Dir::State::Lists={lists}",
            "-o",
            f"Dir::Cache={cache}",
        ]
        for command in (
            [*apt_get, "update"],
            [*apt_get, "download", "busybox-static"],
            ["sh", "-c", "dpkg-deb --extract busybox-static_*.deb unpacked"],
        ):
            subprocess.run(command, cwd=folder, check=True, capture_output=True)
        with suppress(OSError):  # another worker was faster
            Path(folder, "unpacked").rename(UNPACKED)
