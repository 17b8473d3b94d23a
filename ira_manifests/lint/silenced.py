"""What silences findings: comments in the author's files, and a baseline of known findings."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any, NamedTuple

from ira_manifests import files
from ira_manifests.errors import InputError
from ira_manifests.rules.catalogue import Rule, Severity, rules
from ira_manifests.rules.finding import Finding

_COMMENT = re.compile(r"#\s*ira:\s*ignore\b:?(.*)", re.IGNORECASE)
_RULE = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)\s*(,|:|)")
_MOST_BYTES = 64 << 20
_VERSION = 1
_KEYS = ("rule", "file", "field", "message")


class Rest(NamedTuple):
    """The findings that no comment silences, and how many are silenced.

    `refused`: comments at findings that silence nothing, each with its place and the reason.
    """

    findings: list[Finding]
    silenced: int
    refused: list[str]


def without_comments(findings: Iterable[Finding], here: FilePath) -> Rest:
    """Return the findings that no comment silences.

    A comment is at the finding's line, or among comments right above, and gives a reason:
    `# ira: ignore IRA015 the mirror has one tag`. `here`: the folder to which paths are relative.
    """
    lines: dict[str, list[str]] = {}
    rest = Rest([], 0, [])
    refused: dict[str, None] = {}
    for item in findings:
        if item.file not in lines:
            lines[item.file] = _lines(here / item.file)
        comments = [_parsed(*each) for each in _comments(item.line, lines[item.file])]
        if any(item.rule_id in each.ids for each in comments):
            rest = rest._replace(silenced=rest.silenced + 1)
        else:
            rest.findings.append(item)
        refused |= {
            f"{item.file}:{each.line}: {each.fault}": None for each in comments if each.fault
        }
    return rest._replace(refused=list(refused))


def _lines(file: FilePath) -> list[str]:
    try:
        return files.read_regular(file, _MOST_BYTES).decode("utf-8", "replace").splitlines()
    except OSError:
        return []  # standard input


class _Comment(NamedTuple):
    """The rules that a comment silences, or why it silences none."""

    line: int
    ids: frozenset[str]
    fault: str = ""


def _comments(line: int, lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the comments at a line, and those on lines of their own right above it."""
    for number in range(line, 0, -1):
        text = lines[number - 1] if number <= len(lines) else ""
        if number != line and not text.lstrip().startswith("#"):
            return
        found = _COMMENT.search(text)
        if found:
            yield number, found[1]


def _parsed(line: int, text: str) -> _Comment:
    ids = set()
    more = ","
    while more == ",":
        found = _RULE.match(text)
        named = found and found[1].casefold()
        known = next((each.id for each in rules().values() if named in _names(each)), "")
        if found is None or not known:
            fault = f"there is no rule {found[1]}" if found else "the comment names no rule"
            return _Comment(line, frozenset(), f"{fault}; write # ira: ignore IRA015 REASON")
        ids.add(known)
        more, text = found[2], text[found.end() :]
    if not re.search(r"\w", text):
        fault = f"the comment gives no reason; write # ira: ignore {', '.join(sorted(ids))} REASON"
        return _Comment(line, frozenset(), fault)
    return _Comment(line, frozenset(ids))


def _names(rule: Rule) -> tuple[str, str]:
    return rule.id.casefold(), rule.name


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
        content = json.loads(files.read_regular(file, _MOST_BYTES).decode("utf-8-sig"))
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
