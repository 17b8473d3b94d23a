"""`lint`: judges kustomizations and manifests that this project did not write."""

from __future__ import annotations

import sys
from collections.abc import Collection
from pathlib import Path

from ira_manifests.cli import common, formats, shared_options, terminal, tree_options, whole
from ira_manifests.errors import InputError
from ira_manifests.kustomizations.search import find
from ira_manifests.lint import run, silenced
from ira_manifests.lint.run import Report
from ira_manifests.messages import count, visible
from ira_manifests.rules.catalogue import Severity
from ira_manifests.rules.finding import Finding


def command(
    *,
    paths: list[str],
    output_format: str,
    only_rules: list[str] | None,
    ignored: list[str] | None,
    severity: str,
    baseline: Path | None,
    write_baseline: Path | None,
    models_folder: Path | None,
    allow_remote: bool,
) -> int:
    """Judge kustomizations and manifests that this project did not write."""
    known = None if baseline is None else silenced.read_baseline(baseline)
    sources = find(paths, common.stream(paths))
    with terminal.progress(len(sources.roots)) as step:
        report = run.lint(sources, models=models_folder, remote=allow_remote, step=step)
    chosen = [item for item in report.findings if _is_chosen(item, only_rules, ignored or ())]
    if write_baseline is not None:
        _refuse_without_tool(report)  # else a baseline would be of less than the tree
        return _write(write_baseline, chosen)
    gone = 0
    if known is not None:
        chosen, gone = known.rest(chosen)
    shown = [
        item for item in chosen if _rank(item.severity) <= tree_options.SEVERITIES.index(severity)
    ]
    _print(shown, output_format)
    if output_format == shared_options.FORMATS[0]:
        _summarise(report, chosen, shown)
    for each in report.refused:
        terminal.complain(visible(f"note: {each}"))
    if gone:
        terminal.complain(
            f"note: gone since the baseline: {count(gone, 'finding')}; write it again"
        )
    _refuse_without_tool(report)
    return common.FINDINGS if any(item.refuses for item in chosen) else 0


def _refuse_without_tool(report: Report) -> None:
    if report.no_tool is not None:
        why, advice = report.no_tool.why, report.no_tool.advice
        raise InputError(f"{why}, so no kustomization was judged; {advice}")


def _is_chosen(item: Finding, only: Collection[str] | None, ignored: Collection[str]) -> bool:
    return item.rule_id not in ignored and (only is None or item.rule_id in only)


def _rank(severity: str) -> int:
    return tree_options.SEVERITIES.index(severity)


def _print(findings: list[Finding], output_format: str) -> None:
    stream = sys.stdout
    colour, columns = terminal.colourful(stream), terminal.width(stream)
    shown = formats.formatter(output_format, colour=colour, columns=columns)(findings)
    if shown:
        terminal.say(shown)


def _summarise(report: Report, chosen: list[Finding], shown: list[Finding]) -> None:
    judged = []
    if report.roots:
        of_all = "" if report.built == report.roots else f"{report.built} of "
        judged.append(f"{of_all}{count(report.roots, 'kustomization')}")
    if report.files or not report.roots:
        judged.append(count(report.files, "file"))
    found = [sum(each.severity is severity for each in chosen) for severity in Severity]
    parts = [count(found[0], "error"), count(found[1], "warning")]
    if found[2]:
        hidden = " (--severity note shows them)" if len(shown) < len(chosen) else ""
        parts.append(f"{count(found[2], 'note')} on what is not judged{hidden}")
    if report.silenced:
        parts.append(f"{report.silenced} silenced by comments")
    terminal.say(f"{' and '.join(judged)} judged: {', '.join(parts)}.")


def _write(file: Path, findings: list[Finding]) -> int:
    text = silenced.baseline_text(findings)
    with whole.beside(file) as part:
        part.write_text(text, "utf-8")
        part.replace(file)
    kept = sum(item.severity is not Severity.NOTE for item in findings)
    terminal.say(f"{file}: {count(kept, 'finding')} written.")
    return 0
