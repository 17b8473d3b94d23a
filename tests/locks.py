"""Reads lock files: pip requirements with a version and SHA-256 for every package."""

from __future__ import annotations

import re
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name

_ENTRY = re.compile(
    r"(?P<requirement>[^\s;]+==\S+(?: ; .*?)?)(?P<hashes>(?: --hash=sha256:[0-9a-f]{64})+)"
)


def locked(file: Path) -> dict[Requirement, frozenset[str]]:
    """Return each requirement with its hashes; fail for any other line."""
    found = {}
    text = re.sub(r" \\\n +", " ", file.read_text())
    for line in text.splitlines():
        if not line.startswith("#"):
            entry = _ENTRY.fullmatch(line)
            assert entry, f"{file.name}: {line[:200]}"
            found[Requirement(entry["requirement"])] = frozenset(entry["hashes"].split())
    return found


def versions(file: Path) -> dict[NormalizedName, str]:
    """Return the version of each package by its normalised name."""
    return {
        canonicalize_name(each.name): str(each.specifier).removeprefix("==")
        for each in locked(file)
    }
