"""The model architectures of each vLLM release, from models.json, which is read on first use.

An architecture is the name of a model's class, as `architectures` of its config.json has it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from ira_manifests.vllm import release_table
from ira_manifests.vllm.release_table import ReleaseTable

FILE = "models.json"


class Task(StrEnum):
    """The task for which vLLM runs a model."""

    TEXT = "text"  # generates text
    MULTIMODAL = "multimodal"  # generates text from images, audio and the like
    POOLING = "pooling"  # embeds, classifies, scores
    DRAFT = "draft"  # proposes tokens to another model


@dataclass(frozen=True)
class Served:
    """The releases that have an architecture.

    Attributes:
        task: its task in the newest of them.
        first: the first release of the table (which begins with 0.8.4) that has it.
        last: the last release that has it; None if the newest of the table has it.
    """

    task: Task
    first: str
    last: str | None = None


def served(architecture: str) -> Served | None:
    """Return the releases that have an architecture; None if no release of the table has it."""
    known, runs = _table()
    found = runs.get(architecture)
    if not found:
        return None
    first, newest = min(found, key=lambda run: run.first), max(found, key=lambda run: run.last)
    last = known[newest.last] if newest.last < len(known) - 1 else None
    return Served(Task(newest.text), known[first.first], last)


def architectures() -> frozenset[str]:
    """Return every architecture that some release has."""
    return frozenset(_table().runs)


@cache
def _table() -> ReleaseTable:
    return release_table.read(FILE, "models")
