"""`diff`: what changes on a cluster between a Git revision's profiles and today's."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ira_manifests.cli import common, diff_markdown, diff_report, documents, revision, terminal
from ira_manifests.errors import InputError, ProfileError, did_you_mean, one_of

if TYPE_CHECKING:
    from ira_manifests.comparing import Comparison
    from ira_manifests.output.directory import Directory
    from ira_manifests.profiles.matrix import Matrices, Matrix, Selection


def command(
    *,
    revision_name: str | None,
    source: Path | None,
    profiles_folder: Path | None,
    environments: list[str] | None,
    namespace: str | None,
    workload_name: str | None,
    output_format: str,
    exit_code: bool,
    as_json: bool,
) -> int:
    """Say what a change of profiles does to a cluster."""
    if revision_name is not None and source is not None:
        raise InputError("REVISION and --from both name what to compare with; pass only one")
    if as_json and output_format != "text":
        raise InputError("--json and --format can't be combined")
    new = common.load_all(profiles_folder, None, workload_name=workload_name, namespace=namespace)
    before = revision_name or "HEAD"
    with _old(before, source, profiles_folder, workload_name, namespace) as old:
        found = _compared(_wanted(old, new, environments))
    name = str(source) if source is not None else before
    if as_json:
        documents.say({"compared_with": name, **found.to_json()})
    elif output_format == "markdown":
        terminal.say(diff_markdown.document(found, name))
    else:
        diff_report.say(found, name)
    return common.FINDINGS if exit_code and not found.is_empty else 0


@contextlib.contextmanager
def _old(
    before: str,
    source: Path | None,
    profiles_folder: Path | None,
    workload_name: str | None,
    namespace: str | None,
) -> Iterator[Matrices | None]:
    """Yield the matrices to compare with; None where the revision has no profiles."""
    from ira_manifests.loading import load_matrices
    from ira_manifests.profiles.loader import find_folder
    from ira_manifests.profiles.matrix import Options

    options = Options(workload_name, namespace)
    if source is not None:
        yield load_matrices(find_folder(source), options)
        return
    folder = find_folder(profiles_folder)
    with revision.checked_out(folder, before) as copy:
        if copy is None:
            terminal.complain(f"note: {before} has no {folder}; everything is new")
            yield None
            return
        with _placed(copy, f"{before}:{folder}"):
            found = load_matrices(copy, options)
        yield found


@contextlib.contextmanager
def _placed(copy: Path, name: str) -> Iterator[None]:
    """Name the revision in the places of problems, instead of its temporary copy."""
    try:
        yield
    except ProfileError as error:
        problems = [
            replace(each, file=each.file.replace(str(copy), name, 1)) for each in error.problems
        ]
        raise ProfileError(problems, error.options) from None


def _wanted(
    old: Matrices | None, new: Matrices, environments: Collection[str] | None
) -> tuple[list[Matrix], list[Matrix]]:
    """Return the matrices of both sides, those of some environments only if they are named."""
    sides = (old.written if old is not None else [], new.written)
    known = {matrix.environment for side in sides for matrix in side if matrix.environment}
    unknown = [name for name in environments or () if name not in known]
    if unknown:
        raise InputError(
            *(
                f"there is no environment {name!r} on either side; known: {one_of(known)}"
                f"{did_you_mean(name, known)}"
                for name in unknown
            )
        )
    return (
        [each for each in sides[0] if not environments or each.environment in environments],
        [each for each in sides[1] if not environments or each.environment in environments],
    )


def _compared(matrices: tuple[list[Matrix], list[Matrix]]) -> Comparison:
    """Render the directories whose profiles differ, and compare them."""
    from ira_manifests import comparing
    from ira_manifests.render_cache import inputs

    old, new = (common.chosen(each, None) for each in matrices)
    before, after = inputs(old), inputs(new)
    every = {*before, *after}
    same = frozenset(name for name in every if before.get(name) == after.get(name))
    differing = set(every - same)
    rendered = _rendered([*old, *new], same) if differing else [[] for _ in (*old, *new)]
    sides = [
        comparing.Side(selection.matrix, directories)
        for selection, directories in zip([*old, *new], rendered, strict=True)
    ]
    named = [{side.matrix.environment: side for side in part} for part in (
        sides[: len(old)], sides[len(old) :],
    )]  # fmt: skip
    return comparing.compare(named[0], named[1], differing)


def _rendered(selections: Sequence[Selection], same: frozenset[str]) -> list[list[Directory]]:
    from ira_manifests.nodejs import boot

    total = sum(name not in same for each in selections for name in each.directories)
    with terminal.progress(total) as step, boot.explained():
        from ira_manifests.rendering import render_all

        found: list[list[Directory]] = [[] for _ in selections]
        for index, directory in render_all(selections, step, same):
            found[index].append(directory)
        return found
