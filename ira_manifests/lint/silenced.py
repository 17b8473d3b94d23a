"""What silences findings: comments in the author's files, and a baseline of known findings."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from ira_manifests import files
from ira_manifests.errors import InputError
from ira_manifests.rules.catalogue import Severity
from ira_manifests.rules.finding import Finding

_COMMENT = re.compile(
    r"#\s*ira:\s*ignore\s+(IRA[0-9]+(?:\s*,\s*IRA[0-9]+)*)\s+(\S.*)", re.IGNORECASE
)
_MOST_BYTES = 64 << 20
_VERSION = 1
_KEYS = ("rule", "file", "field", "message")


def without_comments(findings: Iterable[Finding], here: FilePath) -> tuple[list[Finding], int]:
    """Return the findings that no comment silences, and how many are silenced.

    A comment is at the finding's line, or alone on the line above, and gives a reason:
    `# ira: ignore IRA015 the mirror has one tag`. `here`: the folder to which paths are relative.
    """
    lines: dict[str, list[str]] = {}
    kept = []
    count = 0
    for item in findings:
        if item.file not in lines:
            lines[item.file] = _lines(here / item.file)
        if _is_silenced(item, lines[item.file]):
            count += 1
        else:
            kept.append(item)
    return kept, count


def _lines(file: FilePath) -> list[str]:
    try:
        return files.read_regular(file, _MOST_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return []  # standard input


def _is_silenced(item: Finding, lines: Sequence[str]) -> bool:
    own = lines[item.line - 1 : item.line]
    above = [line for line in lines[max(0, item.line - 2) : item.line - 1] if _is_comment(line)]
    found = (_COMMENT.search(line) for line in (*own, *above))
    return any(each and item.rule_id in re.split(r"\s*,\s*", each[1].upper()) for each in found)


def _is_comment(line: str) -> bool:
    return line.lstrip().startswith("#")


@dataclass(frozen=True)
class Baseline:
    """The findings that a tree had when it was adopted, without their lines, which move."""

    counts: Counter[tuple[str, ...]]

    def rest(self, findings: Iterable[Finding]) -> tuple[list[Finding], int]:
        """Return the findings that are new, and how many of the baseline are gone."""
        left = Counter(self.counts)
        new = []
        for item in findings:
            key = _key(item)
            if left[key] > 0:
                left[key] -= 1
            else:
                new.append(item)
        return new, sum(left.values())


def _key(item: Finding) -> tuple[str, ...]:
    return item.rule_id, item.file.replace("\\", "/"), item.field, item.message


def read_baseline(file: FilePath) -> Baseline:
    """Read a baseline. Raises `InputError`."""
    advice = "write it with --write-baseline"
    try:
        content = json.loads(files.read_regular(file, _MOST_BYTES))
    except OSError as error:
        raise InputError(f"--baseline {file} can't be read: {files.reason(error)}") from None
    except (ValueError, RecursionError):
        raise InputError(f"--baseline {file} is no JSON; {advice}") from None
    listed: Any = content.get("findings") if isinstance(content, dict) else None
    if not isinstance(listed, list) or content.get("version") != _VERSION:
        raise InputError(f"--baseline {file} is no baseline of this version; {advice}")
    return Baseline(Counter(_entry(file, item) for item in listed))


def _entry(file: FilePath, item: Any) -> tuple[str, ...]:
    given = item if isinstance(item, dict) else {}
    values = tuple(given[key] for key in _KEYS if isinstance(given.get(key), str))
    if len(values) < len(_KEYS):
        raise InputError(f"--baseline {file} has an entry without {', '.join(_KEYS)}")
    return values


def baseline_text(findings: Iterable[Finding]) -> str:
    """Return a baseline of findings; notes are no part of it."""
    keys = sorted(_key(item) for item in findings if item.severity is not Severity.NOTE)
    entries = [dict(zip(_KEYS, key, strict=True)) for key in keys]
    return json.dumps({"version": _VERSION, "findings": entries}, indent=2) + "\n"
