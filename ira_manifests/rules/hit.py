"""What a rule found in a rendered directory, before it is a finding with a line."""

from __future__ import annotations

from typing import NamedTuple

from ira_manifests.profiles.yaml_source import Path


class Hit(NamedTuple):
    """What a rule found in a file of the directory."""

    rule: str
    file: str
    path: Path
    message: str
    hint: str
