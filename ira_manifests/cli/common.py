"""What the commands share: the matrix, the chosen cells, their directories, and exit codes."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

from ira_manifests.cli import terminal
from ira_manifests.errors import InputError, did_you_mean, one_of

if TYPE_CHECKING:
    from ira_manifests.profiles.cell import Cell
    from ira_manifests.profiles.matrix import Matrix
    from ira_manifests.rules.view.namespace import Seen

FINDINGS = 1
BAD_INPUT = 2


def load(
    folder: Path | None, *, workload_name: str | None = None, namespace: str | None = None
) -> Matrix:
    """Load the matrix, and say so where the packaged profiles are read instead of ./profiles."""
    from ira_manifests.loading import load_matrix
    from ira_manifests.profiles.loader import find_folder
    from ira_manifests.profiles.packaged import folder as packaged_folder

    found = find_folder(folder)
    if folder is None and found == packaged_folder():
        lacking = "holds no profiles" if Path("profiles").is_dir() else "does not exist"
        terminal.complain(f"note: ./profiles {lacking}; using the packaged profiles")
    matrix = load_matrix(found, workload_name=workload_name, namespace=namespace)
    if taken := matrix.profiles.packaged:
        terminal.complain(f"note: {found} has no {', '.join(taken)}; using those of the package")
    return matrix


def chosen(matrix: Matrix, patterns: list[str] | None) -> list[Cell]:
    """Return the cells that the patterns of --only name; without patterns, all."""
    if not patterns:
        return list(matrix.values())
    by_name = {cell.name: cell for cell in matrix.values()}
    known = [*by_name, *(f"{gpu}/*" for gpu, _ in matrix), *(f"*/{model}" for _, model in matrix)]
    unknown = [
        f"--only {pattern!r} names no cell of the matrix; it has {one_of(by_name)}"
        f"{did_you_mean(pattern, known)}"
        for pattern in patterns
        if not any(fnmatchcase(name, pattern) for name in by_name)
    ]
    if unknown:
        raise InputError(*unknown)
    return [
        cell
        for name, cell in by_name.items()
        if any(fnmatchcase(name, pattern) for pattern in patterns)
    ]


def rendered(
    matrix: Matrix, cells: list[Cell], out: Path, known: frozenset[str] = frozenset()
) -> list[Seen]:
    """Render and judge the directories of the cells, with a bar on a terminal. Starts Node.js.

    `known`: directories to leave out.
    """
    from ira_manifests.nodejs import boot
    from ira_manifests.profiles.matrix import directories
    from ira_manifests.rules.check_objects import Judge

    judge = Judge(matrix, out)
    total = sum(name not in known for name in directories(cells))
    with terminal.progress(total) as step, boot.explained():
        from ira_manifests.rendering import render

        return [judge.check(directory) for directory in render(matrix, cells, step, known)]
