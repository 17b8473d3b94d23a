"""`import`: writes profiles that make what a hand-written tree makes, and tells what differs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from ira_manifests.cli import common, documents, import_report, schema_files, terminal, whole
from ira_manifests.errors import InputError, OutputError
from ira_manifests.importing import run
from ira_manifests.kustomizations.search import find
from ira_manifests.kustomizations.sources import Sources
from ira_manifests.kustomizations.tool import NoTool
from ira_manifests.profile_files import KINDS, SCHEMA_FOLDER


def command(
    *,
    paths: list[str],
    out: Path,
    dry_run: bool,
    as_json: bool,
    models_folder: Path | None,
    allow_remote: bool,
) -> int:
    """Write profiles that make what a hand-written tree makes, and tell what differs."""
    if not dry_run and os.path.lexists(out):
        raise InputError(f"{out} is there already, and nothing is overwritten; name a new --out")
    sources = find(paths, common.stream(paths))
    with terminal.progress(len(sources.roots)) as step:
        found = run.read_tree(sources, models=models_folder, remote=allow_remote, step=step)
    if not found.files:
        if not as_json:
            import_report.left(found)
        raise InputError(_nothing(sources, found.no_tool))
    if dry_run and not as_json:
        for name, text in found.files.items():
            terminal.say(f"# {out / name}\n{text}")
    elif not dry_run:
        _write(out, found.files)
    if as_json:
        documents.say(import_report.document(found))
    else:
        import_report.report(found)
    if not dry_run and not as_json:
        import_report.next_steps(out, found)
    return 0 if found.is_complete else common.FINDINGS


def _nothing(sources: Sources, no_tool: NoTool | None) -> str:
    if no_tool is not None:
        return f"{no_tool.why}, so no kustomization was read; {no_tool.advice}"
    troubles = [f"{each.file}: {each.message}" for each in sources.troubles[:1]]
    why = f" ({troubles[0]})" if troubles else ""
    return (
        f"no server of vLLM became a cell, so nothing is written{why}; name the folder of "
        "Deployments that start one"
    )


def _write(out: Path, texts: Mapping[str, str]) -> None:
    """Write a new folder, whole or not at all."""
    with whole.beside(out, done="made") as part:
        for name, text in texts.items():
            file = part / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
        schema_files.write(part / SCHEMA_FOLDER, KINDS)
        if os.path.lexists(out):  # made since the beginning
            raise OutputError(f"{out} is there already, and is left as it is")
        part.rename(out)
