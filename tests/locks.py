"""Reads a lock: a file in pip's format that pins every package by version and SHA-256."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

_ENTRY = re.compile(
    r"(?P<requirement>[^\s;]+==\S+(?: ; .*?)?)(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)"
)


def locked(file: Path) -> dict[Requirement, frozenset[str]]:
    """Each requirement and its hashes. A line that is anything else is an assertion's failure."""
    found = {}
    text = re.sub(r" \\\n +", " ", file.read_text())
    for line in text.splitlines():
        if not line.startswith("#"):
            entry = _ENTRY.fullmatch(line)
            assert entry, f"{file.name}: {line[:200]}"
            found[Requirement(entry["requirement"])] = frozenset(entry["hashes"].split())
    return found


def versions(file: Path) -> dict[NormalizedName, str]:
    """The version of each package, by the name that indexes compare."""
    return {
        canonicalize_name(each.name): str(each.specifier).removeprefix("==")
        for each in locked(file)
    }
