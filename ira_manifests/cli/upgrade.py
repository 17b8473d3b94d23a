"""`upgrade`: another release of vLLM, and what it changes for every cell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ira_manifests import upgrading
from ira_manifests.cli import common, documents, editing, upgrade_report
from ira_manifests.cli.editing import Edit
from ira_manifests.errors import InputError, ProfileError, did_you_mean, one_of
from ira_manifests.kubernetes import names
from ira_manifests.loading import load_matrices
from ira_manifests.profile_files import ENVIRONMENT_FOLDER, MODEL_FOLDER
from ira_manifests.profiles.loader import find_folder
from ira_manifests.profiles.matrix import Matrices, Options
from ira_manifests.profiles.packaged import folder as packaged_folder
from ira_manifests.profiles.yaml_source import dotted
from ira_manifests.upgrading import Edited, Pin, Releases, Upgrade, Wanted
from ira_manifests.vllm import Release
from ira_manifests.vllm.changes import OLDEST


def command(
    *,
    engine: str,
    tag: str | None,
    digest: str | None,
    environments: list[str] | None,
    every: bool,
    dry_run: bool,
    all_options: bool,
    profiles_folder: Path | None,
    as_json: bool,
) -> int:
    """Pin another release of vLLM, and say what it changes for every cell."""
    wanted = _wanted(engine, tag, digest, environments, every=every)
    folder = find_folder(profiles_folder)
    if profiles_folder is None and folder == packaged_folder():
        raise InputError("./profiles has no release to change; `init` writes profiles there")
    old = common.load_all(profiles_folder, None)
    _require_known(old, wanted.environments)
    pins = upgrading.chosen(old, wanted)
    _require_users(pins, folder)
    upgrading.require_own(old, pins)
    contents = {file: editing.read(Path(file)) for file in upgrading.files_of(pins)}
    edits = upgrading.edited(pins, contents, wanted)
    new = _edited(folder, edits)
    found = upgrading.compare(old, new)
    if not dry_run:
        editing.replace_all([Edit(Path(each.file), each.before, each.after) for each in edits])
    kept = _kept(old, pins, wanted)
    if as_json:
        documents.say(_document(wanted, edits, kept, found, written=bool(edits) and not dry_run))
    else:
        report = upgrade_report.Report(wanted.release, found, edits, kept, dry_run, all_options)
        report.say()
    return common.FINDINGS if found.refuses else 0


def _edited(folder: Path, edits: Sequence[Edited]) -> Matrices:
    """Return the profiles with the edits. Raises ProfileError with what they break."""
    try:
        return load_matrices(folder, Options(), None, {each.file: each.after for each in edits})
    except ProfileError as error:
        note = "the problems are those of the profiles with the new pin; nothing was written"
        raise ProfileError(error.problems, (*error.options, note)) from None


def _wanted(
    engine: str, tag: str | None, digest: str | None, environments: list[str] | None, *, every: bool
) -> Wanted:
    """Return what the options ask for. Raises InputError for what none of them allows."""
    release = Release.parse(engine)
    if release < OLDEST:
        raise InputError(f"--engine {release} is too old: {OLDEST} is the oldest known release")
    if "+" in engine:
        raise InputError(
            f"--engine {engine} is a build of {release}; pass --engine {release}, and the tag of "
            f"its image, such as --tag v{engine.removeprefix('v').replace('+', '-')}"
        )
    if every and environments:
        raise InputError("--all and --environment both name pins; pass only one")
    if tag is not None:
        names.require("--tag", tag, names.check_tag)
    if digest is not None:
        names.require("--digest", digest, names.check_digest)
    return Wanted(release, tag, digest, tuple(dict.fromkeys(environments or ())), every)


def _require_known(matrices: Matrices, environments: Sequence[str]) -> None:
    known = matrices.environments
    unknown = [name for name in environments if name not in known]
    if unknown:
        raise InputError(
            *(
                f"there is no environment {name!r}; known: {one_of(known)}"
                f"{did_you_mean(name, known)}"
                for name in unknown
            )
        )


def _require_users(pins: Sequence[Pin], folder: Path) -> None:
    """Refuse to edit a file that is the package's, as that of a folder of models alone."""
    for pin in pins:
        if not Path(pin.at.file).is_relative_to(folder):
            raise InputError(
                f"{pin.place}: the release is that of the package, as {folder} has no "
                f"{Path(pin.at.file).name}; copy the file there, and run this again"
            )


def _kept(matrices: Matrices, pins: Sequence[Pin], wanted: Wanted) -> list[Pin]:
    """Return pins of another release that stay, and that decide a cell which was to change."""
    changed = {(pin.key, pin.path) for pin in pins}
    left = [pin for pin in upgrading.find(matrices) if (pin.key, pin.path) not in changed]
    return [
        pin
        for pin in left
        if Release.parse(pin.release) != wanted.release
        and (not wanted.environments or _concerns(pin, wanted.environments))
    ]


def _concerns(pin: Pin, environments: Sequence[str]) -> bool:
    kind, name = pin.key
    return kind == MODEL_FOLDER or (kind == ENVIRONMENT_FOLDER and name in environments)


def _document(
    wanted: Wanted, edits: Sequence[Edited], kept: Sequence[Pin], found: Upgrade, *, written: bool
) -> dict[str, Any]:
    """Return what changes as plain values."""
    return {
        "engine": str(wanted.release),
        "written": written,
        "changes": [
            {"file": edit.file, "field": dotted(each.path), "old": each.old, "new": each.new}
            for edit in edits
            for each in edit.changes
        ],
        "kept": [
            {"file": pin.at.file, "line": pin.at.line, "field": dotted(pin.at.path),
             "engine": pin.release}
            for pin in kept
        ],
        "releases": [_of_releases(each, found) for each in found.releases],
        "cells": [each.to_json() for each in found.cells],
        "findings": documents.findings(found.told),
        "fixed": documents.findings(found.fixed),
    }  # fmt: skip


def _of_releases(pair: Releases, found: Upgrade) -> dict[str, Any]:
    cells = found.of(pair)
    return {
        "old": pair.old,
        "new": pair.new,
        "not_judged": pair.unknown or None,
        "options": {
            "new": list(pair.new_options),
            "gone": list(pair.gone_options),
            "renamed": [{"old": old, "new": new} for old, new in pair.renamed_options],
        },
        "defaults": [
            {**asdict(moved), "judged": moved.is_judged,
             "set_by": [each.name for each in cells if moved.option in each.options]}
            for moved in pair.moved
        ],
        "metrics": [asdict(each) for each in pair.metrics],
        "new_metrics": list(pair.new_metrics),
        "entry": list(pair.entry) if pair.entry else None,
    }  # fmt: skip
