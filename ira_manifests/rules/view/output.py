"""`Output`: the output folder compared with the files that a synth would write."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from ira_manifests.output.tree import Plan
from ira_manifests.profiles.yaml_source import START
from ira_manifests.rules.finding import Finding


class Output(NamedTuple):
    """The output folder, and the changes that a synth would make."""

    folder: Path
    plan: Plan

    def finding(self, path: str, message: str, hint: str) -> Finding:
        """Return a finding of a file or folder of the output; the registry fills in its rule."""
        return Finding(str(self.folder / path), *START, "", "", message, hint)
