"""Rules of the server's arguments in a cell's profile."""

from __future__ import annotations

from collections.abc import Iterator

from ira_manifests.kubernetes import names
from ira_manifests.profiles.cell import Cell
from ira_manifests.profiles.matrix import Matrix
from ira_manifests.profiles.yaml_source import Path
from ira_manifests.rules.finding import Finding, found
from ira_manifests.vllm import (
    FlagProblem,
    UnknownReleaseError,
    flag_problems,
    settings,
)

CRASH_LOOP = "the server exits as it starts, again and again"
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
    yield from _weights_left_out(matrix, cell)


# vllm/model_executor/model_loader/default_loader.py: with this format the server loads these
# files and no others.
_MISTRAL_WEIGHTS = ("consolidated.safetensors", "consolidated-00001-of-00002.safetensors")


def _weights_left_out(matrix: Matrix, cell: Cell) -> Iterator[Finding]:
    """Yield a finding where the server reads weights that the download leaves out."""
    left_out = [name for name in _MISTRAL_WEIGHTS if _is_left_out(cell, name)]
    for index, flag in enumerate(cell.profile.flags if left_out else ()):
        if settings([flag], cell.platform.engine.version).get("--load-format") == "mistral":
            source = matrix.profiles.sources["models", cell.model_name]
            path: Path = ("cells", cell.gpu_name, "flags", index)
            message = f"{flag} reads consolidated*.safetensors, which the download leaves out"
            hint = "add consolidated*.safetensors to download.keep of the model, or drop the flag"
            yield found(source.file, source.document, path, "IRA045", message, hint, cell=cell.name)


def _is_left_out(cell: Cell, name: str) -> bool:
    """Return whether the download leaves out a file where there are other safetensors."""
    lists, own = cell.platform.model_download, cell.model.download
    if own and any(names.matches_glob(name, pattern) for pattern in own.keep):
        return False
    excluded = (*lists.exclude, *lists.exclude_beside_safetensors, *(own.exclude if own else ()))
    return any(names.matches_glob(name, pattern) for pattern in excluded)


def _problems(words: list[str], version: str) -> list[FlagProblem]:
    try:
        return flag_problems(words, version)
    except UnknownReleaseError:
        return []  # none of them can be called wrong; another rule says so
