"""Lints some sources: builds and judges."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path as FilePath

from ira_manifests.kustomizations import tool
from ira_manifests.kustomizations.build import build
from ira_manifests.kustomizations.sources import Sources
from ira_manifests.kustomizations.tool import NoTool
from ira_manifests.lint import judging, silenced
from ira_manifests.lint.models import library
from ira_manifests.rules.finding import Finding


@dataclass(frozen=True)
class Report:
    """What was found. `roots`: kustomizations that are applied, `built`: of these, the judged."""

    findings: tuple[Finding, ...]
    roots: int
    built: int
    files: int
    """Files with manifests that are no part of a kustomization; standard input is one."""
    silenced: int
    """Findings that comments silence."""
    refused: tuple[str, ...]
    """Comments that were to silence a finding and do not, each with its place and the reason."""
    no_tool: NoTool | None
    """Why no kustomization was built; None if they were, or there are none."""


def lint(
    sources: Sources,
    *,
    models: FilePath | None = None,
    remote: bool = False,
    step: Callable[[str], None] = lambda _name: None,
) -> Report:
    """Judge some sources. `models`: a folder of config.json files; `remote`: fetch remote bases.

    `step` is called for each kustomization that is built. Raises `InputError` for `models`.
    """
    known = library(models)
    found = tool.find(remote=remote) if sources.roots else NoTool("")
    built = build(sources, found, step, remote=remote)
    findings = judging.judge(sources, built, known)
    rest = silenced.without_comments(findings, sources.here)
    return Report(
        tuple(rest.findings),
        len(built),
        sum(bool(each.objects) for each in built),
        len(sources.plain) + (sources.stream is not None),
        rest.silenced,
        tuple(rest.refused),
        no_tool=found if isinstance(found, NoTool) and built else None,
    )
