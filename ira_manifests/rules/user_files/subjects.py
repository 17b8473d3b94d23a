"""The user's files in `base/` as kustomize reads them, and the groups of their checks.

Kustomize takes a value to the end of its line, blanks, quotes and comments included, and skips
lines that are empty or comments (https://github.com/kubernetes-sigs/kustomize, api/kv).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from ira_manifests.output.env_file import KEYS, Entry, entries
from ira_manifests.rules.finding import Finding
from ira_manifests.rules.registry import Group

_PACKAGE = "ira_manifests.rules.user_files"
MOST_SHOWN = 60
"""Characters of a key that a finding shows."""

_QUOTED = re.compile(r"""(["']).*\1""")


class Ids(NamedTuple):
    """The model ids that a value is compared with."""

    served: Mapping[str, str]
    """Ids that cells serve, each with the directory of the first such cell."""
    known: Iterable[str] = ()
    """Further ids, in their owners' spelling."""


@dataclass(frozen=True)
class ModelConfig:
    """The text of `ira-model-config.env`."""

    file: str
    text: str
    ids: Ids

    @cached_property
    def entries(self) -> list[Entry]:
        """The lines that kustomize reads; it also skips lines without a key."""
        return [entry for entry in entries(self.text) if entry.key]

    @cached_property
    def first(self) -> dict[str, Entry]:
        """The first line of each of the file's keys."""
        found: dict[str, Entry] = {}
        for entry in self.entries:
            if entry.key in KEYS:
                found.setdefault(entry.key, entry)
        return found

    @cached_property
    def values(self) -> dict[str, Entry]:
        """The first line of each key with a plain value: set, no placeholder, nothing around it."""
        return {
            key: entry
            for key, entry in self.first.items()
            if entry.value
            and not (is_placeholder(entry) or is_wrapped(entry) or "\r" in entry.value)
        }

    def finding(self, line: int, key: str, message: str, hint: str) -> Finding:
        """Return a finding about a key in a line."""
        return Finding(self.file, line, 1, "", key.strip()[:MOST_SHOWN], message, hint)


class TokenFile(NamedTuple):
    """The content of `hugging-face-token.env`."""

    file: str
    content: bytes


MODEL_CONFIG: Group[ModelConfig] = Group(_PACKAGE)
TOKEN_FILE: Group[TokenFile] = Group(_PACKAGE)


def is_placeholder(entry: Entry) -> bool:
    """Return whether a value is still the placeholder that synth writes into a new file."""
    return entry.value.strip() == f"<{entry.key}>"


def is_wrapped(entry: Entry) -> bool:
    """Return whether blanks, quotes or a comment would become part of a value."""
    value = entry.value
    return bool(re.search(r"\s#|\s$|^\s", value) or _QUOTED.fullmatch(value))
