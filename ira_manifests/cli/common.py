"""What the commands share: the matrices, the chosen cells, their directories, and exit codes."""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ira_manifests.cli import terminal
from ira_manifests.errors import InputError

if TYPE_CHECKING:
    from ira_manifests.profiles.matrix import Matrices, Matrix, Selection
    from ira_manifests.rules.view.namespace import Seen

FINDINGS = 1
BAD_INPUT = 2

_STREAM, _MOST_INPUT = "-", 64 << 20


def stream(paths: Sequence[str]) -> bytes | None:
    """Return what standard input has, if a path is "-"; else None."""
    if _STREAM not in paths:
        return None
    if sys.stdin is None:
        raise InputError("standard input is closed; pipe what is to be read, or name files")
    content = sys.stdin.buffer.read(_MOST_INPUT + 1)
    if len(content) > _MOST_INPUT:
        raise InputError(f"the input has more than {_MOST_INPUT >> 20} MiB")
    return content


def load(
    folder: Path | None, *, workload_name: str | None = None, namespace: str | None = None
) -> Matrix:
    """Load the matrix without environments, and say where packaged profiles are read."""
    return load_all(folder, (), workload_name=workload_name, namespace=namespace).walkthrough


def load_all(
    folder: Path | None,
    environments: Collection[str] | None,
    *,
    workload_name: str | None = None,
    namespace: str | None = None,
) -> Matrices:
    """Load the matrices, and say so where the packaged profiles are read instead of ./profiles.

    `environments`: the names of those to load. Default: all.
    """
    from ira_manifests.loading import load_matrices
    from ira_manifests.profiles.loader import find_folder
    from ira_manifests.profiles.matrix import Options
    from ira_manifests.profiles.packaged import folder as packaged_folder

    found = find_folder(folder)
    if folder is None and found == packaged_folder():
        lacking = "holds no profiles" if Path("profiles").is_dir() else "does not exist"
        terminal.complain(f"note: ./profiles {lacking}; using the packaged profiles")
    matrices = load_matrices(found, Options(workload_name, namespace), environments)
    if taken := matrices.walkthrough.profiles.packaged:
        terminal.complain(f"note: {found} has no {', '.join(taken)}; using those of the package")
    return matrices


def wanted(matrices: Matrices, environments: Collection[str] | None) -> list[Matrix]:
    """Return the matrices that a command is for: of the named environments, else all.

    Raises `InputError` where that is none.
    """
    found = list(matrices.environments.values()) if environments else matrices.written
    if not found:
        place = matrices.walkthrough.profiles.place_of_platform("environments_only")
        raise InputError(
            f"{place}: environments_only is true, and there is no environment; add one as "
            "profiles/environments/NAME.yaml, or remove the line"
        )
    return found


def only(matrices: Matrices, environments: Collection[str] | None) -> Matrix:
    """Return the matrix of the one environment that is named, else the walkthrough's.

    Raises `InputError` where several are named.
    """
    if not environments:
        return matrices.walkthrough
    if len(matrices.environments) > 1:
        raise InputError("only one --environment can be named here")
    (matrix,) = matrices.environments.values()
    return matrix


def chosen(matrices: Iterable[Matrix], patterns: Sequence[str] | None) -> list[Selection]:
    """Return the cells that the patterns of --only name, without patterns all, by their matrix.

    Raises `InputError` for a pattern that names no cell of any matrix.
    """
    from ira_manifests.profiles import cell_patterns
    from ira_manifests.profiles.matrix import Selection

    given = list(matrices)
    names = {cell.name for matrix in given for cell in matrix.values()}
    unknown = cell_patterns.unmatched(patterns or (), names)
    if unknown:
        said = (cell_patterns.names_no_cell(pattern, names) for pattern in unknown)
        raise InputError(*(f"--only {each}" for each in said))
    found = [
        Selection(
            matrix,
            [cell for cell in matrix.values() if cell_patterns.match(cell.name, patterns or ())],
        )
        for matrix in given
    ]
    return [each for each in found if each.cells]


def rendered(
    selections: Sequence[Selection], out: Path, known: frozenset[str] = frozenset()
) -> list[list[Seen]]:
    """Render and judge the directories of each selection, with a bar on a terminal.

    `known`: directories to leave out. Starts Node.js.
    """
    from ira_manifests.nodejs import boot
    from ira_manifests.rules.check_objects import Judge

    total = sum(name not in known for each in selections for name in each.directories)
    with terminal.progress(total) as step, boot.explained():
        from ira_manifests.rendering import render_all

        judges = [Judge(matrix, out) for matrix, _ in selections]
        found: list[list[Seen]] = [[] for _ in selections]
        for index, directory in render_all(selections, step, known):
            found[index].append(judges[index].check(directory))
        return found
