"""Findings as text, JSON, SARIF and GitHub annotations."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Sequence
from typing import Any

from ira_manifests import installation
from ira_manifests.cli.terminal import BOLD, BOLD_RED, BOLD_YELLOW, DIM, fitted, painted
from ira_manifests.messages import count, visible, without_tokens
from ira_manifests.rules import catalogue
from ira_manifests.rules.catalogue import Rule, Severity
from ira_manifests.rules.finding import Finding

_MOST_SHOWN = 200
_MOST_REACHED = 3
_CONTINUED = " " * 6
_STYLES = {Severity.ERROR: BOLD_RED, Severity.WARNING: BOLD_YELLOW, Severity.NOTE: BOLD}


def text(findings: Sequence[Finding], *, colour: bool = False, columns: int | None = None) -> str:
    """Return findings for people: place, rule and message, and below it what to do.

    Messages and hints are wrapped at `columns`. Of very many findings the first are returned, and
    how many more there are.
    """
    lines = [_text(finding, colour, columns) for finding in findings[:_MOST_SHOWN]]
    more = len(findings) - _MOST_SHOWN
    if more > 0:
        lines.append(f"... and {count(more, 'more finding')}; --format json has all of them")
    return "\n".join(lines)


def _text(finding: Finding, colour: bool, columns: int | None) -> str:
    severity = finding.rule.severity
    rule = f"{severity} {finding.rule_id}"
    where = _in(finding)
    hint = fitted(f"    {visible(finding.hint)}", columns, _CONTINUED)[4:]
    if colour:
        rule, hint = painted(rule, _STYLES[severity]), painted(hint, DIM)
    place = visible(f"{finding.file}:{finding.line}:{finding.column}: ") if finding.file else ""
    field = f" {finding.field}:" if finding.field else ""
    said = fitted(visible(f"   {field} {finding.message}"), columns, _CONTINUED)
    lines = [f"{place}{rule} {finding.rule.name}{where}", said, f"    {hint}"]
    if finding.reach:
        lines.append(fitted(visible(f"    {_reach(finding.reach)}"), columns, _CONTINUED))
    return "\n".join(lines)


_MOST_NAMED = 3


def _in(finding: Finding) -> str:
    """Return the environments of a finding, of very many the first, such as " in dev, prod"."""
    names = finding.environments
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f" in {', '.join(names[:_MOST_NAMED])}{more}" if names else ""


def _reach(names: Sequence[str]) -> str:
    """Return the kustomizations that a finding reaches, of many the first."""
    if len(names) == 1:
        return f"in {names[0]}"
    first, more = names[:_MOST_REACHED], len(names) - _MOST_REACHED
    above = posixpath.commonpath(names) if all("/" in name for name in names) else ""
    shown = ", ".join(name.removeprefix(f"{above}/") for name in first)
    of = f" of {above}" if above else ""
    return f"in {len(names)} kustomizations{of}: {shown}{f' and {more} more' if more > 0 else ''}"


def as_json(findings: Sequence[Finding]) -> str:
    """Return findings as a JSON list of objects."""
    import json

    return json.dumps([to_json(finding) for finding in findings], indent=2)


def to_json(finding: Finding) -> dict[str, Any]:
    """Return a finding as plain values; a place of None is that of no file."""
    return {
        "rule": finding.rule_id,
        "name": finding.rule.name,
        "severity": str(finding.rule.severity),
        "file": finding.file or None,
        "line": finding.line if finding.file else None,
        "column": finding.column if finding.file else None,
        "field": without_tokens(finding.field),
        "cell": finding.cell or None,
        "environments": list(finding.environments),
        "message": without_tokens(finding.message),
        "hint": without_tokens(finding.hint),
        **({"kustomizations": list(finding.reach)} if finding.reach else {}),
    }


def sarif(findings: Sequence[Finding]) -> str:
    """Return findings as a SARIF 2.1.0 log, for code scanning.

    https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
    """
    import json

    from ira_manifests import __version__

    pages = installation.here().file_url("docs/rules.md")
    driver = {
        "name": "ira_manifests",
        "version": __version__,  # as in PEP 440, so it is no `semanticVersion`
        "rules": [_described(rule, pages) for rule in catalogue.rules().values()],
    }
    placed = [finding for finding in findings if finding.file]
    run: dict[str, Any] = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding) for finding in placed],
    }
    if len(placed) < len(findings):
        # GitHub takes no result without a place.
        others = [_notification(finding) for finding in findings if not finding.file]
        run["invocations"] = [
            {"executionSuccessful": False, "toolConfigurationNotifications": others}
        ]
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(log, indent=2)


def _index(finding: Finding) -> int:
    return list(catalogue.rules()).index(finding.rule_id)


def _described(rule: Rule, pages: str) -> dict[str, Any]:
    """Return a rule with its page, and the page's URL where that of all pages is known."""
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": rule.summary},
        **({"helpUri": f"{pages}#{rule.anchor}"} if pages else {}),
        "help": {"text": rule.page, "markdown": rule.page},
        "defaultConfiguration": {"level": str(rule.severity)},
    }


def _notification(finding: Finding) -> dict[str, Any]:
    rule = {"id": finding.rule_id, "index": _index(finding)}
    return {
        "associatedRule": rule,
        "level": str(finding.rule.severity),
        "message": {"text": without_tokens(f"{finding.message}. {finding.hint}.")},
    }


def _result(finding: Finding) -> dict[str, Any]:
    field = f"{finding.field}: " if finding.field else ""
    said = f"{field}{finding.message}{_in(finding)}. {finding.hint}."
    region = {"startLine": finding.line, "startColumn": finding.column}
    return {
        "ruleId": finding.rule_id,
        "ruleIndex": _index(finding),
        "level": str(finding.rule.severity),
        "message": {"text": without_tokens(said)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": _uri(finding.file)},
                    "region": region,
                }
            }
        ],
    }


def _uri(path: str) -> str:
    from urllib.parse import quote

    # A name on disk may be any bytes.
    return quote(path.replace("\\", "/").encode("utf-8", "surrogateescape"))


def github(findings: Sequence[Finding]) -> str:
    """Return findings as workflow commands, which GitHub shows beside the lines.

    https://docs.github.com/actions/reference/workflows-and-actions/workflow-commands
    """
    return "\n".join(_annotation(finding) for finding in findings)


def _annotation(finding: Finding) -> str:
    line, column = str(finding.line), str(finding.column)
    place = {"file": finding.file, "line": line, "col": column} if finding.file else {}
    properties = {
        **place,
        "title": f"{finding.rule_id} {finding.rule.name}",
    }
    shown = ",".join(
        f"{key}={_escaped(visible(value), more=':,')}" for key, value in properties.items()
    )
    field = f"{finding.field}: " if finding.field else ""
    said = visible(f"{field}{finding.message}{_in(finding)}")
    message = _escaped(f"{said}\n{visible(finding.hint)}")
    command = "notice" if finding.severity is Severity.NOTE else finding.severity
    return f"::{command} {shown}::{message}"


def _escaped(value: str, more: str = "") -> str:
    for letter in ("%", "\r", "\n", *more):
        value = value.replace(letter, f"%{ord(letter):02X}")
    return value


def formatter(
    name: str, *, colour: bool, columns: int | None = None
) -> Callable[[Sequence[Finding]], str]:
    """Return the format of a name: text, json, sarif or github."""
    return {
        "text": lambda findings: text(findings, colour=colour, columns=columns),
        "json": as_json,
        "sarif": sarif,
        "github": github,
    }[name]
