"""JSON documents of commands, for programs that read their output."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from ira_manifests.cli import terminal

if TYPE_CHECKING:
    from ira_manifests.rules.finding import Finding


def say(document: Any) -> None:
    """Print a document."""
    terminal.say(json.dumps(document, indent=2))


def findings(found: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return findings as plain values."""
    from ira_manifests.cli import formats

    return [formats.to_json(finding) for finding in found]
