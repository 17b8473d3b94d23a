"""Rules of the server's arguments in a cell's profile."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.engine_options import FlagProblem, UnknownReleaseError, flag_problems
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.finding import Finding, found

CRASH_LOOP = "the server prints its usage and exits, again and again"
READ_THEM_YOURSELF = "compare the flags with that release's vllm serve --help"


def check_release(matrix: Matrix) -> Iterator[Finding]:
    """Yield a finding where the options of the pinned release are unknown."""
    try:
        flag_problems([], matrix.platform.engine.version)
    except UnknownReleaseError as error:
        source = matrix.profiles.sources["platform", "platform"]
        path = ("engine", "version")
        yield found(source.file, source.document, path, "IRA032", f"{error}", READ_THEM_YOURSELF)


def check_cell(matrix: Matrix, cell: Cell) -> Iterator[Finding]:
    """Yield the flags of a profile that the engine refuses."""
    source = matrix.profiles.sources["models", cell.model_name]
    flags = cell.server_flags
    of_fields = len(flags) - len(cell.profile.flags)
    for problem in _problems([cell.mount_path, *flags], cell.platform.engine.version):
        index = problem.index - 1 - of_fields
        field: Path = ("flags", index) if index >= 0 else ("kv_cache_dtype",)
        yield found(
            source.file, source.document, ("cells", cell.gpu_name, *field), "IRA010",
            problem.message, CRASH_LOOP, cell=cell.name,
        )  # fmt: skip


def _problems(words: list[str], version: str) -> list[FlagProblem]:
    try:
        return flag_problems(words, version)
    except UnknownReleaseError:
        return []  # none of them can be called wrong; another rule says so
